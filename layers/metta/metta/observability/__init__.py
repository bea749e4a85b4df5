"""Logs, metrics and traces of all functions: Powertools behind three small seams, safe with many turns at once.

``logs`` gives lines their shape and keys, ``catalogue`` lists the metrics that ``metrics`` emits, ``tracing`` is the
port behind which ``xray`` and ``otel`` stand; these two are loaded only where they are used.
"""

from metta.observability.catalogue import METRICS, Dimension, Metric, MetricSpec, Unit
from metta.observability.logs import log_keys, set_up_logging, with_log_keys
from metta.observability.metrics import Meter
from metta.observability.tracing import Annotation, NoTracing, Span, Tracing, current_span, span

__all__ = [
    "METRICS",
    "Annotation",
    "Dimension",
    "Meter",
    "Metric",
    "MetricSpec",
    "NoTracing",
    "Span",
    "Tracing",
    "Unit",
    "current_span",
    "log_keys",
    "set_up_logging",
    "span",
    "with_log_keys",
]
