"""The SDK's spans reach the turn's trace: model and tools under the turn that asked, without a word of anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from metta.ai.failures import MAX_RETRIES
from metta.ai.tracing import SdkSpans
from metta.bootstrap.common import tracing
from metta.errors import ModelDown
from metta.messages import AgentWork
from metta.observability import span
from metta.settings import load
from metta_local.model import Fail
from tests_support.xray import Daemon, path_of, xray_daemon
from unit.ai.support import Desk, context, message

RUN = ["batch", "turn", "run", "agent loop"]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with xray_daemon(monkeypatch) as listening:
        yield listening


def traced_runs(desk: Desk, texts: list[str]) -> None:
    """Each text in a turn of its own, all at the same time."""

    async def one(agent: Any, n: int, text: str) -> None:
        with span("turn", n=n):
            await agent.run([message(text)], context(text, conversation=n), AgentWork(), seconds=20)

    async def together() -> None:
        async with desk.open(desk.agent(trace_processor=SdkSpans())) as agent:
            await agent.warm()
            with tracing(load({})).span("batch"):
                await asyncio.gather(*(one(agent, n, text) for n, text in enumerate(texts)))

    try:
        asyncio.run(together())
    finally:
        desk.agent()


def turn_of(segment: dict[str, Any], segments: list[dict[str, Any]]) -> int:
    by_id = {one["id"]: one for one in segments}
    while segment["name"] != "turn":
        segment = by_id[segment["parent_id"]]
    return int(segment["annotations"]["n"])


def test_model_and_tools_are_spans_of_the_turn_that_asked_for_them(desk: Desk, daemon: Daemon) -> None:
    asked = [f"SECRET-WORDS {n} where is S00042?" if n % 2 else f"SECRET-WORDS {n} hello" for n in range(6)]
    traced_runs(desk, asked)
    expected = len(asked) * 5 + 3 * 3 + 1
    segments = daemon.segments(expected)
    by_turn: dict[int, list[list[str]]] = {n: [] for n in range(len(asked))}
    for segment in segments:
        if segment["name"] != "batch":
            by_turn[turn_of(segment, segments)].append(path_of(segment, segments))
    for n, paths in by_turn.items():
        models = [path for path in paths if path[-1] == "model"]
        tools = [path for path in paths if path[-1].startswith("tool")]
        assert len(models) == (2 if n % 2 else 1)
        assert [path[-1] for path in tools] == (["tool getOrder"] if n % 2 else [])
        assert all(path[:4] == RUN for path in (*models, *tools))
    models = [segment for segment in segments if segment["name"] == "model"]
    assert all(segment["annotations"]["input_tokens"] > 0 for segment in models)
    assert not [raw for raw in daemon.raw if "SECRET-WORDS" in raw or "S00042" in raw or "Aurora" in raw]


def test_a_failing_model_is_told_by_the_class_of_its_error(desk: Desk, daemon: Daemon) -> None:
    desk.emulator.fault(Fail(500, message="about lena@example.org"), times=None)
    with pytest.raises(ModelDown):
        traced_runs(desk, ["hello"])
    segments = daemon.segments(1 + MAX_RETRIES)
    models = [segment for segment in segments if segment["name"] == "model"]
    assert [model["annotations"]["error"] for model in models] == ["InternalServerError"] * (1 + MAX_RETRIES)
    assert not [raw for raw in daemon.raw if "lena" in raw]


class Span:
    """A span of the SDK that says of itself what it likes."""

    def __init__(self, span_id: str, parent_id: str | None, kind: str, message: str = "") -> None:
        self.trace_id, self.span_id, self.parent_id = "trace", span_id, parent_id
        self.span_data = SimpleNamespace(type=kind, name="ask lena@example.org", usage={"input_tokens": "lena"})
        self.error = {"message": message, "data": {"text": "lena"}} if message else None


def test_what_the_sdk_adds_of_its_own_is_cut_to_known_words_and_what_it_leaves_open_ends(daemon: Daemon) -> None:
    spans: Any = SdkSpans()
    tool = Span("b", "a", "function", message="Error running tool of lena@example.org")
    with tracing(load({})).span("turn"):
        spans.on_span_start(Span("a", None, "custom"))
        spans.on_span_start(tool)
        spans.on_span_end(tool)
        spans.on_span_start(Span("c", "a", "agent"))
        spans.on_trace_end(Span("", None, ""))
    spans.on_span_start(Span("d", None, "agent"))
    segments = daemon.segments(3)
    told = {"/".join(path_of(one, segments)): one.get("annotations", {}).get("error") for one in segments}
    assert told == {"turn/tool other": "SpanError", "turn/agent loop": "Cancelled", "turn": None}
    assert not [raw for raw in daemon.raw if "lena" in raw]
