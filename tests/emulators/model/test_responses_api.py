"""The emulated Responses API: shapes, strictness, scripts and faults, as a plain HTTP client sees them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from metta_local.model import (
    Call,
    Calls,
    Drip,
    Empty,
    Fail,
    Incomplete,
    Malformed,
    ModelEmulator,
    Refuse,
    Reset,
    Say,
    Slow,
)
from metta_local.serving import LoopbackServer

TOOL = {
    "type": "function",
    "name": "getOrder",
    "description": "One order",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"orderNumber": {"type": "string"}},
        "required": ["orderNumber"],
        "additionalProperties": False,
    },
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "getOrder", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "{}"}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[ModelEmulator, str]]:
    emulator = ModelEmulator(api_key="sk-test")
    with LoopbackServer(emulator.app) as server:
        yield emulator, f"{server.url}/v1"


@pytest.fixture
def emulator(served: tuple[ModelEmulator, str]) -> ModelEmulator:
    served[0].reset()
    return served[0]


@pytest.fixture
def client(served: tuple[ModelEmulator, str], emulator: ModelEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[1], headers={"authorization": "Bearer sk-test"}, timeout=5) as opened:
        yield opened


def body(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.6-luna", "input": [{"role": "user", "content": "Hello"}], **more}


def error(response: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = response.json()["error"]
    assert sorted(told) == ["code", "message", "param", "type"]
    return told


def test_a_text_answer_has_the_apis_shape(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.script([Say("Hi there")])

    answer = client.post("/responses", json=body()).json()

    assert (answer["object"], answer["status"], answer["model"]) == ("response", "completed", "gpt-5.6-luna")
    (item,) = answer["output"]
    assert (item["type"], item["role"], item["status"]) == ("message", "assistant", "completed")
    assert item["content"][0]["type"] == "output_text"
    assert item["content"][0]["text"] == "Hi there"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0
    assert usage["input_tokens_details"] == {"cached_tokens": 0}
    assert usage["output_tokens_details"] == {"reasoning_tokens": 0}


def test_a_function_call_has_the_apis_shape(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.script([Calls((Call("getOrder", {"orderNumber": "S1"}), Call("getOrder", "{broken")))])

    first, second = client.post("/responses", json=body(tools=[TOOL])).json()["output"]

    assert first["type"] == "function_call"
    assert json.loads(first["arguments"]) == {"orderNumber": "S1"}
    assert second["arguments"] == "{broken"
    assert first["call_id"] != second["call_id"]


def test_the_same_request_gets_the_same_answer(client: httpx.Client) -> None:
    one, two = (client.post("/responses", json=body()).json() for _ in range(2))

    assert one["id"] == two["id"]
    assert one["output"] == two["output"]


def test_a_refusal_is_a_content_part(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.script([Refuse("No.")])

    (item,) = client.post("/responses", json=body()).json()["output"]

    assert item["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("max_output_tokens", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("failed", "failed", None),
    ],
)
def test_an_answer_may_break_off(
    client: httpx.Client, emulator: ModelEmulator, reason: str, status: str, details: Any
) -> None:
    emulator.script([Incomplete(reason)])

    answer = client.post("/responses", json=body(max_output_tokens=50)).json()

    assert (answer["status"], answer["incomplete_details"]) == (status, details)
    assert (answer["error"] is not None) == (status == "failed")
    assert answer["usage"]["output_tokens"] == 50


def test_the_models_are_listed(client: httpx.Client) -> None:
    listed = client.get("/models").json()

    assert "gpt-5.6-luna" in [model["id"] for model in listed["data"]]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "Basic x"}])
def test_a_request_without_a_key_is_refused(served: tuple[ModelEmulator, str], headers: dict[str, str]) -> None:
    answer = httpx.post(f"{served[1]}/responses", json=body(), headers=headers)

    assert answer.status_code == 401
    assert error(answer)["type"] == "invalid_request_error"


def test_a_wrong_key_is_refused_and_partly_repeated(served: tuple[ModelEmulator, str]) -> None:
    headers = {"authorization": "Bearer sk-wrong-key-1234"}
    answer = httpx.post(f"{served[1]}/responses", json=body(), headers=headers)

    assert answer.status_code == 401
    assert error(answer)["code"] == "invalid_api_key"
    assert "sk-wrong***1234" in error(answer)["message"]
    assert httpx.get(f"{served[1]}/models", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"model": "gpt-9"}, "model_not_found", "model"),
        ({"model": None}, "missing_required_parameter", "model"),
        ({"input": None}, "missing_required_parameter", "input"),
        ({"input": 5}, "invalid_type", "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "invalid_value", "input[0].role"),
        ({"input": [{"role": "user"}]}, "invalid_type", "input[0].content"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "missing_required_parameter", "input[0]"),
        ({"input": [OUTPUT]}, None, "input"),
        ({"input": [CALL]}, None, "input"),
        ({"max_tokens": 5}, "unknown_parameter", "max_tokens"),
        ({"max_output_tokens": 5}, "integer_below_min_value", "max_output_tokens"),
        ({"prompt_cache_key": "k" * 65}, "string_above_max_length", "prompt_cache_key"),
        ({"reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
        ({"store": "no"}, "invalid_type", "store"),
        ({"instructions": ["x"]}, "invalid_type", "instructions"),
        ({"tools": [{**TOOL, "name": "get order"}]}, "invalid_value", "tools[0].name"),
        ({"tools": [{"type": "telepathy"}]}, "invalid_value", "tools[0].type"),
        ({"tools": [{**TOOL, "parameters": None}]}, "invalid_function_parameters", "tools[0].parameters"),
        ({"stream": True}, "unsupported_value", "stream"),
    ],
)
def test_a_wrong_request_is_refused_as_the_api_does(
    client: httpx.Client, change: dict[str, Any], code: str | None, param: str
) -> None:
    answer = client.post("/responses", json=body(**change))

    assert answer.status_code == 400
    told = error(answer)
    assert (told["type"], told["code"], told["param"]) == ("invalid_request_error", code, param)


@pytest.mark.parametrize(
    "broken",
    [{"additionalProperties": True}, {"required": []}, {"type": "array"}],
    ids=["open", "not-required", "no-object"],
)
def test_a_tool_schema_that_is_not_strict_is_refused_unless_strict_is_off(
    client: httpx.Client, broken: dict[str, Any]
) -> None:
    parameters = {**TOOL["parameters"], **broken}  # type: ignore[dict-item]

    strict = client.post("/responses", json=body(tools=[{**TOOL, "parameters": parameters}]))
    loose = client.post("/responses", json=body(tools=[{**TOOL, "parameters": parameters, "strict": False}]))

    assert error(strict)["code"] == "invalid_function_parameters"
    assert loose.status_code == 200


def test_a_body_that_is_no_json_is_refused(client: httpx.Client) -> None:
    assert client.post("/responses", content=b"{").status_code == 400
    assert client.post("/responses", content=b"[]").status_code == 400


def test_a_call_with_its_output_is_accepted(client: httpx.Client) -> None:
    items = [{"role": "user", "content": "S1"}, CALL, OUTPUT]

    assert client.post("/responses", json=body(input=items, tools=[TOOL])).status_code == 200


def test_an_error_has_the_headers_it_is_given(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.fault(Fail(429, "rate_limit_exceeded", retry_after=2.5, headers=(("x-should-retry", "true"),)))
    emulator.fault(Fail(429))

    first, second = client.post("/responses", json=body()), client.post("/responses", json=body())

    assert (first.status_code, first.headers["retry-after"], first.headers["x-should-retry"]) == (429, "2.5", "true")
    assert second.status_code == 429
    assert "retry-after" not in second.headers
    assert client.post("/responses", json=body()).status_code == 200


@pytest.mark.parametrize("kind", ["json", "html", "shape", "item"])
def test_a_malformed_answer_still_says_200(client: httpx.Client, emulator: ModelEmulator, kind: str) -> None:
    emulator.fault(Malformed(kind))

    answer = client.post("/responses", json=body())

    assert answer.status_code == 200
    assert '"output_text"' not in answer.text


def test_an_empty_answer_is_complete(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.fault(Empty())

    answer = client.post("/responses", json=body()).json()

    assert (answer["status"], answer["output"]) == ("completed", [])


def test_a_reset_breaks_the_connection(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.fault(Reset())

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/responses", json=body())


def test_a_slow_answer_comes_late_but_comes(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.fault(Slow(0.3, Say("late")))

    start = time.monotonic()
    answer = client.post("/responses", json=body()).json()

    assert time.monotonic() - start >= 0.3
    assert answer["output"][0]["content"][0]["text"] == "late"


def test_a_dripping_answer_never_pauses_for_long(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.fault(Drip(0.4, "drop by drop"))

    start = time.monotonic()
    answer = client.post("/responses", json=body(), timeout=0.2).json()

    assert time.monotonic() - start >= 0.35
    assert answer["output"][0]["content"][0]["text"] == "drop by drop"


def test_latency_applies_to_every_answer() -> None:
    emulator = ModelEmulator(api_key="k", latency=0.5)
    with LoopbackServer(emulator.app) as server, httpx.Client(headers={"authorization": "Bearer k"}) as client:
        answers = [client.post(f"{server.url}/v1/responses", json=body()) for _ in range(2)]

    assert all(answer.status_code == 200 and answer.elapsed.total_seconds() >= 0.5 for answer in answers)


def test_a_script_may_be_meant_for_one_conversation_only(client: httpx.Client, emulator: ModelEmulator) -> None:
    emulator.script([Say("for Lena")], when="Lena", forever=True)

    def text(question: str) -> str:
        answer = client.post("/responses", json=body(input=question)).json()
        return str(answer["output"][0]["content"][0]["text"])

    assert text("I am Lena") == "for Lena"
    assert text("Hello") != "for Lena"
    assert text("Lena again") == "for Lena"


def test_a_script_without_steps_is_a_mistake(emulator: ModelEmulator) -> None:
    with pytest.raises(ValueError, match="step"):
        emulator.script([])


def test_requests_are_recorded_refused_ones_too(client: httpx.Client, emulator: ModelEmulator) -> None:
    client.post("/responses", json=body(model="gpt-9"))
    client.post("/responses", json=body())

    assert [request.body["model"] for request in emulator.requests] == ["gpt-9", "gpt-5.6-luna"]
    assert emulator.requests[0].headers["authorization"] == "Bearer sk-test"


def test_a_repeated_beginning_is_reported_as_cached(client: httpx.Client) -> None:
    long = body(instructions="All about caches. " * 400, prompt_cache_key="one")

    def cached(request: dict[str, Any]) -> int:
        return int(client.post("/responses", json=request).json()["usage"]["input_tokens_details"]["cached_tokens"])

    assert cached(long) == 0
    again = cached(long)
    assert again >= 1024
    assert again % 128 == 0
    assert cached({**long, "input": "another question"}) >= 1024
    assert cached({**long, "prompt_cache_key": "two"}) == 0
    assert cached(body()) == cached(body()) == 0
