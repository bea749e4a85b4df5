"""What logs and traces say of a group of records and of an error: ids, counts and classes, never a text."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from metta.messages import Turn
from metta.observability import Annotation
from metta.observability.words import TOOLS
from metta.queue.records import Group


def frames_of(error: BaseException) -> list[str]:
    """Where an error came from, without its text: libraries like to quote what they were given, customers' words."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


def kind_of(error: Exception) -> dict[str, str]:
    """Log fields that name the error's class, and the turn it broke off."""
    turn = vars(error).get("turn")
    return {"error": type(error).__name__} | ({"turn": turn} if turn else {})


def end_of(turn: Turn) -> dict[str, str | int]:
    """Log fields of an ended turn, empty ones left out: what the saved queries count, sort and group."""
    verdicts, tools, calls = (turn.input_verdict, turn.output_verdict), turn.work.tool_calls, turn.work.model_calls
    input_reason, output_reason = (verdict.reason if verdict is not None else "" for verdict in verdicts)
    end = turn.finished_at
    figures: dict[str, str | int] = {
        "outcome": str(turn.outcome),
        "reason": turn.reason,
        "attempt": turn.attempt,
        "input_reason": input_reason,
        "output_reason": output_reason,
        "tools": " ".join(tool.name for tool in tools if tool.name in TOOLS),
        "tools_failed": " ".join(f"{tool.name}:{tool.error}" for tool in tools if not tool.ok and tool.name in TOOLS),
        "model_calls": len(calls),
        "input_tokens": sum(call.input_tokens for call in calls),
        "output_tokens": sum(call.output_tokens for call in calls),
        "cost_micro_usd": round(sum(call.cost_usd for call in calls) * 1e6),
    }
    if end is not None:
        figures["took_ms"] = round((end - turn.started_at).total_seconds() * 1000)
        if turn.messages:
            since = min(message.created_at for message in turn.messages)
            figures["waited_ms"] = max(0, round((end - since).total_seconds() * 1000))
    return {key: value for key, value in figures.items() if value != ""}


def chatwoot_ids(group: Group) -> list[int]:
    """Chatwoot's ids of the customers' messages that a group is about."""
    decisions = [record.decision for record in group.records if record.decision is not None]
    messages = [decision.answer or decision.message for decision in decisions]
    return sorted({message.message_id for message in messages if message is not None})


def receiver_traces(group: Group) -> list[str]:
    """Trace headers of whoever put the records on the queue, as SQS hands them on."""
    attributes = [record.raw.get("attributes") for record in group.records]
    headers = [one.get("AWSTraceHeader") for one in attributes if isinstance(one, Mapping)]
    return [header for header in headers if isinstance(header, str)]


def in_the_queue(group: Group) -> dict[str, Annotation]:
    """What the trace says of a group: whose it is, how often it was received, how long its oldest record waited."""
    found: dict[str, Annotation] = {
        "conversation": str(group.key),
        "records": len(group.records),
        "receives": max(record.receive_count for record in group.records),
    }
    sent = [record.sent_at for record in group.records if record.sent_at is not None]
    return found | ({"queued_ms": max(0, round((time.time() - min(sent)) * 1000))} if sent else {})
