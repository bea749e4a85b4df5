"""Every request to the model is recorded with its tokens and its price."""

from __future__ import annotations

import asyncio

import pytest

from metta.ai.usage import Tokens, price_of
from metta.messages import AgentWork
from metta.policy import Price
from metta_local.model import Say
from unit.ai.support import Desk, context, message, policy

PRICES = {
    "small": Price(input=1, cached=0.1, output=4),
    "big": Price(input=10, cached=1, output=30),
}


def test_each_request_is_recorded_with_tokens_and_cost(desk: Desk) -> None:
    desk.ask("Where is S00042?")

    first, second = desk.work.model_calls
    assert first.model == "gpt-5.6-luna"
    assert second.input_tokens > first.input_tokens
    assert first.output_tokens > 0
    fresh = first.input_tokens - first.cached_tokens
    assert first.cost_usd == pytest.approx((fresh * 0.25 + first.cached_tokens * 0.025 + first.output_tokens * 2) / 1e6)
    assert second.started_at >= first.started_at


def test_a_repeated_beginning_is_cheaper(desk: Desk) -> None:
    desk.ask("Hello", agent=desk.agent(policy().model_copy(update={"company": "Cache Test Ltd"})))
    desk.work = AgentWork()
    desk.ask("Hello", agent=desk.agent(policy().model_copy(update={"company": "Cache Test Ltd"})))

    (call,) = desk.work.model_calls
    assert call.cached_tokens >= 1024
    assert call.cost_usd < (call.input_tokens * 0.25 + call.output_tokens * 2) / 1e6


@pytest.mark.parametrize(
    ("model", "expected"),
    [("small", PRICES["small"]), ("small-2026-10-01", PRICES["small"]), ("unheard-of", PRICES["big"])],
)
def test_an_unknown_model_is_counted_at_the_dearest_price(model: str, expected: Price) -> None:
    assert price_of(model, PRICES) == expected


def test_without_prices_nothing_is_counted() -> None:
    assert Tokens(input=100, output=100).cost_usd(price_of("small", {})) == 0


def test_an_answer_without_usage_counts_as_no_tokens() -> None:
    assert Tokens.of(object()) == Tokens()


def test_two_runs_at_once_keep_their_records_apart(desk: Desk) -> None:
    desk.emulator.script([Say("for one")], when="question one")
    desk.emulator.script([Say("for two")], when="question two")

    async def both() -> list[tuple[str, AgentWork]]:
        async with desk.open() as agent:
            works = [AgentWork(), AgentWork()]
            texts = ["question one", "question two"]
            replies = await asyncio.gather(
                *(
                    agent.run([message(text)], context(text), work, seconds=10)
                    for text, work in zip(texts, works, strict=True)
                )
            )
            return [(reply.text, work) for reply, work in zip(replies, works, strict=True)]

    (first, its_work), (second, other_work) = asyncio.run(both())

    assert (first, second) == ("for one", "for two")
    assert len(its_work.model_calls) == len(other_work.model_calls) == 1


def test_a_new_event_loop_gets_new_connections(desk: Desk) -> None:
    agent = desk.agent(own_network=True)

    async def some(*, loop_ends: bool) -> list[str]:
        given = [agent.run([message("Hi")], context("Hi"), AgentWork(), seconds=10) for _ in range(4)]
        texts = [reply.text for reply in await asyncio.gather(*given)]
        client = agent.access._client
        assert client is not None
        await (client.close() if loop_ends else agent.aclose())
        return texts

    first = asyncio.run(some(loop_ends=True))

    assert asyncio.run(some(loop_ends=False)) == first
