"""Logs, metrics and traces of the worker: Powertools behind three small seams, safe with many turns at once.

Rooms log through the standard library (``logging.getLogger(__name__)``, names below ``metta``); ``set_up_logging``
gives those lines Powertools' JSON shape and the keys of ``log_keys``. No line ever holds a customer's text.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import IO, Any, Protocol, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from metta.observability.catalogue import METRICS, Dimension, Metric, MetricSpec, Unit
from metta.settings import Settings

__all__ = [
    "METRICS",
    "Dimension",
    "Meter",
    "Metric",
    "MetricSpec",
    "NoTracing",
    "Tracing",
    "Unit",
    "XRayTracing",
    "log_keys",
    "set_up_logging",
    "with_log_keys",
]

T = TypeVar("T")

_formatter: BasePowertoolsFormatter | None = None


def set_up_logging(settings: Settings, stream: IO[str] | None = None) -> None:
    """Give all ``metta`` loggers Powertools' structured JSON handler. Safe to call again.

    Args:
        settings: level and service name.
        stream: where lines go; standard output when None, as Lambda wants it.
    """
    global _formatter
    source = Logger(
        service=settings.powertools_service_name, level=settings.log_level, stream=stream or sys.stdout, utc=True
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    _formatter = source.registered_formatter
    handler.setFormatter(_formatter)
    root = logging.getLogger("metta")
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    root.propagate = False
    for noisy in ("odoorpc", "httpx", "httpx2", "openai.agents", "botocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def log_keys(**keys: object) -> Iterator[None]:
    """Put ``keys`` on every line that this thread and the coroutines it starts log inside the block."""
    if _formatter is None:
        yield
        return
    before = dict(_formatter.thread_safe_get_current_keys())
    _formatter.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        _formatter.thread_safe_clear_keys()
        _formatter.thread_safe_append_keys(**before)


def with_log_keys(function: Callable[..., T], *args: Any) -> Callable[[], T]:
    """``function`` bound to a copy of the present log keys, to be called in a pool thread that may have others."""
    return partial(contextvars.copy_context().run, function, *args)


class Meter:
    """Collects the batch's metrics and writes them as one EMF line to standard output."""

    def __init__(self, settings: Settings, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._lock = threading.Lock()
        self._metrics = EphemeralMetrics(
            namespace=settings.powertools_metrics_namespace, service=settings.powertools_service_name
        )

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a counter."""
        self._add(metric, MetricUnit.Count, value)

    def milliseconds(self, metric: Metric, value: float) -> None:
        """Record a duration."""
        self._add(metric, MetricUnit.Milliseconds, value)

    def gauge(self, metric: Metric, value: float) -> None:
        """Record a number that says something when it is zero, too: an alarm can then tell silence from health."""
        self._add(metric, MetricUnit.Count, value, zero=True)

    def seconds(self, metric: Metric, value: float) -> None:
        """Record an age, zero included."""
        self._add(metric, MetricUnit.Seconds, value, zero=True)

    def _add(self, metric: Metric, unit: MetricUnit, value: float, *, zero: bool = False) -> None:
        if self._enabled and (value or zero):
            with self._lock:
                self._metrics.add_metric(name=metric.value, unit=unit, value=value)

    def flush(self) -> None:
        """Write what was collected; nothing when nothing was."""
        with self._lock:
            if self._enabled and self._metrics.metric_set:
                self._metrics.flush_metrics()


class Tracing(Protocol):
    """The tracing port: X-Ray through Powertools in Lambda, nothing elsewhere; no message text in spans."""

    def span(self, name: str, **annotations: str | int) -> AbstractContextManager[None]:
        """Time a block of the calling thread."""
        ...


class NoTracing:
    """Traces nothing."""

    def span(self, name: str, **annotations: str | int) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing."""
        return nullcontext()


class XRayTracing:
    """Powertools' Tracer. Group threads take the invocation's segment as their parent, since X-Ray's is per thread."""

    def __init__(self, service: str) -> None:
        from aws_lambda_powertools import Tracer  # costs 0.3 s, so only where it is used

        self._tracer = Tracer(service=service, auto_patch=False)
        self._parent: Any = None

    @contextmanager
    def span(self, name: str, **annotations: str | int) -> Iterator[None]:
        """Time a block as a subsegment."""
        provider: Any = self._tracer.provider
        entity = provider.get_trace_entity() if threading.current_thread() is threading.main_thread() else None
        if entity is not None:
            self._parent = entity
        elif self._parent is not None:
            provider.set_trace_entity(self._parent)
        with provider.in_subsegment(name=name) as subsegment:
            for key, value in annotations.items():
                subsegment.put_annotation(key=key, value=value)
            yield
