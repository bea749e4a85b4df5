"""One worker for this folder; each question is asked in a fresh shop and a new conversation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from metta.guardrails import ForeignTextCheck
from metta.messages import Turn
from metta.persistence.store import AuditStore
from tests_support.table import state_table

from .poisoned import PoisonedShop


@pytest.fixture(scope="module")  # what it puts in the place of AWS and of the audit store must end with it
def _opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PoisonedShop]:
    with mock_aws(), pytest.MonkeyPatch.context() as patching:
        made = PoisonedShop(state_table(), tmp_path_factory.mktemp("poisoned"))

        async def save_turn(_store: AuditStore, turn: Turn) -> None:
            made.turns.append(turn.model_copy(deep=True))

        patching.setattr(AuditStore, "save_turn", save_turn)
        yield made
        made.close()


@pytest.fixture
def shop(_opened: PoisonedShop) -> PoisonedShop:
    return _opened


@pytest.fixture
def nothing_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is down: whatever stands in the shop reaches the model."""
    monkeypatch.setattr(ForeignTextCheck, "__call__", lambda _check, _text: False)
