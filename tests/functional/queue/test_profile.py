"""The profile of ``metta bench throughput`` on the real handler: it tells where the CPU went, all of it and rightly."""

from __future__ import annotations

import time
from typing import Any

import pytest
from office import Office

from metta.guardrails import Guardrails
from metta.queue.state import TurnStates
from metta_local.bench.ledger import Ledger
from metta_local.bench.steps import STEPS
from metta_local.bench.throughput import shares
from tests_support import payload, record

BURN = 0.1
"""CPU seconds by which a step is made slower."""


def burn() -> None:
    end = time.thread_time() + BURN
    while time.thread_time() < end:
        pass


def questions(office: Office, first: int, number: int = 5) -> list[dict[str, Any]]:
    """As many conversations, each with a customer who waits."""
    records = []
    for conversation in range(first, first + number):
        message = office.chatwoot[conversation].add("Where is my order S00042?")
        body = payload(
            "01_incoming_text_webwidget.json",
            id=message.id + conversation,
            content=message.text,
            created_at=message.created_at.isoformat(),
            conversation__id=conversation,
        )
        records.append(record(body, n=conversation))
    return records


def profile(office: Office, first: int) -> dict[str, dict[str, Any]]:
    """The shares by step of one batch of five turns."""
    records = questions(office, first)
    ledger = Ledger()
    began = time.process_time()
    with ledger.kept(STEPS):
        assert office.handle(*records) == []
    whole = time.process_time() - began
    return {row["step"]: row for row in shares(ledger.seconds(), ledger.calls(), whole, 5)}


@pytest.mark.parametrize(
    ("owner", "name", "step"), [(Guardrails, "validate_output", "guardrails"), (TurnStates, "save", "turn state")]
)
def test_a_step_that_became_slow_shows_up_as_itself(
    office: Office, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, step: str
) -> None:
    office.handle(*questions(office, 100))
    before = profile(office, 200)
    original = getattr(owner, name)

    def slow(*args: Any, **kwargs: Any) -> Any:
        burn()
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, slow)
    after = profile(office, 300)

    assert sum(row["share"] for row in after.values()) == pytest.approx(1, abs=0.01)
    assert after[step]["calls"] == before[step]["calls"]
    slower = {name: after[name]["milliseconds"] - before[name]["milliseconds"] for name in before}
    burnt = {"guardrails": 1, "turn state": 2}[step] * BURN * 1000
    assert slower.pop(step) == pytest.approx(burnt, rel=0.3)
    assert max(slower.values()) < 0.3 * burnt, "no other step is blamed for it"


def test_each_step_of_a_turn_is_seen(office: Office) -> None:
    office.handle(*questions(office, 100))
    seen = profile(office, 200)
    for step in ("batch", "guard", "turn", "turn state", "guardrails", "parsing, serialising", "logs, metrics"):
        assert seen[step]["calls"] > 0, step
        assert seen[step]["milliseconds"] > 0, step
