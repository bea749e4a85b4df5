"""The meter: EMF as CloudWatch reads it, within its bounds, and split by nothing but words of the code."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metta.circuits import Circuit, working_on
from metta.errors import OdooDown
from metta.messages import (
    Action,
    AgentWork,
    Contact,
    ConversationKey,
    Direction,
    IncomingMessage,
    ModelCall,
    Outcome,
    OutgoingKind,
    SentMessage,
    ToolCall,
    Turn,
    Verdict,
)
from metta.observability import METRICS, Dimension, Meter, Metric
from metta.queue.measuring import measure, watch_circuits
from metta.settings import load

NOW = datetime(2026, 6, 17, 10, tzinfo=UTC)
KEY = ConversationKey(account_id=3, conversation_id=84)
CONTACT = Contact(id=90177, email="lena@example.org")
Emitted = list[dict[str, Any]]
Flushed = Callable[[Meter], Emitted]


@pytest.fixture
def flushed(capsys: pytest.CaptureFixture[str]) -> Flushed:
    """Flush a meter and give the EMF objects that it wrote."""

    def flush(meter: Meter) -> Emitted:
        meter.flush()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return flush


def meter(**more: Any) -> Meter:
    return Meter(load({"POWERTOOLS_METRICS_NAMESPACE": "Desk", "POWERTOOLS_SERVICE_NAME": "lamps"}), **more)


def turn(**more: Any) -> Turn:
    given: dict[str, Any] = {"outcome": Outcome.ANSWERED, "started_at": NOW, "finished_at": NOW + timedelta(seconds=2)}
    return Turn(id="t-1", key=KEY, inbox_id=11, contact=CONTACT, **(given | more))


def message(message_id: int, seconds: float) -> IncomingMessage:
    at = NOW + timedelta(seconds=seconds)
    return IncomingMessage(
        key=KEY, message_id=message_id, inbox_id=11, text="Where is it?", created_at=at, contact=CONTACT
    )


def directive(emf: dict[str, Any]) -> dict[str, Any]:
    (found,) = emf["_aws"]["CloudWatchMetrics"]
    return dict(found)


def labels(emf: dict[str, Any]) -> dict[str, str]:
    (names,) = directive(emf)["Dimensions"]
    return {name: emf[name] for name in names}


def value(emitted: Emitted, metric: Metric, **words: str) -> list[float] | None:
    """Values of a metric under exactly these dimension values."""
    found = [
        emf[metric.value] for emf in emitted if labels(emf) == {"service": "lamps"} | words and metric.value in emf
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_turns_metrics_leave_as_one_object_for_each_set_of_dimension_values(flushed: Flushed) -> None:
    metrics, work = meter(), AgentWork()
    for name, ok in (("getOrder", False), ("getOrder", True), ("getProduct", True)):
        work.tool_calls.append(ToolCall(name=name, ok=ok, started_at=NOW, duration_ms=3))
    for tokens in (7, 9):
        work.model_calls.append(
            ModelCall(
                model="m",
                input_tokens=tokens,
                cached_tokens=4,
                output_tokens=2,
                cost_usd=0.002,
                started_at=NOW,
                duration_ms=900 + tokens,
                error="" if tokens == 7 else "APITimeoutError",
            )
        )
    measure(metrics, turn(work=work, outcome=Outcome.HANDED_OFF, reason="output_blocked:pii/EMAIL"))
    emitted = flushed(metrics)
    seen = [tuple(labels(emf).items()) for emf in emitted]
    assert len(seen) == len(set(seen)) == 4
    assert {directive(emf)["Namespace"] for emf in emitted} == {"Desk"}
    assert value(emitted, Metric.TURNS_HANDED_OFF) == [1.0]
    assert value(emitted, Metric.TURNS_HANDED_OFF, reason="output_blocked") == [1.0]
    assert value(emitted, Metric.TOOL_CALLS) == [3.0]
    assert value(emitted, Metric.TOOL_CALLS, tool="getOrder") == [2.0]
    assert value(emitted, Metric.TOOL_FAILURES, tool="getOrder") == [1.0]
    assert value(emitted, Metric.TOOL_FAILURES, tool="getProduct") is None
    assert value(emitted, Metric.MODEL_CALLS) == [2.0]
    assert value(emitted, Metric.MODEL_FAILURES) == [1.0]
    assert value(emitted, Metric.MODEL_LATENCY) == [907.0, 909.0]
    assert value(emitted, Metric.INPUT_TOKENS) == [16.0]
    assert value(emitted, Metric.CACHED_TOKENS) == [8.0]
    assert value(emitted, Metric.COST) == [4000.0]
    assert value(emitted, Metric.TURN_LATENCY) == [2000.0]
    assert flushed(metrics) == []


def test_units_are_those_of_the_list(flushed: Flushed) -> None:
    metrics = meter()
    for metric in Metric:
        metrics.count(metric, 5)
    (emf,) = flushed(metrics)
    assert {one["Name"]: one["Unit"] for one in directive(emf)["Metrics"]} == {
        metric.value: spec.unit.value for metric, spec in METRICS.items()
    }


@pytest.mark.parametrize("kind", [OutgoingKind.REPLY, OutgoingKind.NOTE, OutgoingKind.HANDOFF_WORD])
def test_a_reply_counts_with_its_wait_from_the_oldest_message_and_a_draft_does_not(
    flushed: Flushed, kind: OutgoingKind
) -> None:
    metrics = meter()
    sent = SentMessage(kind=kind, text="It left.", private=kind is OutgoingKind.NOTE)
    measure(metrics, turn(messages=(message(1, -9), message(2, -1)), sent=(sent, sent)))
    emitted = flushed(metrics)
    counted = kind is OutgoingKind.REPLY
    assert value(emitted, Metric.REPLIES) == ([1.0] if counted else None)
    assert value(emitted, Metric.REPLY_LATENCY) == ([11_000.0] if counted else None)


@pytest.mark.parametrize(
    ("outcome", "reason", "metric", "words"),
    [
        (Outcome.DROPPED, "human_reply", Metric.TURNS_DROPPED, {"reason": "human_reply"}),
        (Outcome.SKIPPED, "human_assigned", Metric.TURNS_SKIPPED, {"reason": "human_assigned"}),
        (Outcome.HANDED_OFF, "toxicity:threat", Metric.TURNS_HANDED_OFF, {"reason": "toxicity"}),
        (Outcome.HANDED_OFF, "budget_exhausted:day", Metric.DAY_BUDGET_EXHAUSTED, {}),
        (Outcome.ANSWERED, "input_blocked:injection/override", Metric.TURNS_DECLINED, {"check": "injection"}),
    ],
)
def test_outcomes_are_counted_by_reason(
    flushed: Flushed, outcome: Outcome, reason: str, metric: Metric, words: dict[str, str]
) -> None:
    metrics = meter()
    measure(metrics, turn(outcome=outcome, reason=reason))
    assert value(flushed(metrics), metric, **words) == [1.0]


def test_verdicts_are_counted_by_check_and_by_action_in_each_direction(flushed: Flushed) -> None:
    metrics = meter()
    passed = Verdict(direction=Direction.INPUT, action=Action.ALLOW, text="Where is it?")
    stopped = Verdict(direction=Direction.OUTPUT, action=Action.BLOCK, text="", reason="leak/canary")
    measure(metrics, turn(input_verdict=passed, output_verdict=stopped))
    emitted = flushed(metrics)
    assert value(emitted, Metric.VERDICTS) == [2.0]
    assert value(emitted, Metric.VERDICTS, direction="input", check="none") == [1.0]
    assert value(emitted, Metric.VERDICTS, direction="input", action="allow") == [1.0]
    assert value(emitted, Metric.VERDICTS, direction="output", check="leak") == [1.0]
    assert value(emitted, Metric.VERDICTS, direction="output", action="block") == [1.0]
    assert (value(emitted, Metric.INPUT_FLAGGED), value(emitted, Metric.OUTPUT_FLAGGED)) == (None, [1.0])


FOREIGN = [
    "3:84",
    "9001",
    "t-8f3ac2d1",
    "lena@example.org",
    "Where is my order?",
    "getSecrets",
    "",
    None,
    84,
    "x" * 5000,
]


def test_no_id_and_no_text_can_be_a_dimension(flushed: Flushed) -> None:
    metrics = meter()
    for metric, spec in METRICS.items():
        for foreign in FOREIGN:
            metrics.count(metric, 1, **{name.value: foreign for name in spec.words})
    emitted = flushed(metrics)
    assert {word for emf in emitted for name, word in labels(emf).items() if name != "service"} == {"other"}


@pytest.mark.parametrize("foreign", ["conversation", "contact", "message", "turn", "text"])
def test_a_dimension_that_the_list_does_not_know_is_refused(foreign: str) -> None:
    with pytest.raises(ValueError, match=foreign):
        meter().count(Metric.TURNS, 1, **{foreign: "84"})


def test_a_customer_whose_words_reach_a_reason_or_a_tools_name_makes_no_new_metric(flushed: Flushed) -> None:
    metrics = meter()
    for n in range(200):
        call = ToolCall(name=f"tool of {n}@example.org", started_at=NOW, duration_ms=1)
        reason = f"my number is {n}"
        for outcome in Outcome:
            measure(metrics, turn(outcome=outcome, reason=reason, work=AgentWork(tool_calls=[call])))
    emitted = flushed(metrics)
    assert {tuple(labels(emf).values()) for emf in emitted} == {("lamps",), ("lamps", "other")}
    assert "example.org" not in json.dumps(emitted)


def test_a_big_batch_stays_within_what_cloudwatch_takes_and_loses_no_value(flushed: Flushed) -> None:
    metrics = meter()
    turns = 1000
    calls = [ModelCall(model="m", output_tokens=1, started_at=NOW, duration_ms=n) for n in range(3)]
    tools = [
        ToolCall(name=tool, started_at=NOW, duration_ms=2)
        for tool in sorted(METRICS[Metric.TOOL_CALLS].words[Dimension.TOOL])
    ]
    with ThreadPoolExecutor(8) as threads:
        one = turn(work=AgentWork(model_calls=calls, tool_calls=tools))
        list(threads.map(lambda _: measure(metrics, one), range(turns)))
    emitted = flushed(metrics)
    for emf in emitted:
        assert len(labels(emf)) <= 30
        assert 0 < len(directive(emf)["Metrics"]) <= 100
        assert all(len(emf[one["Name"]]) <= 100 for one in directive(emf)["Metrics"])
        assert len(json.dumps(emf)) < 256 * 1024
    totals = [emf for emf in emitted if labels(emf) == {"service": "lamps"}]
    latencies = [ms for emf in totals for ms in emf.get("ModelLatency", [])]
    assert sorted(latencies) == sorted(float(n) for n in range(3) for _ in range(turns) if n)
    assert sum(sum(emf.get("Turns", [])) for emf in totals) == turns
    assert sum(sum(emf.get("OutputTokens", [])) for emf in totals) == 3 * turns


class Slow(float):
    """Lets other threads go first while it is added."""

    def __radd__(self, other: float) -> float:
        time.sleep(0.0001)
        return other + 1.0


def test_no_count_of_threads_that_count_at_the_same_time_is_lost(flushed: Flushed) -> None:
    metrics = meter()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: metrics.count(Metric.TURNS, Slow(1)), range(200)))
    assert value(flushed(metrics), Metric.TURNS) == [200.0]


def test_what_is_no_number_reaches_no_metric(flushed: Flushed) -> None:
    metrics = meter()
    metrics.count(Metric.COST, float("nan"))
    metrics.milliseconds(Metric.TURN_LATENCY, float("inf"))
    assert flushed(metrics) == []


def test_what_an_alarm_waits_for_is_told_when_it_is_zero(flushed: Flushed) -> None:
    metrics = meter()
    metrics.count(Metric.TURNS, 0)
    metrics.gauge(Metric.CUSTOMERS_UNANSWERED, 0)
    metrics.seconds(Metric.OLDEST_UNANSWERED, 0)
    metrics.gauge(Metric.DAY_BUDGET_SPENT, 0)
    (emf,) = flushed(metrics)
    assert {"CustomersUnanswered": [0.0], "OldestUnanswered": [0.0], "DayBudgetSpent": [0.0]}.items() <= emf.items()
    assert "Turns" not in emf


def test_failed_calls_and_open_circuits_are_told_for_each_dependency(flushed: Flushed) -> None:
    metrics, shop, model = meter(), Circuit("odoo"), Circuit("model")
    watch_circuits(metrics, (shop, model))
    for conversation in range(3):
        working_on.set(str(conversation))
        with pytest.raises(OdooDown), shop.call():
            raise OdooDown("gone")
    emitted = flushed(metrics)
    assert value(emitted, Metric.DEPENDENCY_FAILURES, dependency="odoo") == [3.0]
    assert value(emitted, Metric.CIRCUIT_OPEN, dependency="odoo") == [1.0]
    assert value(emitted, Metric.CIRCUIT_OPEN, dependency="model") == [0.0]


def test_a_cold_start_is_told_once_in_a_process(flushed: Flushed) -> None:
    metrics = meter(function="worker")
    assert value(flushed(metrics), Metric.COLD_STARTS, function="worker") == [1.0]
    assert flushed(metrics) == []


def test_a_meter_that_is_off_writes_nothing(flushed: Flushed) -> None:
    metrics = meter(enabled=False, function="worker")
    measure(metrics, turn())
    assert flushed(metrics) == []
