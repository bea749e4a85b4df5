"""A turn as the page shows it, made of rows: those that PostgreSQL gave back, or those that will be written.

One function for both, so that a turn under way and its audit tell of the same things in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metta.messages import JsonObject, Outcome, Turn
from metta.persistence.batch import Batch
from metta.persistence.read import PARTS, nest, plain
from metta.persistence.rows import save_turn_rows
from metta.persistence.vault import Reader
from metta_local.audit import words
from metta_local.demo_report import audit_rows
from metta_local.playground.channels import channel_id
from metta_local.playground.judged_text import with_places


def rows_of(turn: Turn) -> JsonObject:
    """A turn under way as ``read_turns`` would give it, were it written now; what it does not have yet is None."""
    batch = Batch()
    save_turn_rows(batch, turn if turn.outcome is not None else turn.model_copy(update={"outcome": Outcome.SKIPPED}))
    parts: dict[str, dict[str, list[JsonObject]]] = {part: {} for part in PARTS}
    for part in PARTS:
        for row in batch.rows.get(part, ()):
            parts[part].setdefault(turn.id, []).append(plain(row))
    [row] = [plain(row) for row in batch.rows["turns"]]
    nest([row], parts, Reader())
    if turn.outcome is None:
        row["outcome"] = None
    return row


def turn_view(
    row: JsonObject, *, judged: str | None, written: str | None, withheld: Sequence[Sequence[str]] = ()
) -> JsonObject:
    """All of a turn but its state, words, spans and audit rows.

    Args:
        row: the turn with all its rows nested, as ``read_turns`` gives it.
        judged: the customer's own words, which the input verdict's places refer to; None when they are not known.
        written: the reply as the model wrote it; None when it is not known.
        withheld: for each tool call the fields that the model did not get to read, which no row holds.
    """
    sent = row["outgoing_messages"]
    return {
        "id": row["id"],
        "conversation_id": row["conversation_id"],
        "phase": row["phase"],
        "attempt": row["attempt"],
        "identity": row["identity_level"],
        "identity_words": words.identity(row),
        "language": row["language"],
        "channel": channel_id(row["channel"]),
        "started_at": row["started_at"],
        "messages": [{"message_id": one["message_id"], "text": one["text"]} for one in row["incoming_messages"]],
        "verdicts": [
            _verdict(verdict, judged if verdict["direction"] == "input" else written) for verdict in row["verdicts"]
        ],
        "tool_calls": [
            _tool_call(call, withheld[place] if place < len(withheld) else ())
            for place, call in enumerate(row["tool_calls"])
        ],
        "model": row["model"],
        "model_calls": [
            {**{name: call[name] for name in _MODEL_CALL}, "words": words.model_failed(call["error"])}
            for call in row["model_calls"]
        ],
        "tokens": row["input_tokens"] + row["output_tokens"],
        "cost_usd": row["cost_usd"],
        "latency_ms": row["latency_ms"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "reply": row["reply"],
        "handoff": _handoff(row, sent),
        "sent": [{name: one[name] for name in ("kind", "message_id", "private")} for one in sent],
    }


_MODEL_CALL = (
    "model",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "started_at",
    "duration_ms",
    "error",
)


def how_it_ended(row: JsonObject) -> str:
    """The sentence about a turn that has an outcome, as ``metta audit show`` has it."""
    return f"{words.ended(row['outcome'], row['reason'])}{words.unfinished(row)}"


def audit_of(record: JsonObject, turn: JsonObject) -> list[JsonObject]:
    """The audit rows of one turn, as ``metta demo --json`` has them."""
    seen = [row for row in record["metadata"] if row["turn_id"] == turn["id"]]
    return audit_rows({"metadata": seen, "turns": [turn]})


def skip_view(row: JsonObject) -> JsonObject:
    """A message that was not answered, from its audit row."""
    return {
        "conversation_id": row["conversation_id"],
        "message_id": row["message_id"],
        "reason": row["reason"],
        "words": words.not_answered(row["reason"]),
    }


def _verdict(verdict: JsonObject, text: str | None) -> JsonObject:
    shown = {name: verdict[name] for name in ("direction", "action", "reason", "version", "text", "findings")}
    placed = with_places(shown, text)
    placed["findings"] = [
        {**finding, "words": words.noticed(finding["check"], finding["kind"])} for finding in placed["findings"]
    ]
    return {**placed, "words": words.judged(verdict["action"], verdict["reason"])}


def _tool_call(call: JsonObject, withheld: Sequence[str]) -> JsonObject:
    names = ("name", "arguments", "result", "ok", "error", "started_at", "duration_ms")
    return {
        **{name: call[name] for name in names},
        "withheld": list(withheld),
        "what": words.FOUND.get(call["name"], ""),
    }


def _handoff(row: JsonObject, sent: Sequence[JsonObject]) -> JsonObject | None:
    if row["outcome"] != "handed_off":
        return None
    texts: dict[str, Any] = {one["kind"]: one["text"] for one in sent}
    done = {step["step"] for step in row["handoff_steps"]}
    return {
        "note": texts.get("handoff_note"),
        "word": texts.get("handoff_word"),
        "status": "open" if "status" in done else None,
    }
