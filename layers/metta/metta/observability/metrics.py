"""The meter: collects a batch's metrics and writes them in CloudWatch's embedded metric format, through Powertools.

One EMF object holds all metrics that have the same dimension values; counts are added up, durations are kept one by
one. What is in no closed set of the catalogue becomes ``other``, so that no text and no id is ever a dimension.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics

from metta.observability.catalogue import METRICS, OTHER, Dimension, Metric, Unit
from metta.settings import Settings

MOST_VALUES = 99
"""Of a metric in one EMF object: CloudWatch takes a hundred, and at a hundred Powertools writes by itself."""

Labels = tuple[tuple[str, str], ...]


class Meter:
    """Collects metrics of one function. Safe to use from any thread.

    Args:
        settings: namespace and service.
        enabled: whether anything is written.
        function: which function's cold start the first flush tells of; none when None.
    """

    def __init__(self, settings: Settings, *, enabled: bool = True, function: str | None = None) -> None:
        self._namespace = settings.powertools_metrics_namespace
        self._service = settings.powertools_service_name
        self._enabled = enabled
        self._cold_in = function
        self.before_flush: Callable[[], None] = lambda: None
        """Called at each flush, to record what is only worth saying then."""
        self._lock = threading.Lock()
        self._collected: dict[Labels, dict[Metric, list[float]]] = {}

    def count(self, metric: Metric, value: float = 1, **words: object) -> None:
        """Add to a counter.

        Args:
            metric: which.
            value: how much; nothing is emitted for 0 unless the catalogue wants it.
            words: values of the dimensions that it is split by.
        """
        self._add(metric, value, words)

    def milliseconds(self, metric: Metric, value: float, **words: object) -> None:
        """Record a duration."""
        self._add(metric, value, words)

    def gauge(self, metric: Metric, value: float, **words: object) -> None:
        """Record a number as it is now."""
        self._add(metric, value, words)

    def seconds(self, metric: Metric, value: float) -> None:
        """Record an age."""
        self._add(metric, value, {})

    def flush(self) -> None:
        """Write what was collected; nothing when nothing was."""
        self.before_flush()
        with self._lock:
            if self._cold_in is not None:
                cold, self._cold_in = self._cold_in, None
                self._collect(Metric.COLD_STARTS, 1, {"function": cold})
            collected, self._collected = self._collected, {}
            for labels, metrics in collected.items():
                while metrics:
                    metrics = self._write(labels, metrics)

    def _add(self, metric: Metric, value: float, words: Mapping[str, object]) -> None:
        if math.isfinite(value) and (value or METRICS[metric].zero):
            with self._lock:
                self._collect(metric, value, words)

    def _collect(self, metric: Metric, value: float, words: Mapping[str, object]) -> None:
        if not self._enabled:
            return
        for labels in _labels(metric, words):
            values = self._collected.setdefault(labels, {}).setdefault(metric, [])
            if values and METRICS[metric].unit is Unit.COUNT and not METRICS[metric].zero:
                values[0] += value
            else:
                values.append(value)

    def _write(self, labels: Labels, metrics: Mapping[Metric, list[float]]) -> dict[Metric, list[float]]:
        """Write one EMF object; returns what was too much for it."""
        emf = EphemeralMetrics(namespace=self._namespace, service=self._service)
        emf.add_dimension(Dimension.SERVICE.value, self._service)
        for name, word in labels:
            emf.add_dimension(name, word)
        for metric, values in metrics.items():
            for value in values[:MOST_VALUES]:
                emf.add_metric(name=metric.value, unit=METRICS[metric].unit.value, value=value)
        emf.flush_metrics()
        return {metric: values[MOST_VALUES:] for metric, values in metrics.items() if len(values) > MOST_VALUES}


def _labels(metric: Metric, words: Mapping[str, object]) -> Iterable[Labels]:
    """The total, and each of the metric's dimension sets that ``words`` has values for."""
    spec = METRICS[metric]
    if unknown := words.keys() - spec.words.keys():
        raise ValueError(f"{metric} is not split by {', '.join(sorted(unknown))}")
    yield ()
    for names in spec.by:
        if all(name in words for name in names):
            yield tuple((name.value, _known(words[name], spec.words[name])) for name in names)


def _known(value: object, words: frozenset[str]) -> str:
    """The word itself, or what stands before its detail (``budget_exhausted:day``), or ``other``."""
    text = str(value)
    head = text.partition(":")[0]
    return text if text in words else head if head in words else OTHER
