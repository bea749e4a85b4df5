"""What came of the demo's conversations: checked against what had to come, and as one JSON document."""

from __future__ import annotations

import json
from typing import Any

from metta.messages import JsonObject
from metta_local.demo_scenes import Played

_ROWS = (
    "incoming_messages",
    "outgoing_messages",
    "verdicts",
    "findings",
    "tool_calls",
    "model_calls",
    "timings",
    "handoff_steps",
)
_SPEAKERS = {"contact": "customer", "agent_bot": "metta", "user": "team"}


def audit_rows(record: JsonObject) -> list[JsonObject]:
    """Every audit row of a conversation, each with the name of its table."""
    rows: list[JsonObject] = [{"table": "conversations", **row} for row in record.get("metadata", [])]
    for turn in record.get("turns", []):
        rows.append({"table": "turns", **{name: value for name, value in turn.items() if name not in _ROWS}})
        for table in _ROWS:
            for row in turn.get(table, []):
                shown = {name: value for name, value in row.items() if name != "findings"}
                rows.append({"table": table, "turn_id": turn["id"], **shown})
                for finding in row.get("findings", []):
                    of = {"turn_id": turn["id"], "verdict_ordinal": row["ordinal"]}
                    rows.append({"table": "findings", **of, **finding})
    return rows + [{"table": "skips", **row} for row in record.get("skips", [])]


def thread(messages: list[JsonObject]) -> list[JsonObject]:
    """The conversation as Chatwoot has it, without what only Chatwoot needs."""
    shown = []
    for message in messages:
        sender = message.get("sender") or {}
        kind = sender.get("type") or ("contact" if message["message_type"] == 0 else "system")
        shown.append(
            {
                "id": message["id"],
                "from": _SPEAKERS.get(kind, kind),
                "text": message["content"],
                "private": message["private"],
                "attachments": [file.get("file_type") for file in message.get("attachments", [])],
                "turn_id": message["content_attributes"].get("metta_turn_id"),
                "kind": message["content_attributes"].get("metta_kind"),
            }
        )
    return shown


def turns(record: JsonObject, messages: list[JsonObject], status: str) -> list[JsonObject]:
    """Each turn: what was judged, looked up and decided, and what Chatwoot received of it."""
    shown = []
    for turn in record.get("turns", []):
        received = [message for message in messages if message["turn_id"] == turn["id"]]
        replies = [message["text"] for message in received if message["kind"] == "reply"]
        shown.append(
            {
                "id": turn["id"],
                "messages": [message["text"] for message in turn["incoming_messages"]],
                "identity": turn["identity_level"],
                "language": turn["language"],
                "verdicts": [
                    {name: verdict[name] for name in ("direction", "action", "reason", "findings")}
                    for verdict in turn["verdicts"]
                ],
                "tool_calls": [
                    {name: call[name] for name in ("name", "arguments", "result", "ok", "duration_ms")}
                    for call in turn["tool_calls"]
                ],
                "model": turn["model"],
                "model_calls": turn["model_call_count"],
                "tokens": turn["input_tokens"] + turn["output_tokens"],
                "cost_usd": turn["cost_usd"],
                "latency_ms": turn["latency_ms"],
                "outcome": turn["outcome"],
                "reason": turn["reason"],
                "reply": "\n".join(replies) if replies else None,
                "handoff": _handoff(turn, received, status),
            }
        )
    return shown


def _handoff(turn: JsonObject, received: list[JsonObject], status: str) -> JsonObject | None:
    if turn["outcome"] != "handed_off":
        return None
    texts = {message["kind"]: message["text"] for message in received}
    return {"note": texts.get("handoff_note"), "word": texts.get("handoff_word"), "status": status}


def problems(played: Played, conversation: JsonObject, *, emulated: bool) -> list[str]:
    """What is not as it has to be; empty when all is well.

    Args:
        played: the scene and its audit record.
        conversation: the scene's part of the document.
        emulated: whether shop and model are the emulated ones, whose words are known.
    """
    if not played.settled:
        return ["was not settled in time"]
    expected = played.scene.expected
    if len(conversation["turns"]) != 1:
        return [f"{len(conversation['turns'])} turns instead of one"]
    (turn,) = conversation["turns"]
    found = [*_wrong_ending(turn, conversation, played), *_wrong_guarding(turn, played)]
    called = {call["name"] for call in turn["tool_calls"]}
    if emulated and called != expected.tools:
        found.append(f"tools called: {', '.join(sorted(called)) or 'none'}")
    reply = (turn["reply"] or "").casefold()
    if emulated:
        found += [f"the reply does not say {part!r}" for part in expected.says if part.casefold() not in reply]
    seen = json.dumps([conversation["turns"], conversation["audit"]], ensure_ascii=False).casefold()
    visible = [message["text"] or "" for message in conversation["messages"] if message["from"] in ("metta", "system")]
    seen += "\n".join(visible).casefold()
    return found + [f"{part!r} was shown" for part in expected.never if part.casefold() in seen]


def _wrong_ending(turn: JsonObject, conversation: JsonObject, played: Played) -> list[str]:
    found = []
    if turn["outcome"] != played.scene.expected.outcome:
        found.append(f"ended as {turn['outcome']} ({turn['reason']})")
    answers = [one for one in conversation["messages"] if one["from"] == "metta" and not one["private"]]
    if len(answers) != 1:
        found.append(f"the customer got {len(answers)} messages instead of one")
    if turn["outcome"] == "handed_off" and (conversation["status"] != "open" or not turn["handoff"]["note"]):
        found.append("handed off, but not opened with a note")
    if turn["outcome"] == "answered" and conversation["status"] != "pending":
        found.append(f"answered, but the conversation is {conversation['status']}")
    return found


def _wrong_guarding(turn: JsonObject, played: Played) -> list[str]:
    found = []
    wanted = played.scene.expected.finding
    judged = [verdict for verdict in turn["verdicts"] if verdict["direction"] == "input"]
    kinds = {f"{one['check']}/{one['kind']}" for verdict in judged for one in verdict["findings"]}
    if not judged:
        found.append("the input was not judged")
    if wanted and not any(kind == wanted or kind.startswith(f"{wanted}/") for kind in kinds):
        found.append(f"no finding {wanted}; there are: {', '.join(sorted(kinds)) or 'none'}")
    if turn["model_calls"] and not played.scene.expected.model:
        found.append("a model was called")
    return found


def document(conversations: list[JsonObject], services: dict[str, Any], seconds: float) -> JsonObject:
    """The whole demo."""
    return {
        "ok": all(not conversation["problems"] for conversation in conversations),
        "seconds": round(seconds, 1),
        "emulated": services,
        "conversations": conversations,
    }
