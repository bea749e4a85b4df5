"""What becomes of a turn when the model fails, and what is recorded of it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from metta.ai.agent import MettaAgent
from metta.ai.failures import LONGEST_WAIT, MAX_RETRIES
from metta.errors import (
    BudgetExhausted,
    HandOff,
    MettaError,
    ModelDown,
    ModelRefused,
    OdooDown,
    SettingsError,
    TooManyModelTurns,
)
from metta.settings import ModelSettings
from metta_local.model import Call, Calls, Drip, Empty, Fail, Incomplete, Malformed, Refuse, Reset, Say, Slow
from unit.ai.support import Desk, FakeShop, context, message, policy

TOO_LONG = Fail(400, "context_length_exceeded", "Your input exceeds the context window.", "invalid_request_error")
BAD = Fail(400, "invalid_value", "Invalid value: 'x'.", "invalid_request_error", "reasoning.effort")


def fails(desk: Desk, kind: type[MettaError], **about: Any) -> MettaError:
    with pytest.raises(kind) as caught:
        desk.ask("Where is S00042?", **about)
    assert type(caught.value) is kind
    return caught.value


@pytest.mark.parametrize(
    ("step", "kind", "requests", "recorded"),
    [
        (Fail(500), ModelDown, 1 + MAX_RETRIES, "InternalServerError"),
        (Fail(503), ModelDown, 1 + MAX_RETRIES, "InternalServerError"),
        (Fail(429, "rate_limit_exceeded"), ModelDown, 1 + MAX_RETRIES, "RateLimitError"),
        (Fail(429, "insufficient_quota"), ModelDown, 1, "RateLimitError"),
        (Fail(429, retry_after=LONGEST_WAIT + 1), ModelDown, 1, "RateLimitError"),
        (Fail(500, headers=(("x-should-retry", "false"),)), ModelDown, 1, "InternalServerError"),
        (Reset(), ModelDown, 1 + MAX_RETRIES, "APIConnectionError"),
        (Fail(403, kind="invalid_request_error"), ModelDown, 1, "PermissionDeniedError"),
        (Fail(404, kind="invalid_request_error"), ModelDown, 1, "NotFoundError"),
        (TOO_LONG, BudgetExhausted, 1, "BadRequestError"),
        (Fail(413), BudgetExhausted, 1, "APIStatusError"),
        (Fail(400, "invalid_prompt"), ModelRefused, 1, "BadRequestError"),
        (BAD, HandOff, 1, "BadRequestError"),
        (Refuse(), ModelRefused, 1, "ModelRefused"),
        (Incomplete("max_output_tokens"), BudgetExhausted, 1, "BudgetExhausted"),
        (Incomplete("content_filter"), ModelRefused, 1, "ModelRefused"),
        (Incomplete("failed"), ModelDown, 1, "ModelBehaviorError"),
        (Malformed("json"), ModelDown, 1, "ModelBehaviorError"),
        (Malformed("html"), ModelDown, 1, "ModelBehaviorError"),
        (Malformed("shape"), ModelDown, 1, "ModelBehaviorError"),
        (Malformed("item"), ModelDown, 1, "ModelBehaviorError"),
        (Empty(), ModelDown, 1, ""),
        (Say("  \n"), ModelDown, 1, ""),
    ],
)
def test_each_failure_takes_its_branch_and_is_counted(
    desk: Desk, step: Any, kind: type[MettaError], requests: int, recorded: str
) -> None:
    desk.emulator.fault(step, times=None)

    fails(desk, kind)

    assert len(desk.emulator.requests) == requests
    assert len(desk.work.model_calls) == requests
    assert {call.error for call in desk.work.model_calls} == {recorded}
    assert all(call.duration_ms > 0 for call in desk.work.model_calls)


def test_a_wrong_key_loses_nothing_and_names_the_variable_but_not_the_key(desk: Desk) -> None:
    error = fails(desk, ModelDown, agent=desk.agent(key="sk-wrong-1234567890"))

    assert "OPENAI_API_KEY" in str(error)
    assert "sk-wrong" not in str(error)
    assert error.__suppress_context__
    assert len(desk.emulator.requests) == 1


@pytest.mark.parametrize("key", ["sk-1234\n", "sk 1234", "sk-1234\u201d"])
def test_a_key_with_a_slip_in_it_stops_the_start(desk: Desk, key: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
        desk.agent(key=key)

    assert "1234" not in str(caught.value)


def test_an_unknown_model_names_the_variable(desk: Desk) -> None:
    error = fails(desk, ModelDown, agent=desk.agent(model="gpt-9"))

    assert "OPENAI_MODEL gpt-9" in str(error)


def test_a_refused_connection_names_the_variable(desk: Desk) -> None:
    agent = MettaAgent(ModelSettings(SecretStr("k"), "http://127.0.0.1:9/v1", "gpt-5.6-luna"), policy(), FakeShop())

    error = fails(desk, ModelDown, agent=agent)

    assert "OPENAI_BASE_URL" in str(error)
    assert [call.error for call in desk.work.model_calls] == ["APIConnectionError"] * (1 + MAX_RETRIES)


def test_the_wait_that_the_server_asks_for_reaches_the_queue(desk: Desk) -> None:
    desk.emulator.fault(Fail(429, retry_after=42), times=None)

    error = fails(desk, ModelDown)

    assert isinstance(error, ModelDown)
    assert error.after_seconds == 42


def test_a_short_wait_is_waited_for_and_the_customer_notices_nothing(desk: Desk) -> None:
    desk.emulator.fault(Fail(429, retry_after=0.4))

    start = time.monotonic()
    reply = desk.ask("Hello")

    assert reply.text
    assert time.monotonic() - start >= 0.4
    assert [call.error for call in desk.work.model_calls] == ["RateLimitError", ""]
    first, second = desk.emulator.requests
    assert second.at - first.at >= 0.4


def test_half_a_surrogate_pair_in_an_answer_is_left_out(desk: Desk) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        part = '{"type": "output_text", "annotations": [], "text": "Hello \\ud83d there"}'
        output = f'[{{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{part}]}}]'
        content = f'{{"id": "r", "object": "response", "status": "completed", "output": {output}}}'
        return httpx2.Response(200, content=content, headers={"content-type": "application/json"})

    assert desk.ask("Hello", agent=desk.agent(transport=httpx2.MockTransport(answer))).text == "Hello  there"
    assert desk.work.model_calls[0].input_tokens == 0


def test_a_storm_of_429_costs_few_requests(desk: Desk) -> None:
    desk.emulator.fault(Fail(429), times=None)

    for _ in range(3):
        fails(desk, ModelDown)

    assert len(desk.emulator.requests) == 3 * (1 + MAX_RETRIES)


def test_no_retry_is_begun_that_the_deadline_would_cut_off(desk: Desk) -> None:
    desk.emulator.fault(Fail(500), times=None)

    fails(desk, ModelDown, seconds=1.5)

    assert len(desk.emulator.requests) == 1


def test_a_model_that_hangs_is_given_up_after_one_calls_time(desk: Desk) -> None:
    desk.emulator.fault(Slow(1.5), times=None)

    start = time.monotonic()
    fails(desk, ModelDown, agent=desk.agent(policy(model_call_seconds=0.3)))

    assert time.monotonic() - start < 1.2
    assert len(desk.emulator.requests) == 1
    (call,) = desk.work.model_calls
    assert call.error in ("ModelTimeoutError", "APITimeoutError")
    assert 250 < call.duration_ms < 1000


def test_a_model_that_drips_is_given_up_after_one_calls_time(desk: Desk) -> None:
    desk.emulator.fault(Drip(4.0), times=None)

    fails(desk, ModelDown, agent=desk.agent(policy(model_call_seconds=0.6)))

    assert [call.error for call in desk.work.model_calls] == ["ModelTimeoutError"]


def test_an_account_without_quota_is_named_and_left_alone_for_a_while(desk: Desk) -> None:
    desk.emulator.fault(Fail(429, "insufficient_quota"))

    error = fails(desk, ModelDown)

    assert isinstance(error, ModelDown)
    assert error.after_seconds == 60
    assert "no quota" in str(error)


def test_a_deadline_before_the_first_answer_is_the_models_failure(desk: Desk) -> None:
    desk.emulator.fault(Slow(1.5), times=None)

    fails(desk, ModelDown, seconds=0.3)

    assert [call.error for call in desk.work.model_calls] == ["Cancelled"]


def test_a_deadline_in_the_middle_of_the_work_calls_a_person(desk: Desk) -> None:
    desk.shop.delay = 1.5

    fails(desk, BudgetExhausted, seconds=0.4)

    assert [call.error for call in desk.work.model_calls] == [""]
    assert [(call.name, call.error) for call in desk.work.tool_calls] == [("getOrder", "Cancelled")]


def test_the_deadline_leaves_no_task_behind_and_the_client_healthy(desk: Desk) -> None:
    desk.emulator.fault(Slow(1.0), times=1)
    agent = desk.agent()

    async def twice() -> tuple[set[asyncio.Task[Any]], str]:
        async with desk.open(agent):
            with pytest.raises(ModelDown):
                await agent.run([message("Hello")], context("Hello"), desk.work, seconds=0.3)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            reply = await agent.run([message("Hello")], context("Hello"), desk.work, seconds=10)
            return left, reply.text  # type: ignore[return-value]

    left, text = asyncio.run(twice())

    assert left == set()
    assert text


def test_cancelling_a_run_cancels_it(desk: Desk) -> None:
    desk.emulator.fault(Slow(1.0), times=1)

    async def cancelled() -> int:
        async with desk.open() as agent:
            task = asyncio.create_task(agent.run([message("Hi")], context("Hi"), desk.work, seconds=10))
            while not desk.emulator.requests:  # noqa: ASYNC110 - the server runs in another thread
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return len(asyncio.all_tasks())

    assert asyncio.run(cancelled()) == 1
    assert [call.error for call in desk.work.model_calls] == ["Cancelled"]


def test_a_model_that_never_ends_is_stopped_after_its_turns(desk: Desk) -> None:
    desk.emulator.script([Call("searchProducts", {"query": "lamp"})], forever=True)

    fails(desk, TooManyModelTurns, agent=desk.agent(policy(model_turns=3)))

    assert len(desk.emulator.requests) == 3


def test_a_failure_after_a_tool_keeps_what_was_done(desk: Desk) -> None:
    desk.emulator.script([Call("getOrder", {"orderNumber": "S00042"}), Fail(401)])

    fails(desk, ModelDown)

    assert [call.name for call in desk.work.tool_calls] == ["getOrder"]
    assert [bool(call.error) for call in desk.work.model_calls] == [False, True]
    assert desk.work.model_calls[0].input_tokens > 500
    assert desk.work.prompt_version


def test_tokens_of_an_answer_that_broke_off_are_counted(desk: Desk) -> None:
    desk.emulator.fault(Incomplete("max_output_tokens"))

    fails(desk, BudgetExhausted)

    (call,) = desk.work.model_calls
    assert call.input_tokens > 500
    assert call.output_tokens == 800
    assert call.cost_usd > 0


def test_an_invented_tool_is_told_so_and_the_run_goes_on(desk: Desk) -> None:
    desk.emulator.script([Call("deleteOrder", {"orderNumber": "S00042"}), Say("I cannot do that.")])

    assert desk.ask("delete it").text == "I cannot do that."
    assert "not found" in desk.sent()["input"][-1]["output"]


def test_two_lookups_in_one_response_are_both_made(desk: Desk) -> None:
    calls = Calls((Call("getProduct", {"productId": 1015}), Call("searchProducts", {"query": "lamp"})))
    desk.emulator.script([calls, Say("Both found.")])

    assert desk.ask("both").text == "Both found."
    assert sorted(call.name for call in desk.work.tool_calls) == ["getProduct", "searchProducts"]


def test_a_failing_model_writes_no_customer_text_or_key_into_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.emulator.fault(Fail(500, message="about lena@example.org"), times=None)

    fails(desk, ModelDown, agent=desk.agent())
    desk.shop.failure = OdooDown("about lena@example.org")
    desk.emulator.reset()
    fails(desk, OdooDown)

    assert "lena" not in caplog.text
    assert desk.emulator.api_key not in caplog.text


def test_a_mistake_of_our_own_is_not_taken_for_the_models(desk: Desk) -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        desk.ask("Hello", agent=desk.agent(transport=httpx2.MockTransport(broken)))

    assert [call.error for call in desk.work.model_calls] == ["ZeroDivisionError"]
