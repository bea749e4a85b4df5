"""One world for each mode; each case is played once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from metta_local.aws import MiniStack
from metta_local.redteam.running import Played, world


@pytest.fixture(scope="package")
def aws() -> Iterator[MiniStack]:
    with MiniStack() as started:
        yield started


@pytest.fixture(scope="module")
def undetected(aws: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Nobody looks for attacks in what comes in."""
    with world(tmp_path_factory.mktemp("off"), aws, detection=False) as made:
        yield Played(made)


@pytest.fixture(scope="module")
def as_shipped(aws: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with world(tmp_path_factory.mktemp("on"), aws, detection=True) as made:
        yield Played(made)
