"""One emulated model for all tests of this folder; each finds it empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from agents.retry import ModelRetryBackoffSettings

from metta.ai import failures
from metta_local.model import ModelEmulator
from unit.ai.support import Desk, served


@pytest.fixture(scope="session")
def _model() -> Iterator[tuple[ModelEmulator, str]]:
    with served() as both:
        yield both


@pytest.fixture
def desk(_model: tuple[ModelEmulator, str]) -> Desk:
    emulator, url = _model
    emulator.reset()
    return Desk(emulator, url)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries as always, without their backoff."""
    monkeypatch.setattr(failures, "_BACKOFF", ModelRetryBackoffSettings(initial_delay=0.01, jitter=False))
