"""What an ended turn adds to the metrics; told by whoever ends turns, worker and watchdog alike."""

from __future__ import annotations

from metta.bounds import DAY_EXHAUSTED
from metta.messages import Outcome, Turn
from metta.observability import Meter, Metric

TURN_METRICS = {
    Outcome.ANSWERED: Metric.TURNS_ANSWERED,
    Outcome.HANDED_OFF: Metric.TURNS_HANDED_OFF,
    Outcome.DROPPED: Metric.TURNS_DROPPED,
    Outcome.SKIPPED: Metric.TURNS_SKIPPED,
}


def measure(meter: Meter, turn: Turn) -> None:
    """Emit an ended turn's metrics."""
    meter.count(Metric.TURNS)
    if turn.outcome is not None:
        meter.count(TURN_METRICS[turn.outcome])
    meter.count(Metric.DAY_BUDGET_EXHAUSTED, 1 if turn.reason == DAY_EXHAUSTED else 0)
    for verdict, metric in ((turn.input_verdict, Metric.INPUT_FLAGGED), (turn.output_verdict, Metric.OUTPUT_FLAGGED)):
        meter.count(metric, 1 if verdict is not None and verdict.reason else 0)
    meter.count(Metric.TOOL_CALLS, len(turn.work.tool_calls))
    meter.count(Metric.TOOL_FAILURES, sum(not call.ok for call in turn.work.tool_calls))
    meter.count(Metric.MODEL_CALLS, len(turn.work.model_calls))
    meter.count(Metric.MODEL_FAILURES, sum(bool(call.error) for call in turn.work.model_calls))
    for call in turn.work.model_calls:
        meter.milliseconds(Metric.MODEL_LATENCY, call.duration_ms)
        meter.count(Metric.INPUT_TOKENS, call.input_tokens)
        meter.count(Metric.OUTPUT_TOKENS, call.output_tokens)
        meter.count(Metric.COST, round(call.cost_usd * 1e6))
    if turn.finished_at is not None:
        meter.milliseconds(Metric.TURN_LATENCY, (turn.finished_at - turn.started_at).total_seconds() * 1000)
        if turn.messages and turn.outcome is Outcome.ANSWERED:
            waited = turn.finished_at - turn.messages[-1].created_at
            meter.milliseconds(Metric.REPLY_LATENCY, max(0.0, waited.total_seconds() * 1000))
