"""The queue room's world, on an in-process DynamoDB."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from tests_support.table import state_table

sys.path.insert(0, str(Path(__file__).parent))

from office import Office
from watching import Watched
from world import World


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(*, bot: bool = False, **environment: str) -> World:
        made.append(World(bot=bot, **environment))
        return made[-1]

    with mock_aws():
        yield make
        for world in made:
            world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def make_office() -> Iterator[Callable[..., Office]]:
    made: list[Office] = []

    def make(**given: Any) -> Office:
        client = state_table()
        made.append(Office(client, **given))
        return made[-1]

    with mock_aws():
        yield make
        for office in made:
            office.close()


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    return make_office()


@pytest.fixture
def make_watched() -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(*, bot: bool = False, quick: bool = False, **environment: str) -> Watched:
        if made:
            made[-1].client.delete_table(TableName="state-table")
        made.append(Watched(bot=bot, quick=quick, **environment))
        return made[-1]

    with mock_aws():
        yield make
        for world in made:
            world.close()
