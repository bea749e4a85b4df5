"""Circuits: when a dependency counts as down, who is paused, who may try, and when all may go on."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.circuits import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    TRIAL_SECONDS,
    Circuit,
    CircuitAgent,
    CircuitShop,
    working_on,
)
from metta.errors import AuditDown, ChatwootDown, HandOff, ModelDown, OdooDown, Paused, SendUnknown
from metta.messages import AgentReply, AgentWork, ToolCall


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit("model", now=clock)


def fails(circuit: Circuit, conversation: str = "", error: Exception | None = None) -> Exception:
    """One failing call; gives what the caller got to see."""
    token = working_on.set(conversation)
    try:
        with circuit.call():
            raise error or ModelDown("500")
    except Exception as seen:  # noqa: BLE001 - whatever the caller would see
        return seen
    finally:
        working_on.reset(token)


def open_it(circuit: Circuit) -> None:
    for conversation in ("a", "b", "c"):
        assert isinstance(fails(circuit, conversation), ModelDown)


def test_three_failures_in_a_row_pause_everybody(circuit: Circuit) -> None:
    open_it(circuit)
    with pytest.raises(Paused) as paused, circuit.call():
        raise AssertionError("nothing may be called")
    assert FIRST_PAUSE_SECONDS <= paused.value.after_seconds <= FIRST_PAUSE_SECONDS * 1.25
    assert paused.value.dependency == "model"


def test_a_success_in_between_starts_the_count_anew(circuit: Circuit) -> None:
    for conversation in ("a", "b"):
        fails(circuit, conversation)
    with circuit.call():
        pass
    for conversation in ("a", "b"):
        fails(circuit, conversation)
    assert not circuit.is_open


def test_what_fails_for_one_conversation_alone_pauses_nobody(circuit: Circuit) -> None:
    for _ in range(10):
        assert isinstance(fails(circuit, "a"), ModelDown)
    assert not circuit.is_open
    fails(circuit, "b")
    assert circuit.is_open


def test_one_trial_at_a_time_and_its_success_lets_all_through(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    clock.now += FIRST_PAUSE_SECONDS
    with circuit.call(), pytest.raises(Paused), circuit.call():
        raise AssertionError("a second trial")
    assert not circuit.is_open
    with circuit.call(), circuit.call():
        pass


def test_a_failed_trial_counts_no_attempt_and_doubles_the_pause_up_to_a_bound(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    pauses = []
    for _ in range(7):
        clock.now += 1000
        seen = fails(circuit, "d")
        assert isinstance(seen, Paused)
        assert isinstance(seen.__cause__, ModelDown)
        before = clock.now
        while True:
            with suppress(Paused), circuit.reserved():
                break
            clock.now += 0.5
        pauses.append(clock.now - before)
    assert pauses[:3] == [10.0, 20.0, 40.0]
    assert max(pauses) == LONGEST_PAUSE_SECONDS


def test_the_pause_that_a_server_asks_for_is_kept(circuit: Circuit) -> None:
    for conversation in ("a", "b", "c"):
        fails(circuit, conversation, ModelDown("429", after_seconds=120))
    with pytest.raises(Paused) as paused, circuit.reserved():
        raise AssertionError("nothing is worth doing")
    assert paused.value.after_seconds is not None
    assert paused.value.after_seconds >= 120


def test_calls_that_fail_together_make_one_pause(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    for conversation in "defghij":  # they had begun before
        with suppress(Paused):
            circuit._failed(None)
        assert conversation
    clock.now += FIRST_PAUSE_SECONDS
    with circuit.reserved():
        pass


def test_a_trial_that_was_cut_off_does_not_shut_the_door_for_ever(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    clock.now += FIRST_PAUSE_SECONDS
    circuit._enter()
    with pytest.raises(Paused), circuit.reserved():
        raise AssertionError("a second trial")
    clock.now += TRIAL_SECONDS
    with circuit.call():
        pass


def test_a_cancelled_trial_leaves_the_next_one_free(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    clock.now += FIRST_PAUSE_SECONDS
    with pytest.raises(asyncio.CancelledError), circuit.call():
        raise asyncio.CancelledError
    with circuit.call():
        pass


@pytest.mark.parametrize(
    "error", [HandOff("declined"), OdooDown("500"), Paused("x", dependency="odoo", after_seconds=1)]
)
def test_any_answer_but_its_own_failure_says_that_it_is_up(circuit: Circuit, clock: Clock, error: Exception) -> None:
    open_it(circuit)
    clock.now += FIRST_PAUSE_SECONDS
    assert fails(circuit, "d", error) is error
    assert not circuit.is_open


def test_a_send_with_unknown_result_stays_one_even_on_trial(clock: Clock) -> None:
    circuit = Circuit("chatwoot", now=clock)
    for conversation in ("a", "b", "c"):
        fails(circuit, conversation, ChatwootDown("502"))
    clock.now += FIRST_PAUSE_SECONDS
    assert isinstance(fails(circuit, "d", SendUnknown("timeout", after_seconds=16)), SendUnknown)


class Stub:
    """An agent and a shop that count their calls and fail when told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls = 0
        self.error = error

    async def run(self, *_: Any, **__: Any) -> AgentReply:
        self.calls += 1
        if self.error:
            raise self.error
        return AgentReply(text="hello")

    get_order = run


def test_a_turn_whose_tool_waits_for_the_shop_does_not_pay_the_model_again() -> None:
    clock = Clock()
    shop = Circuit("odoo", now=clock)
    for conversation in ("a", "b", "c"):
        fails(shop, conversation, OdooDown("500"))
    stub = Stub()
    agent: Any = CircuitAgent(stub, model=Circuit("model", now=clock), shop=shop)
    failed = ToolCall(name="getOrder", ok=False, error="OdooDown", started_at=datetime.now(UTC), duration_ms=1)
    with pytest.raises(Paused):
        asyncio.run(agent.run((), None, AgentWork(tool_calls=[failed]), seconds=1))
    assert stub.calls == 0
    asyncio.run(agent.run((), None, AgentWork(), seconds=1))
    assert stub.calls == 1


def test_work_that_leads_to_a_trial_has_claimed_it(circuit: Circuit, clock: Clock) -> None:
    open_it(circuit)
    clock.now += FIRST_PAUSE_SECONDS
    with circuit.reserved():
        with pytest.raises(Paused):
            contextvars.Context().run(circuit.reserved().__enter__)  # another conversation's work
        assert isinstance(fails(circuit, "d"), Paused)
    clock.now += 2 * FIRST_PAUSE_SECONDS
    with circuit.reserved():
        pass  # it ended without the call
    with circuit.reserved(), circuit.call():
        pass
    assert not circuit.is_open


def test_a_shop_that_is_down_is_not_asked() -> None:
    stub = Stub(OdooDown("500"))
    shop: Any = CircuitShop(stub, Circuit("odoo"))  # type: ignore[arg-type]

    async def ask(conversation: str) -> None:
        working_on.set(conversation)
        with suppress(OdooDown, Paused):
            await shop.get_order("S1", identity=None)

    for n in range(8):
        asyncio.run(ask(str(n)))
    assert stub.calls == 3


def test_failures_of_the_audit_are_of_their_own() -> None:
    circuit = Circuit(AuditDown.dependency)
    for conversation in ("a", "b", "c"):
        fails(circuit, conversation, AuditDown("down"))
    assert circuit.is_open
