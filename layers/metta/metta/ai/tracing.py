"""The Agents SDK's spans as spans of the turn's trace: agent, model requests and tools, inside the span that ran them.

The SDK calls a processor at once, on the task that does the work, so what is current then is the turn that it belongs
to. Names, token counts and the class of an error are handed on; what was said, asked and answered is not looked at.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from agents.tracing import Span as SdkSpan
from agents.tracing import Trace, TracingProcessor

from metta.ai.tools import SPECS
from metta.observability import Annotation, Span, current_span

NAMES = {
    "task": "run",
    "turn": "model turn",
    "agent": "agent loop",
    "response": "model",
    "generation": "model",
    "function": "tool",
    "handoff": "handoff",
    "guardrail": "guardrail",
}
"""Kinds of the SDK's spans -> what they are called here; others are left out, their children are not."""
COUNTS = ("input_tokens", "output_tokens", "total_tokens")
_CLASS_NAME = re.compile(r"[A-Za-z_]\w{0,79}")


class SdkSpans(TracingProcessor):
    """Hands the SDK's spans to whatever traces the turn; a run outside of any span is not traced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, dict[str, tuple[Span, bool]]] = {}
        """By trace and span of the SDK: the span here, and whether it is its own or its parent's."""

    def on_trace_start(self, trace: Trace) -> None:
        """A run begins."""

    def on_trace_end(self, trace: Trace) -> None:
        """A run is over; what it left open (it was cancelled) ends with it."""
        with self._lock:
            left = self._open.pop(trace.trace_id, {})
        for here, own in reversed(left.values()):
            if own:
                here.end(error="Cancelled")

    def on_span_start(self, span: SdkSpan[Any]) -> None:
        """Begin a span inside its parent's, or inside the one that runs the agent."""
        with self._lock:
            known = self._open.get(span.trace_id, {})
            parent, _ = known.get(span.parent_id or "", (current_span(), False))
            if parent is not None:
                here = self._begun(parent, span)
                self._open.setdefault(span.trace_id, {})[span.span_id] = here, here is not parent

    def on_span_end(self, span: SdkSpan[Any]) -> None:
        """End it with what is known of it now."""
        with self._lock:
            here, own = self._open.get(span.trace_id, {}).pop(span.span_id, (None, False))
        if here is not None and own:
            here.annotate(**tokens_of(span))
            here.end(error=error_of(span))

    def shutdown(self) -> None:
        """Nothing is kept."""

    def force_flush(self) -> None:
        """Nothing is kept."""

    @staticmethod
    def _begun(parent: Span, span: SdkSpan[Any]) -> Span:
        kind = span.span_data.type
        if kind not in NAMES:
            return parent  # its children are children of its parent
        if kind == "function":
            return parent.child(f"{NAMES[kind]} {tool_of(span)}")
        return parent.child(NAMES[kind])


def tool_of(span: SdkSpan[Any]) -> str:
    """The tool's name, if it is one of ours: a model may call anything."""
    name = str(getattr(span.span_data, "name", ""))
    return name if name in SPECS else "other"


def tokens_of(span: SdkSpan[Any]) -> dict[str, Annotation]:
    """Token counts, where the SDK knows them."""
    usage = getattr(span.span_data, "usage", None)
    if not isinstance(usage, dict):
        return {}
    return {name: value for name in COUNTS if isinstance(value := usage.get(name), int)}


def error_of(span: SdkSpan[Any]) -> str:
    """Class of the error, as the model's client names it; a sentence of the SDK's is only known to be one."""
    if span.error is None:
        return ""
    message = span.error["message"]
    return message if _CLASS_NAME.fullmatch(message) else "SpanError"
