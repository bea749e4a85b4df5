"""Traces for AWS X-Ray: subsegments of the invocation's segment, sent by Powertools' Tracer to the daemon.

Each subsegment names its parent and leaves by itself when it ends. The X-Ray SDK's own notion of a current subsegment
is one per thread, which coroutines of different conversations share, so nothing of it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from aws_lambda_powertools import Tracer
from aws_xray_sdk import global_sdk_config  # type: ignore[import-untyped]
from aws_xray_sdk.core import xray_recorder  # type: ignore[import-untyped]
from aws_xray_sdk.core.emitters.udp_emitter import UDPEmitter  # type: ignore[import-untyped]
from aws_xray_sdk.core.models.facade_segment import FacadeSegment  # type: ignore[import-untyped]
from aws_xray_sdk.core.models.subsegment import Subsegment  # type: ignore[import-untyped]
from aws_xray_sdk.core.models.trace_header import TraceHeader  # type: ignore[import-untyped]

from metta.observability.tracing import NO_SPAN, Annotation, Span, current_span, within

_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|\s*$)")
TRACE_HEADER = "_X_AMZN_TRACE_ID"
"""Where Lambda says, anew for each invocation, which trace and segment it belongs to."""


class XRaySpan:
    """A subsegment.

    Args:
        make: makes a subsegment of a name.
        send: sends an ended one.
        parent_id: of the segment or subsegment that it is part of.
        name: its name.
        links: trace headers of what led to it; X-Ray has no field for them in a subsegment, so they are annotated.
        annotations: what it is found by.
    """

    def __init__(
        self,
        make: Callable[[str], Any],
        send: Callable[[Any], None],
        parent_id: str,
        name: str,
        links: Sequence[str],
        annotations: dict[str, Annotation],
    ) -> None:
        self._make, self._send = make, send
        self._entity = make(name)
        self._entity.parent_id = parent_id
        traces = [trace for trace in map(_root, links) if trace]
        if traces:
            self._entity.put_annotation("receiver_trace", traces[-1])
        if len(traces) > 1:
            self._entity.put_metadata("receiver_traces", traces)
        self.annotate(**annotations)

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:
        """A subsegment of this one."""
        return XRaySpan(self._make, self._send, self._entity.id, name, links, annotations)

    def annotate(self, **annotations: Annotation) -> None:
        """Add annotations, by which X-Ray finds it; too late once it has ended."""
        if self._entity.in_progress:
            for key, value in annotations.items():
                self._entity.put_annotation(key, value)

    def end(self, *, error: str = "", fault: bool = True) -> None:
        """Send it; once."""
        if not self._entity.in_progress:
            return
        if error:
            self._entity.put_annotation("error", error)
            if fault:
                self._entity.add_fault_flag()
        self._entity.close()
        self._send(self._entity)

    def activated(self) -> Callable[[], None]:
        """Nobody else traces here."""
        return NO_SPAN.activated()


class XRayTracing:
    """Powertools' Tracer as the tracing port.

    Args:
        service: name of the service, annotated on each root.
    """

    def __init__(self, service: str) -> None:
        if xray_recorder.emitter is None:
            xray_recorder.emitter = UDPEmitter(os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"))
        provider: Any = Tracer(service=service, auto_patch=False).provider
        self._service = service
        self._emitter = provider.emitter if global_sdk_config.sdk_enabled() else None

    def span(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> AbstractContextManager[Span]:
        """A subsegment of the current one, or of the invocation's segment."""
        parent = current_span() or self._invocation()
        if isinstance(parent, _Invocation):
            annotations = {"service": self._service, **annotations}
        return within(parent.child(name, links=links, **annotations))

    def _invocation(self) -> Span | _Invocation:
        header = TraceHeader.from_header_str(os.environ.get(TRACE_HEADER))
        if self._emitter is None or header.sampled != 1 or not header.root or not header.parent:
            return NO_SPAN
        segment = FacadeSegment(name="facade", traceid=header.root, entityid=header.parent, sampled=True)
        return _Invocation(segment, self._emitter.send_entity)


def close() -> None:
    """Close the SDK's socket, which it opens at import already; the next ``XRayTracing`` opens another."""
    emitter, xray_recorder.emitter = xray_recorder.emitter, None
    if emitter is not None:
        emitter._socket.close()


class _Invocation:
    """The segment that Lambda itself writes."""

    def __init__(self, segment: Any, send: Callable[[Any], None]) -> None:
        self._segment, self._send = segment, send

    def child(self, name: str, *, links: Sequence[str] = (), **annotations: Annotation) -> Span:
        def make(of_name: str) -> Any:
            return Subsegment(of_name, "local", self._segment)

        return XRaySpan(make, self._send, self._segment.id, name, links, annotations)


def _root(header: str) -> str:
    """The trace that a header names; empty when it names none: whoever fills the queue could write anything."""
    found = _ROOT.search(header)
    return found[1] if found else ""
