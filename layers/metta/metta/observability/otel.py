"""Traces for OpenTelemetry: through its API alone, so that whatever the function's layers set up receives them.

The API package is no requirement of Metta's: who wants it brings it with a distribution (ADOT, a vendor's layer) that
also says where spans go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from metta.errors import SettingsError
from metta.observability.tracing import Annotation, Span, current_span, within

_HEADER = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24});.*?Parent=([0-9a-f]{16})")


class OtelSpan:
    """A span of OpenTelemetry.

    Args:
        tracer: makes spans.
        made: the span itself.
    """

    def __init__(self, tracer: Any, made: Any) -> None:
        self._tracer, self._made = tracer, made

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:
        """A span inside this one, whatever is current for others."""
        from opentelemetry import trace

        parent = trace.set_span_in_context(self._made)
        made = self._tracer.start_span(name, context=parent, links=_links(links), attributes=annotations)
        return OtelSpan(self._tracer, made)

    def annotate(self, **annotations: Annotation) -> None:
        """Add attributes."""
        self._made.set_attributes(annotations)

    def end(self, *, error: str = "", fault: bool = True) -> None:
        """End it; the error's class is an attribute, its text is nowhere."""
        from opentelemetry.trace import Status, StatusCode

        if error:
            self._made.set_attribute("error.type", error)
            if fault:
                self._made.set_status(Status(StatusCode.ERROR, error))
        self._made.end()

    def activated(self) -> Callable[[], None]:
        """Let what instruments the HTTP and AWS clients find it."""
        from opentelemetry import context, trace

        return partial(context.detach, context.attach(trace.set_span_in_context(self._made)))


class OtelTracing:
    """OpenTelemetry's tracer as the tracing port.

    Args:
        service: name of the service, an attribute of each root.

    Raises:
        SettingsError: the API is not installed.
    """

    def __init__(self, service: str) -> None:
        try:
            from opentelemetry import trace
        except ImportError as error:
            raise SettingsError(
                "METTA_TRACING: otel needs the Python package opentelemetry-api, which no layer of the function has"
            ) from error
        self._service = service
        self._tracer: Any = trace.get_tracer("metta")

    def span(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> AbstractContextManager[Span]:
        """A span inside the current one; a root is inside whatever instruments the handler."""
        parent = current_span()
        if parent is not None:
            return within(parent.child(name, links=links, **annotations))
        attributes = {"service": self._service, **annotations}
        return within(OtelSpan(self._tracer, self._tracer.start_span(name, links=_links(links), attributes=attributes)))


def _links(headers: Sequence[str]) -> list[Any]:
    from opentelemetry.trace import Link, SpanContext, TraceFlags

    found = [match for match in map(_HEADER.search, headers) if match]
    return [
        Link(SpanContext(int(one[1] + one[2], 16), int(one[3], 16), is_remote=True, trace_flags=TraceFlags(1)))
        for one in found
    ]
