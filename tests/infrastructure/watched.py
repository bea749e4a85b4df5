"""What the evaluated template's dashboards and alarms look at: each metric with its statistic, each expression."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infrastructure.evaluate import EXISTING_STANDARD, Deployed

BRANCHES: dict[str, dict[str, str]] = {
    "as it comes": {},
    "on a local AWS": {"AwsEndpointUrl": "http://127.0.0.1:4566", "SavedQueries": "false", "WebhookEnabled": "true"},
    "with receiver and topic": {
        "WebhookEnabled": "true",
        "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:on-call",
        "PowertoolsServiceName": "lamps",
        "PowertoolsMetricsNamespace": "Acme/Metta",
    },
    "on an existing queue": EXISTING_STANDARD | {"WatchdogEnabled": "false", "WorkerTimeoutSeconds": "900"},
}
"""Sets of parameters that between them make and leave out everything there is to look at."""


@dataclass(frozen=True)
class Seen:
    """A metric that something looks at."""

    where: str
    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(hash=False)
    """Name -> value; the value is empty where a search takes all of them."""
    stat: str


def alarms(stack: Deployed) -> dict[str, dict[str, Any]]:
    """Alarm name without the stack's -> properties."""
    found = stack.of_type("AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix("metta-"): alarm for alarm in found}


def seen_by_alarms(stack: Deployed) -> Iterator[Seen]:
    """Every metric of every alarm."""
    for name, alarm in alarms(stack).items():
        if "MetricName" in alarm:
            yield _seen(name, alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"])
        for query in alarm.get("Metrics", ()):
            if "MetricStat" in query:
                yield _seen(name, query["MetricStat"]["Metric"], query["MetricStat"]["Stat"])


def _seen(where: str, metric: Mapping[str, Any], stat: str) -> Seen:
    dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
    return Seen(where, metric["Namespace"], metric["MetricName"], dimensions, stat)


def widgets(stack: Deployed) -> dict[str, list[dict[str, Any]]]:
    """Dashboard name without the stack's -> its widgets."""
    found = stack.of_type("AWS::CloudWatch::Dashboard").values()
    return {one["DashboardName"].removeprefix("metta-"): json.loads(one["DashboardBody"])["widgets"] for one in found}


def metric_widgets(stack: Deployed) -> Iterator[dict[str, Any]]:
    """Properties of the widgets that show metrics."""
    for some in widgets(stack).values():
        yield from (widget["properties"] for widget in some if widget["type"] == "metric")


def seen_on_dashboards(stack: Deployed) -> Iterator[Seen]:
    """Every metric of every widget, those that searches find included."""
    for widget in metric_widgets(stack):
        for row in widget["metrics"]:
            options = row[-1] if isinstance(row[-1], dict) else {}
            if "expression" in options:
                yield from _searched(widget["title"], options["expression"])
            else:
                yield _row(widget["title"], row, options.get("stat", widget["stat"]))


def _row(where: str, row: Sequence[Any], stat: str) -> Seen:
    namespace, name, *words = (word for word in row if isinstance(word, str))
    return Seen(where, namespace, name, dict(zip(words[::2], words[1::2], strict=True)), stat)


def _searched(where: str, expression: str) -> Iterator[Seen]:
    for schema, terms, stat in re.findall(r"SEARCH\('\{([^}]*)\} ([^']*)', '(\w+)', \d+\)", expression):
        namespace, *names = schema.split(",")
        values = dict(re.findall(r'(?<!NOT )\b(\w+)="([^"]*)"', terms))
        excluded = dict(re.findall(r'NOT (\w+)="([^"]*)"', terms))
        name = values.pop("MetricName")
        assert values.keys() | excluded.keys() <= set(names), f"{where}: searched by what it is not split by"
        yield Seen(where, namespace.strip('"'), name, {one: values.get(one, "") for one in names}, stat)
        for one, word in excluded.items():
            left_out = {each: values.get(each, "") for each in names} | {one: word}
            yield Seen(where, namespace.strip('"'), name, left_out, stat)
