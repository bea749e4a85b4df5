"""The real thing on this machine: built artifacts, an embedded AWS and PostgreSQL, emulators of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e_world import World
from metta_local import deploy
from metta_local.deployed import BUILD_DIRECTORY
from metta_local.stack import LocalStack


@pytest.fixture(scope="session")
def built() -> Path:
    """The artifacts, built for this machine."""
    return deploy.build(BUILD_DIRECTORY).parent


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Queue, table, database and emulators; nobody works on the queue."""
    with LocalStack({}) as started:
        yield started


@pytest.fixture
def world(stack: LocalStack) -> World:
    """A fresh Chatwoot and fresh turn state; the audit log keeps growing."""
    assert stack.chatwoot is not None
    assert stack.model is not None
    assert stack.aws is not None
    fresh = World(stack, stack.chatwoot, stack.model, stack.aws)
    fresh.forget()
    return fresh
