"""The bounds by themselves: which texts are alike, what a run that is cut off leaves, the operator's metric."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.bounds import Bounds, micro_usd, remember, text_digest
from metta.errors import BudgetExhausted
from metta.messages import Contact, ConversationKey, IncomingMessage, ModelCall, Outcome, Turn
from metta.observability import Meter
from metta.policy import Limits, Price
from metta.queue.measuring import measure
from metta.settings import load
from metta.state import ConversationState

KEY = ConversationKey(account_id=3, conversation_id=84)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG = "Thank you for contacting us, your ticket number is {} and we reply within {} days."


def turn(text: str, **more: Any) -> Turn:
    contact = Contact(id=901)
    message = IncomingMessage(key=KEY, message_id=1, inbox_id=11, text=text, created_at=NOW, contact=contact)
    return Turn(id="t-1", key=KEY, inbox_id=11, contact=contact, messages=(message,), started_at=NOW, **more)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Any news?", "  any\nNEWS? ", True),
        ("Straße", "STRASSE", True),
        ("\uff21ny news?", "Any news?", True),
        (LONG.format(4711, 2), LONG.format("88 12", 3), True),
        ("Where is S00042?", "Where is S00043?", False),
        ("1", "2", False),
        ("Any news?", "Any news!", False),
    ],
)
def test_texts_are_alike_that_differ_as_a_machines_do(one: str, other: str, alike: bool) -> None:
    assert (text_digest(turn(one)) == text_digest(turn(other))) is alike


def test_what_is_remembered_of_a_conversation_does_not_grow() -> None:
    clock = [0.0]
    state = ConversationState(key=KEY, owner="", lease_until=0, clock=lambda: clock[0])
    for n in range(150):
        clock[0] += 1
        remember(turn(f"text {n}", outcome=Outcome.ANSWERED), state)
    assert len(state.recent) == 100
    clock[0] += 3700
    remember(turn("later", outcome=Outcome.HANDED_OFF), state)
    remember(turn("not answered", outcome=Outcome.SKIPPED), state)
    assert len(state.recent) == 1


class Ledger:
    """Counters that note what they are told."""

    def __init__(self) -> None:
        self.taken = 0
        self.full = False

    def add_messages(self, *_: Any, **__: Any) -> bool:
        return True

    def reserve(self, account_id: int, day: datetime, reservation: str, amount: int, *, limit: int) -> bool:
        self.taken += 0 if self.full else amount
        return not self.full

    def settle(self, account_id: int, day: datetime, reservation: str, difference: int) -> int | None:
        self.taken += difference
        return self.taken


def test_a_run_that_is_cut_off_leaves_what_it_took() -> None:
    ledger = Ledger()
    bounds = Bounds(Limits(), ledger, price=Price(input=1, cached=1, output=1))

    async def cut_off() -> None:
        started = asyncio.Event()

        async def run() -> None:
            async with bounds.paid(turn("Hello")):
                started.set()
                await asyncio.sleep(30)

        task = asyncio.create_task(run())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cut_off())
    assert ledger.taken == 100_000


def test_a_model_without_a_price_takes_nothing_of_the_day() -> None:
    ledger = Ledger()

    async def run() -> None:
        async with Bounds(Limits(usd_per_day=0), ledger).paid(turn("Hello")):
            assert ledger.taken == 0

    asyncio.run(run())


@pytest.mark.parametrize(("usd", "micro"), [(0, 0), (0.1 + 0.2, 300_000), (1e-9, 1), (2.5e-6, 3), (50, 50_000_000)])
def test_money_is_rounded_up_to_whole_micro_dollars(usd: float, micro: int) -> None:
    assert micro_usd(usd) == micro


@pytest.mark.parametrize(("reason", "told"), [("budget_exhausted:day", [1.0]), ("loop", None)])
def test_a_day_without_money_is_a_metric(capsys: pytest.CaptureFixture[str], reason: str, told: object) -> None:
    meter = Meter(load({}))
    measure(meter, turn("Hello", outcome=Outcome.HANDED_OFF, reason=reason))
    meter.flush()
    total, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    assert total.get("DayBudgetExhausted") == told


def test_the_share_of_the_days_money_is_told_after_each_run_and_is_all_of_it_once_nothing_more_fits() -> None:
    ledger, told = Ledger(), list[float]()
    bounds = Bounds(Limits(usd_per_day=2), ledger, price=Price(input=1, cached=1, output=1), spent=told.append)

    async def run() -> None:
        asked = turn("Hello")
        async with bounds.paid(asked):
            asked.work.model_calls.append(
                ModelCall(model="m", cost_usd=0.5, started_at=datetime.now(UTC), duration_ms=1)
            )
        ledger.full = True
        with pytest.raises(BudgetExhausted):
            async with bounds.paid(turn("Hello again")):
                pass

    asyncio.run(run())
    assert told == [25.0, 100.0]
