"""I11: the tokens of a turn are bounded over all its model calls and tries; no call is made that could exceed it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx2
import pytest

from metta.ai.budget import TokenBudget
from metta.ai.usage import Tokens, spent_usd, tokens_used, worst_case_usd
from metta.errors import BudgetExhausted, ModelDown
from metta.messages import AgentWork, ModelCall
from metta.policy import Limits, Price
from metta_local.model import Call, Drip, Fail, Reset, Say
from unit.ai.support import Desk, policy

PRICE = Price(input=1, cached=0.1, output=4)
ROOM = Limits(tokens_per_turn=10_000, output_tokens=100)


def earlier(tokens: int) -> ModelCall:
    return ModelCall(model="m", input_tokens=tokens, cost_usd=0.5, started_at=datetime.now(UTC), duration_ms=1)


def test_a_model_that_goes_on_for_ever_is_stopped_by_the_turns_tokens(desk: Desk) -> None:
    desk.emulator.script([Call("searchProducts", {"query": "lamp"})], forever=True)
    limits = policy(tokens_per_turn=12_000, model_turns=20)

    with pytest.raises(BudgetExhausted) as caught:
        desk.ask("Do you sell lamps?", agent=desk.agent(limits))

    assert caught.value.reason == "budget_exhausted:tokens"
    assert 1 < len(desk.emulator.requests) < 20
    assert tokens_used(desk.work) <= 12_000


def test_tokens_of_earlier_tries_count(desk: Desk) -> None:
    desk.work.model_calls.append(earlier(95_000))

    with pytest.raises(BudgetExhausted) as caught:
        desk.ask("Do you sell lamps?")

    assert caught.value.reason == "budget_exhausted:tokens"
    assert desk.emulator.requests == []


def test_an_answer_within_the_budget_is_given_although_it_uses_most_of_it(desk: Desk) -> None:
    desk.emulator.script([Call("searchProducts", {"query": "lamp"}), Say("Yes, two of them.")])
    reply = desk.ask("Do you sell lamps?", agent=desk.agent(policy(tokens_per_turn=10_000)))
    assert reply.text == "Yes, two of them."


@pytest.mark.parametrize("said", ["Hello", "デスクランプはありますか? 🪔", "x7#q!Zk2"])
def test_no_request_is_larger_than_it_was_taken_for(said: str) -> None:
    body = {"input": [{"role": "user", "content": said * 50}]}
    allowed = TokenBudget(ROOM, AgentWork(), PRICE).admit(body)
    assert allowed.input >= len(json.dumps(body, ensure_ascii=False).encode())


def test_what_the_api_counted_before_is_not_guessed_again() -> None:
    budget = TokenBudget(ROOM, AgentWork(), PRICE)
    body = {"input": ["a" * 8000]}
    budget.answered(Tokens(input=2000, output=50), budget.admit(body))
    more = {"input": ["a" * 8000, "b" * 1000]}
    assert 3000 <= budget.admit(more).input < 3010


@pytest.mark.parametrize("fault", [Drip(3.0), Reset()])
def test_a_call_without_an_answer_counts_as_the_most_it_can_have_used(desk: Desk, fault: Drip | Reset) -> None:
    desk.emulator.fault(fault, times=None)
    with pytest.raises(ModelDown):
        desk.ask("Hello", agent=desk.agent(policy(model_call_seconds=0.3)))
    calls = len(desk.emulator.requests)
    body = json.dumps(desk.sent(), ensure_ascii=False)
    assert tokens_used(desk.work) == desk.work.unreported_tokens >= calls * (len(body) + 800)
    assert spent_usd(desk.work) > 0


def test_a_call_that_was_refused_or_never_arrived_costs_nothing(desk: Desk) -> None:
    desk.emulator.fault(Fail(500), times=None)
    with pytest.raises(ModelDown):
        desk.ask("Hello")

    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(ModelDown):
        desk.ask("Hello", agent=desk.agent(transport=httpx2.MockTransport(refuse)))
    assert len(desk.work.model_calls) > 3
    assert tokens_used(desk.work) == 0
    assert spent_usd(desk.work) == 0


def test_an_answer_that_does_not_say_what_it_used_counts_as_the_most() -> None:
    work = AgentWork()
    budget = TokenBudget(ROOM, work, PRICE)
    allowed = budget.admit({"input": "a" * 1000})
    budget.answered(Tokens(), allowed)
    assert work.unreported_tokens == allowed.input + 100
    assert work.unreported_usd == pytest.approx((allowed.input + 4 * 100) / 1e6)


def test_the_worst_case_is_never_less_than_what_a_run_costs() -> None:
    limits = Limits(tokens_per_turn=10_000, output_tokens=500, model_turns=2)
    dearest = Tokens(input=7000, output=3000).cost_usd(PRICE)  # two turns, each of them tried three times
    assert worst_case_usd(AgentWork(), limits, PRICE) == pytest.approx(dearest)
    assert worst_case_usd(AgentWork(model_calls=[earlier(9000)]), limits, PRICE) == pytest.approx(4000 / 1e6)
    assert worst_case_usd(AgentWork(model_calls=[earlier(12_000)]), limits, PRICE) == 0
