"""Spans as X-Ray's daemon gets them: each under its own parent, in the invocation's trace, and none for nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from metta.bootstrap.common import tracing
from metta.errors import ModelDown, QuietWindow
from metta.observability import NoTracing, Tracing, span, with_log_keys
from metta.settings import load
from tests_support.xray import Daemon, invoked, path_of, xray_daemon

Segments = list[dict[str, Any]]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with xray_daemon(monkeypatch) as listening:
        yield listening


@pytest.fixture
def traced(daemon: Daemon) -> Tracing:
    return tracing(load({"POWERTOOLS_SERVICE_NAME": "lamps"}))


def test_spans_of_pool_threads_belong_to_the_invocation_they_were_made_in(
    daemon: Daemon, traced: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(n: int) -> None:
        with traced.span("conversation", conversation=f"3:{n}"):
            pass

    with ThreadPoolExecutor(3) as threads:
        for invocation in (1, 2):
            invoked(monkeypatch, invocation)
            with traced.span("batch"):
                running = [threads.submit(with_log_keys(work, n)) for n in range(3)]
                assert [future.result() for future in running] == [None] * 3
    segments = daemon.segments(8)
    assert len(segments) == 8
    for invocation in (1, 2):
        own = [one for one in segments if one["trace_id"].endswith(f"{invocation:024x}")]
        assert sorted(path_of(one, own) for one in own) == [["batch"]] + [["batch", "conversation"]] * 3
        (root,) = [one for one in own if one["name"] == "batch"]
        assert (root["parent_id"], root["annotations"]) == ("0000000000000b0b", {"service": "lamps"})


def test_coroutines_that_take_turns_on_one_loop_keep_their_spans_apart(daemon: Daemon, traced: Tracing) -> None:
    async def conversation(n: int) -> None:
        with span("turn", n=n):
            for step in ("context", "agent"):
                with span(step, n=n):
                    await asyncio.sleep(0.001 * (n % 3))
                    with span("model", n=n):
                        await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*(conversation(n) for n in range(20)))

    with traced.span("batch"):
        asyncio.run(all_of_them())
    segments = daemon.segments(101)
    assert len(segments) == 101
    by_id = {one["id"]: one for one in segments}
    for one in segments:
        parent = by_id.get(one["parent_id"])
        if one["name"] != "batch" and parent is not None and parent["name"] != "batch":
            assert parent["annotations"]["n"] == one["annotations"]["n"]
            assert parent["start_time"] <= one["start_time"] <= one["end_time"] <= parent["end_time"]
    paths = sorted("/".join(path_of(one, segments)) for one in segments)
    assert paths.count("batch/turn/context/model") == paths.count("batch/turn/agent/model") == 20


def test_a_span_says_which_receiver_put_its_records_on_the_queue(daemon: Daemon, traced: Tracing) -> None:
    traces = [f"1-5759e988-{n:024x}" for n in (1, 2)]
    first, second = f"Root={traces[0]};Parent=cc;Sampled=1", f"Parent=cc;Root={traces[1]}"
    with traced.span("conversation", links=(first, "nonsense", second, "Root=call lena"), queued_ms=12):
        pass
    (segment,) = daemon.segments(1)
    assert segment["annotations"] == {"receiver_trace": traces[1], "queued_ms": 12, "service": "lamps"}
    assert segment["metadata"]["default"]["receiver_traces"] == traces


@pytest.mark.parametrize(("error", "fault"), [(ModelDown("of lena"), True), (QuietWindow("of lena"), False)])
def test_an_error_leaves_its_class_and_never_its_text(
    daemon: Daemon, traced: Tracing, error: Exception, fault: bool
) -> None:
    with pytest.raises(type(error)), traced.span("turn"):
        raise error
    (segment,) = daemon.segments(1)
    assert segment["annotations"]["error"] == type(error).__name__
    assert segment.get("fault", False) is fault
    assert "lena" not in daemon.raw[0]


def test_an_invocation_that_is_not_sampled_sends_nothing(
    daemon: Daemon, traced: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoked(monkeypatch, sampled=0)
    with traced.span("batch"), span("turn") as inner:
        inner.annotate(outcome="answered")
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    with traced.span("batch"):
        pass
    assert daemon.segments(0) == []


@pytest.mark.parametrize(
    ("variables", "powertools"),
    [({"METTA_TRACING": "off"}, ""), ({"METTA_TRACING": "xray"}, "true"), ({"METTA_TRACING": "otel"}, "1")],
)
def test_tracing_can_be_turned_off(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], powertools: str
) -> None:
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", powertools)
    assert isinstance(tracing(load(variables)), NoTracing)


def test_outside_of_lambda_nothing_is_traced_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED", raising=False)
    assert isinstance(tracing(load({})), NoTracing)
    with span("turn") as one:
        one.annotate(outcome="answered")


def test_what_is_off_is_not_even_loaded() -> None:
    code = (
        "import sys, metta.observability, metta.bootstrap.common as common; from metta.settings import load;"
        "common.tracing(load({'METTA_TRACING': 'off'}));"
        "print([name for name in ('aws_xray_sdk', 'opentelemetry.trace', 'agents') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
