"""Turns for the audit log's tests: one with every field filled and no two fields alike, and its way back from rows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from metta.messages import (
    AgentWork,
    Attachment,
    Contact,
    ConversationKey,
    Finding,
    HandOffStep,
    Identity,
    IncomingMessage,
    JsonObject,
    ModelCall,
    SentMessage,
    Timing,
    ToolCall,
    Turn,
    Verdict,
)

START = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
LENA = Contact(
    id=901, name="Lena Vogt", email="lena@example.org", phone="+4915112345678", identifier="cust-17", blocked=True
)
_numbers = itertools.count(1000)


def later(seconds: float) -> datetime:
    """That many seconds after the start of every sample."""
    return START + timedelta(seconds=seconds)


def new_key() -> ConversationKey:
    """A conversation no other test uses."""
    return ConversationKey(account_id=3, conversation_id=next(_numbers))


def message(
    key: ConversationKey, message_id: int = 5001, text: str = "Where is S00042?", **fields: Any
) -> IncomingMessage:
    """A customer message with every field filled."""
    return IncomingMessage(
        **{
            "key": key,
            "message_id": message_id,
            "inbox_id": 11,
            "text": text,
            "content_type": "input_email",
            "channel": "Channel::WebWidget",
            "created_at": later(message_id - 5000),
            "attachments": (Attachment(file_type="audio", name="voice.ogg", transcript="hello"),),
            "contact": LENA,
            "contact_source_id": f"source-{message_id}",
            "hmac_verified": True,
            "language_hint": "de",
            **fields,
        }
    )


def full_turn(key: ConversationKey | None = None, **fields: Any) -> Turn:
    """A turn with every field filled."""
    key = key or new_key()
    values: dict[str, Any] = {
        "id": f"turn-{next(_numbers)}",
        "key": key,
        "phase": "sent",
        "inbox_id": 11,
        "channel": "Channel::WebWidget",
        "contact": LENA,
        "identity": Identity(level="verified", email="proved@example.org", phone="+4930111", partner_id=4711),
        "language": "de",
        "history_complete": False,
        "messages": (message(key), message(key, 5002, "It is urgent <b>!</b>")),
        "covered": (5001, 5002, 5007),
        "input_verdict": _verdict("input", "redact", "pii/CARD", "rules-3", 2),
        "output_verdict": _verdict("output", "allow", "", "rules-4", 1),
        "work": AgentWork(
            prompt_version="prompt-9",
            tool_calls=[_tool_call("getOrder", True), _tool_call("searchProducts", False)],
            model_calls=[_model_call(1), _model_call(2)],
        ),
        "reply": "S00042 is on its way.",
        "outcome": "handed_off",
        "reason": "delivery_failed",
        "handoff_done": (HandOffStep.WORD, HandOffStep.NOTE, HandOffStep.TEAM),
        "sent": (
            SentMessage(kind="reply", message_id=7001, text="S00042 is on", part=0),
            SentMessage(kind="handoff_note", message_id=None, text="its way.", part=1, private=True),
        ),
        "delivery_unknown": True,
        "attempt": 2,
        "started_at": later(10),
        "finished_at": later(12.5),
        "timings": [Timing(step=f"step-{n}", started_at=later(10 + n), duration_ms=n + 0.25) for n in range(3)],
    }
    return Turn(**(values | fields))


def _verdict(direction: str, action: str, reason: str, version: str, findings: int) -> Verdict:
    found = (Finding(check="pii", kind=f"KIND{n}", start=n, end=n + 16, score=0.5 + n / 10) for n in range(findings))
    return Verdict(
        direction=direction,
        action=action,
        findings=tuple(found),
        text=f"text of the {direction} verdict",
        reason=reason,
        version=version,
    )


def _tool_call(name: str, ok: bool) -> ToolCall:
    return ToolCall(
        name=name,
        arguments={"orderNumber": "S00042"},
        result={"found": ok, "total": 129.5, "lines": [{"quantity": 2, "name": "Lamp"}]},
        ok=ok,
        error="" if ok else "OdooDown",
        started_at=later(10.5),
        duration_ms=80.125,
    )


def _model_call(number: int) -> ModelCall:
    return ModelCall(
        model=f"model-{number}",
        input_tokens=900 + number,
        cached_tokens=100 + number,
        output_tokens=50 + number,
        reasoning_tokens=5 + number,
        cost_usd=0.000325 * number,
        started_at=later(10 + number),
        duration_ms=800.25 + number,
        error="" if number == 1 else "ModelDown",
    )


def turn_from_rows(row: JsonObject, metadata: JsonObject) -> Turn:
    """The turn that the audit log's rows describe: nothing may have been lost on the way."""
    key = ConversationKey(account_id=row["account_id"], conversation_id=row["conversation_id"])
    contact = Contact(
        id=row["contact_id"],
        **{name: metadata[f"contact_{name}"] for name in ("name", "email", "phone", "identifier", "blocked")},
    )
    verdicts = {verdict["direction"]: _without(verdict, "ordinal") for verdict in row["verdicts"]}
    return Turn(
        key=key,
        contact=contact,
        identity=Identity(**{name: row[f"identity_{name}"] for name in Identity.model_fields}),
        messages=tuple(
            IncomingMessage(
                key=key, inbox_id=row["inbox_id"], channel=row["channel"], contact=contact, **_without(one, "ordinal")
            )
            for one in row["incoming_messages"]
        ),
        input_verdict=verdicts.get("input"),
        output_verdict=verdicts.get("output"),
        work=AgentWork(
            prompt_version=row["prompt_version"],
            tool_calls=[ToolCall(**_without(call, "ordinal", "result_digest")) for call in row["tool_calls"]],
            model_calls=[ModelCall(**_without(call, "ordinal")) for call in row["model_calls"]],
        ),
        handoff_done=tuple(step["step"] for step in row["handoff_steps"]),
        sent=tuple(SentMessage(**_without(one, "ordinal")) for one in row["outgoing_messages"]),
        timings=[Timing(**_without(timing, "ordinal")) for timing in row["timings"]],
        **{
            name: row[name]
            for name in (
                "id",
                "phase",
                "inbox_id",
                "channel",
                "language",
                "history_complete",
                "covered",
                "reply",
                "outcome",
                "reason",
                "delivery_unknown",
                "attempt",
                "started_at",
                "finished_at",
            )
        },
    )


def _without(row: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in row.items() if name not in names}
