"""Spans as OpenTelemetry's API gets them, whatever is behind it, and what is said when it is not there."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from metta.bootstrap.common import tracing
from metta.errors import ModelDown, SettingsError
from metta.observability import Tracing, span
from metta.settings import load


class RecordedSpan(trace.NonRecordingSpan):
    """Keeps what it is told."""

    def __init__(self, name: str, number: int, parent: Any, links: Any, attributes: dict[str, Any]) -> None:
        super().__init__(SpanContext(7, number, is_remote=False, trace_flags=TraceFlags(1)))
        self.name, self.parent, self.links, self.attributes = name, parent, links, dict(attributes)
        self.ended, self.status = False, StatusCode.UNSET

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Any) -> None:
        self.attributes |= attributes

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status.status_code

    def end(self, end_time: int | None = None) -> None:
        self.ended = True


class Recorder(trace.NoOpTracer):
    """A tracer as an SDK gives it."""

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []

    def start_span(self, name: str, context: Any = None, links: Any = None, attributes: Any = None, **_: Any) -> Any:  # type: ignore[override]
        parent = trace.get_current_span(context)
        made = RecordedSpan(name, len(self.spans) + 1, getattr(parent, "name", None), links, attributes)
        self.spans.append(made)
        return made


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(trace, "get_tracer", lambda name: made)
    monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED")
    return made


@pytest.fixture
def traced(recorder: Recorder) -> Tracing:
    return tracing(load({"METTA_TRACING": "otel"}))


def test_spans_nest_and_end_and_others_find_the_current_one(recorder: Recorder, traced: Tracing) -> None:
    with traced.span("batch", request="r"):
        with span("turn") as turn:
            turn.annotate(outcome="answered")
            assert trace.get_current_span() is recorder.spans[-1]
        assert trace.get_current_span() is recorder.spans[0]
        with traced.span("conversation"):
            pass
    assert not isinstance(trace.get_current_span(), RecordedSpan)
    assert [(one.name, one.parent) for one in recorder.spans] == [
        ("batch", None),
        ("turn", "batch"),
        ("conversation", "batch"),
    ]
    assert all(one.ended for one in recorder.spans)
    assert recorder.spans[0].attributes == {"service": "metta", "request": "r"}
    assert recorder.spans[1].attributes == {"outcome": "answered"}


def test_a_span_that_is_not_the_current_one_has_children_of_its_own(recorder: Recorder, traced: Tracing) -> None:
    with traced.span("turn") as turn:
        loop = turn.child("agent loop")
        loop.child("model").end()
        loop.end()
    assert [(one.name, one.parent) for one in recorder.spans[1:]] == [("agent loop", "turn"), ("model", "agent loop")]


def test_the_receivers_trace_is_a_link(recorder: Recorder, traced: Tracing) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    with traced.span("conversation", links=(header, "nonsense")):
        pass
    (link,) = recorder.spans[0].links
    assert f"{link.context.trace_id:032x}" == "5759e988bd862e3fe1be46a994272793"
    assert f"{link.context.span_id:016x}" == "53995c3f42cd8ad8"


def test_an_error_leaves_its_class_and_never_its_text(recorder: Recorder, traced: Tracing) -> None:
    with pytest.raises(ModelDown), traced.span("turn"):
        raise ModelDown("of lena")
    (one,) = recorder.spans
    assert (one.status, one.attributes["error.type"]) == (StatusCode.ERROR, "ModelDown")
    assert "lena" not in str(vars(one))


def test_without_the_package_the_start_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_TRACE_DISABLED")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(SettingsError, match=r"METTA_TRACING.*opentelemetry-api"):
        tracing(load({"METTA_TRACING": "otel"}))
