"""When an alarm of the template would ring, for metrics given minute by minute: CloudWatch's rules in small.

Each minute the last ``EvaluationPeriods`` windows of ``Period`` seconds that end then are looked at; the alarm rings
when ``DatapointsToAlarm`` of them breach. An expression has no value where a metric that it needs has none. Sources:
CloudWatch's user guide on alarm evaluation, missing data and metric math.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Minutes = Mapping[int, float]
"""Minute -> what was reported in it; nothing was in the others."""
Metrics = Mapping[str, Minutes]
"""``MetricName``, or ``MetricName:value of its second dimension`` -> minutes."""

STATS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "p99": max,
}
BREACHES = {"GreaterThanOrEqualToThreshold": operator.ge, "LessThanThreshold": operator.lt}


def ringing(alarm: Mapping[str, Any], metrics: Metrics, minutes: int) -> list[int]:
    """The minutes, from 1 to ``minutes``, at whose end the alarm rings."""
    found, rings = [], False
    evaluated = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", evaluated))
    for now in range(1, minutes + 1):
        points = [_point(alarm, metrics, now - back * _length(alarm)) for back in range(evaluated)]
        if alarm["TreatMissingData"] != "ignore" or any(point is not None for point in points):
            rings = sum(_breaches(alarm, point) for point in points) >= needed
        if rings:
            found.append(now)
    return found


def _length(alarm: Mapping[str, Any]) -> int:
    stats = [query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    return int((stats[0] if stats else alarm)["Period"]) // 60


def _breaches(alarm: Mapping[str, Any], point: float | None) -> bool:
    if point is None:
        return bool(alarm["TreatMissingData"] == "breaching")
    return bool(BREACHES[alarm["ComparisonOperator"]](point, float(alarm["Threshold"])))


def _point(alarm: Mapping[str, Any], metrics: Metrics, end: int) -> float | None:
    """The data point of the window that ends with minute ``end``; None where nothing was reported."""
    window = range(end - _length(alarm), end)
    if "MetricName" in alarm:
        return _read(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"], metrics, window)
    (expression,) = (query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
    read = {
        query["Id"]: _read(query["MetricStat"]["Metric"], query["MetricStat"]["Stat"], metrics, window)
        for query in alarm["Metrics"]
        if "MetricStat" in query
    }
    if all(value is None for value in read.values()):
        return None
    try:
        return float(eval(expression, {"__builtins__": {}, "IF": _if, "FILL": _fill}, read))
    except TypeError:  # None, where nothing was reported
        return None


def _read(metric: Mapping[str, Any], stat: str, metrics: Metrics, window: range) -> float | None:
    second = [one["Value"] for one in metric["Dimensions"] if one["Name"] == "reason"]
    reported = metrics.get(":".join([metric["MetricName"], *second]), {})
    values = [reported[minute] for minute in window if minute in reported]
    return STATS[stat](values) if values else None


def _if(condition: bool, yes: float, no: float) -> float:
    return yes if condition else no


def _fill(value: float | None, instead: float) -> float:
    return instead if value is None else value
