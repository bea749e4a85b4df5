"""What an ended turn adds to the metrics; told by whoever ends turns, worker and watchdog alike."""

from __future__ import annotations

from collections.abc import Iterable

from metta.bounds import DAY_EXHAUSTED
from metta.circuits import Circuit
from metta.messages import Outcome, OutgoingKind, Turn
from metta.observability import Meter, Metric

REASONED = {
    Outcome.HANDED_OFF: Metric.TURNS_HANDED_OFF,
    Outcome.DROPPED: Metric.TURNS_DROPPED,
    Outcome.SKIPPED: Metric.TURNS_SKIPPED,
}
DECLINED = "input_blocked:"
"""How the reason of an answer begins that was a fixed text, since a check blocked the customer's message."""


def measure(meter: Meter, turn: Turn) -> None:
    """Emit an ended turn's metrics."""
    _measure_outcome(meter, turn)
    _measure_verdicts(meter, turn)
    for tool in turn.work.tool_calls:
        meter.count(Metric.TOOL_CALLS, tool=tool.name)
        meter.count(Metric.TOOL_FAILURES, 0 if tool.ok else 1, tool=tool.name)
        meter.milliseconds(Metric.TOOL_LATENCY, tool.duration_ms, tool=tool.name)
    for call in turn.work.model_calls:
        meter.count(Metric.MODEL_CALLS)
        meter.count(Metric.MODEL_FAILURES, 1 if call.error else 0)
        meter.milliseconds(Metric.MODEL_LATENCY, call.duration_ms)
        meter.count(Metric.INPUT_TOKENS, call.input_tokens)
        meter.count(Metric.CACHED_TOKENS, call.cached_tokens)
        meter.count(Metric.OUTPUT_TOKENS, call.output_tokens)
        meter.count(Metric.COST, round(call.cost_usd * 1e6))


def _measure_outcome(meter: Meter, turn: Turn) -> None:
    meter.count(Metric.TURNS)
    if turn.outcome is Outcome.ANSWERED:
        meter.count(Metric.TURNS_ANSWERED)
        if turn.reason.startswith(DECLINED):
            meter.count(Metric.TURNS_DECLINED, check=_check(turn.reason.removeprefix(DECLINED)))
    elif turn.outcome is not None:
        meter.count(REASONED[turn.outcome], reason=turn.reason)
    meter.count(Metric.DAY_BUDGET_EXHAUSTED, 1 if turn.reason == DAY_EXHAUSTED else 0)
    if turn.finished_at is None:
        return
    meter.milliseconds(Metric.TURN_LATENCY, (turn.finished_at - turn.started_at).total_seconds() * 1000)
    if any(sent.kind is OutgoingKind.REPLY for sent in turn.sent):
        meter.count(Metric.REPLIES)
        if turn.messages:
            waited = turn.finished_at - min(message.created_at for message in turn.messages)
            meter.milliseconds(Metric.REPLY_LATENCY, max(0.0, waited.total_seconds() * 1000))


def _measure_verdicts(meter: Meter, turn: Turn) -> None:
    for verdict, flagged in ((turn.input_verdict, Metric.INPUT_FLAGGED), (turn.output_verdict, Metric.OUTPUT_FLAGGED)):
        if verdict is not None:
            check = _check(verdict.reason) or "none"
            meter.count(Metric.VERDICTS, direction=verdict.direction.value, check=check, action=verdict.action.value)
            meter.count(flagged, 1 if verdict.reason else 0)


def _check(reason: str) -> str:
    return reason.partition("/")[0]


def watch_circuits(meter: Meter, circuits: Iterable[Circuit]) -> None:
    """Let each failed call be counted, and each flush say which circuits are open."""
    watched = tuple(circuits)

    def failed(dependency: str) -> None:
        meter.count(Metric.DEPENDENCY_FAILURES, dependency=dependency)

    def say() -> None:
        for circuit in watched:
            meter.gauge(Metric.CIRCUIT_OPEN, float(circuit.is_open), dependency=circuit.dependency)

    for circuit in watched:
        circuit.on_failure = failed
    meter.before_flush = say
