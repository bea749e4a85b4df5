"""The one list of Metta's metrics: what each is called, its unit, and the closed sets of words it may be split by.

Dashboards, alarms and docs/observability.md are checked against ``METRICS``; the meter emits nothing else. A dimension
holds words of the code only, never an id or a text: each further value is a further metric that CloudWatch bills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod

from metta.observability.words import (
    ACTIONS,
    CAUSES,
    CHECKS,
    DEPENDENCIES,
    DIRECTIONS,
    DROP_REASONS,
    FUNCTIONS,
    HANDOFF_REASONS,
    RECORD_SKIP_REASONS,
    TOOLS,
    TURN_SKIP_REASONS,
    WEBHOOK_FAILURES,
    WEBHOOK_REFUSALS,
)

OTHER = "other"
"""Stands for a value that is in no list."""


class Metric(StrEnum):
    """Every metric that Metta emits; dashboards and alarms may use these and no others."""

    RECORDS = "Records"
    RECORDS_RETRIED = "RecordsRetried"
    RECORDS_REJECTED = "RecordsRejected"
    RECORDS_SKIPPED = "RecordsSkipped"
    TURNS = "Turns"
    TURNS_ANSWERED = "TurnsAnswered"
    TURNS_DECLINED = "TurnsDeclined"
    TURNS_HANDED_OFF = "TurnsHandedOff"
    TURNS_DROPPED = "TurnsDropped"
    TURNS_SKIPPED = "TurnsSkipped"
    REPLIES = "Replies"
    REPLY_LATENCY = "ReplyLatency"
    TURN_LATENCY = "TurnLatency"
    VERDICTS = "Verdicts"
    INPUT_FLAGGED = "InputFlagged"
    OUTPUT_FLAGGED = "OutputFlagged"
    TOOL_CALLS = "ToolCalls"
    TOOL_FAILURES = "ToolFailures"
    TOOL_LATENCY = "ToolLatency"
    MODEL_CALLS = "ModelCalls"
    MODEL_FAILURES = "ModelFailures"
    MODEL_LATENCY = "ModelLatency"
    INPUT_TOKENS = "InputTokens"
    CACHED_TOKENS = "CachedTokens"
    OUTPUT_TOKENS = "OutputTokens"
    COST = "CostMicroUsd"
    DAY_BUDGET_SPENT = "DayBudgetSpent"
    DAY_BUDGET_EXHAUSTED = "DayBudgetExhausted"
    DEPENDENCY_FAILURES = "DependencyFailures"
    CIRCUIT_OPEN = "CircuitOpen"
    CUSTOMERS_UNANSWERED = "CustomersUnanswered"
    TURNS_STRANDED = "TurnsStranded"
    OLDEST_UNANSWERED = "OldestUnanswered"
    COLD_STARTS = "ColdStarts"
    WEBHOOKS_RECEIVED = "WebhooksReceived"
    WEBHOOKS_REFUSED = "WebhooksRefused"
    WEBHOOKS_FAILED = "WebhooksFailed"


class Unit(StrEnum):
    """CloudWatch's names of the units in use."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    PERCENT = "Percent"


class Dimension(StrEnum):
    """What a metric may be split by, besides the service, which is on all of them."""

    SERVICE = "service"
    REASON = "reason"
    CAUSE = "cause"
    DIRECTION = "direction"
    CHECK = "check"
    ACTION = "action"
    TOOL = "tool"
    DEPENDENCY = "dependency"
    FUNCTION = "function"


Words = Mapping[Dimension, frozenset[str]]


@dataclass(frozen=True)
class MetricSpec:
    """What a metric is."""

    unit: Unit
    meaning: str
    """One line for docs/observability.md."""
    by: tuple[tuple[Dimension, ...], ...] = ()
    """What it is split by; each is a set of its own, besides the total that every metric has."""
    words: Words = field(default_factory=dict)
    """Dimension -> the values it can have here, ``other`` aside."""
    zero: bool = False
    """Whether it is emitted when it is zero, too: an alarm can then tell silence from health."""

    @property
    def dimension_sets(self) -> tuple[tuple[Dimension, ...], ...]:
        """The dimension names under which CloudWatch has it, as alarms and dashboards must give them."""
        return ((Dimension.SERVICE,), *((Dimension.SERVICE, *names) for names in self.by))

    @property
    def most_series(self) -> int:
        """How many CloudWatch metrics it can become for one service."""
        return 1 + sum(prod(len(self.words[name]) + 1 for name in names) for names in self.by)


def _split(unit: Unit, meaning: str, name: Dimension, words: frozenset[str], *, zero: bool = False) -> MetricSpec:
    return MetricSpec(unit, meaning, by=((name,),), words={name: words}, zero=zero)


_COUNT, _MS = Unit.COUNT, Unit.MILLISECONDS

METRICS: dict[Metric, MetricSpec] = {
    Metric.RECORDS: MetricSpec(_COUNT, "records that batches brought"),
    Metric.RECORDS_RETRIED: _split(
        _COUNT, "records given back to the queue, by the class of the error", Dimension.CAUSE, CAUSES
    ),
    Metric.RECORDS_REJECTED: MetricSpec(_COUNT, "malformed records, moved to the dead-letter queue"),
    Metric.RECORDS_SKIPPED: _split(
        _COUNT, "records that ask for no answer, by the filter's reason", Dimension.REASON, RECORD_SKIP_REASONS
    ),
    Metric.TURNS: MetricSpec(_COUNT, "turns that ended; the four outcomes add up to it"),
    Metric.TURNS_ANSWERED: MetricSpec(_COUNT, "outcome: answered, by the agent or with a fixed text"),
    Metric.TURNS_DECLINED: _split(
        _COUNT, "of those, answered with a fixed text since a check blocked the message", Dimension.CHECK, CHECKS
    ),
    Metric.TURNS_HANDED_OFF: _split(_COUNT, "outcome: given to a person", Dimension.REASON, HANDOFF_REASONS),
    Metric.TURNS_DROPPED: _split(_COUNT, "outcome: a reply existed and was not sent", Dimension.REASON, DROP_REASONS),
    Metric.TURNS_SKIPPED: _split(_COUNT, "outcome: nothing was to be done", Dimension.REASON, TURN_SKIP_REASONS),
    Metric.REPLIES: MetricSpec(_COUNT, "turns whose reply Chatwoot accepted for the customer; drafts are none"),
    Metric.REPLY_LATENCY: MetricSpec(
        _MS, "from when the customer wrote (the oldest message of the turn) until the reply was accepted"
    ),
    Metric.TURN_LATENCY: MetricSpec(_MS, "from a turn's first try until its end"),
    Metric.VERDICTS: MetricSpec(
        _COUNT,
        "texts that the guardrails judged, by what decided and by what followed",
        by=((Dimension.DIRECTION, Dimension.CHECK), (Dimension.DIRECTION, Dimension.ACTION)),
        words={Dimension.DIRECTION: DIRECTIONS, Dimension.CHECK: CHECKS, Dimension.ACTION: ACTIONS},
    ),
    Metric.INPUT_FLAGGED: MetricSpec(_COUNT, "customers' texts in which a check found something to act on"),
    Metric.OUTPUT_FLAGGED: MetricSpec(_COUNT, "replies in which a check found something to act on"),
    Metric.TOOL_CALLS: _split(_COUNT, "tools that the model called", Dimension.TOOL, TOOLS),
    Metric.TOOL_FAILURES: _split(_COUNT, "of those, without a result", Dimension.TOOL, TOOLS),
    Metric.TOOL_LATENCY: _split(_MS, "time of a tool call", Dimension.TOOL, TOOLS),
    Metric.MODEL_CALLS: MetricSpec(_COUNT, "requests to the model, second opinions and failures included"),
    Metric.MODEL_FAILURES: MetricSpec(_COUNT, "of those, without an answer"),
    Metric.MODEL_LATENCY: MetricSpec(_MS, "time of a request to the model"),
    Metric.INPUT_TOKENS: MetricSpec(_COUNT, "tokens that the model read"),
    Metric.CACHED_TOKENS: MetricSpec(_COUNT, "of those, from its cache"),
    Metric.OUTPUT_TOKENS: MetricSpec(_COUNT, "tokens that the model wrote"),
    Metric.COST: MetricSpec(_COUNT, "cost of the model in millionths of a US dollar, by the policy's prices"),
    Metric.DAY_BUDGET_SPENT: MetricSpec(
        Unit.PERCENT,
        "share of the day's money for the model that is taken, 100 where no run fits in any more; look at the maximum",
        zero=True,
    ),
    Metric.DAY_BUDGET_EXHAUSTED: MetricSpec(_COUNT, "turns given to a person since the day's money is used up"),
    Metric.DEPENDENCY_FAILURES: _split(
        _COUNT, "calls that failed in a way that may pass", Dimension.DEPENDENCY, DEPENDENCIES
    ),
    Metric.CIRCUIT_OPEN: _split(
        _COUNT,
        "1 where nothing was asked of a dependency since it is down, else 0; look at the maximum",
        Dimension.DEPENDENCY,
        DEPENDENCIES,
        zero=True,
    ),
    Metric.CUSTOMERS_UNANSWERED: MetricSpec(
        _COUNT, "conversations found with a customer waiting too long, at each look of the watchdog", zero=True
    ),
    Metric.TURNS_STRANDED: MetricSpec(_COUNT, "conversations found with a turn left half way", zero=True),
    Metric.OLDEST_UNANSWERED: MetricSpec(Unit.SECONDS, "how long the longest waiting of them waited", zero=True),
    Metric.COLD_STARTS: _split(_COUNT, "processes that handled their first event", Dimension.FUNCTION, FUNCTIONS),
    Metric.WEBHOOKS_RECEIVED: MetricSpec(_COUNT, "webhooks that the receiver put on the queue"),
    Metric.WEBHOOKS_REFUSED: _split(
        _COUNT, "requests that the receiver refused: no genuine webhooks", Dimension.REASON, WEBHOOK_REFUSALS
    ),
    Metric.WEBHOOKS_FAILED: _split(
        _COUNT,
        "genuine webhooks that the queue did not take; the sender is to try again",
        Dimension.REASON,
        WEBHOOK_FAILURES,
    ),
}
