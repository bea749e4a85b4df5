"""Start-up pays for the first run, without a network; and nothing of a run is uploaded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import TracingProcessor
from agents.tracing import get_trace_provider

from metta_local.model import ModelEmulator
from unit.ai.support import Desk, context, message


def test_warming_up_asks_neither_the_model_nor_the_shop(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def warm() -> str:
        async with desk.open() as agent:
            await agent.warm()
            assert desk.emulator.requests == []
            assert desk.shop.asked == []
            reply = await agent.run([message("Hello")], context("Hello"), desk.work, seconds=10)
            return reply.text

    assert asyncio.run(warm()).startswith("Hello")
    assert caplog.text == ""


def test_no_trace_leaves_the_process(desk: Desk) -> None:
    desk.ask("Hello")

    provider: Any = get_trace_provider()
    assert provider._multi_processor._processors == ()


class Spans(TracingProcessor):
    def __init__(self) -> None:
        self.exported: list[str] = []

    def on_trace_start(self, trace: Any) -> None: ...
    def on_trace_end(self, trace: Any) -> None: ...
    def on_span_start(self, span: Any) -> None: ...

    def on_span_end(self, span: Any) -> None:
        self.exported.append(str(span.export()))

    def shutdown(self) -> None: ...
    def force_flush(self) -> None: ...


def test_an_own_trace_processor_gets_spans_without_the_customers_words(desk: Desk) -> None:
    spans = Spans()

    desk.ask("SECRET-WORDS where is S00042?", agent=desk.agent(trace_processor=spans))

    kinds = [kind for kind in ("response", "function", "agent") if any(f"'{kind}'" in one for one in spans.exported)]
    assert kinds == ["response", "function", "agent"]
    assert not any("SECRET-WORDS" in one or "S00042" in one for one in spans.exported)
    desk.agent()


def test_closing_twice_is_harmless(desk: Desk) -> None:
    async def closed() -> None:
        agent = desk.agent()
        await agent.aclose()
        await agent.aclose()

    asyncio.run(closed())
    assert isinstance(desk.emulator, ModelEmulator)
