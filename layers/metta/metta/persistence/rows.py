"""What is saved of a turn: one function per kind of fact, each adding its rows to the batch of the transaction.

``save_turn_rows`` puts them together. Times become UTC, sums and latencies are made here once, so that every reader
sees the same numbers.
"""

from __future__ import annotations

from datetime import datetime

from metta.messages import Attachment, IncomingMessage, JsonObject, SentMessage, Turn
from metta.observability.words import TOOLS
from metta.persistence.batch import Batch
from metta.persistence.chain import in_utc, moment
from metta.persistence.text import digest

UNKNOWN_TOOL = "unknown"


def save_turn_rows(batch: Batch, turn: Turn) -> None:
    """Everything about a turn; its outcome comes first, since it decides whether the rest is new."""
    save_outcome(batch, turn)
    save_conversation_metadata(batch, turn)
    for ordinal, message in enumerate(turn.messages):
        save_incoming_message(batch, turn.id, ordinal, message)
    for ordinal, sent in enumerate(turn.sent):
        save_outgoing_message(batch, turn.id, ordinal, sent)
    save_verdicts(batch, turn)
    save_tool_calls(batch, turn)
    save_model_usage(batch, turn)


def save_outcome(batch: Batch, turn: Turn) -> None:
    """How the turn ended, its sums, its timings and the steps of its hand-off.

    Raises:
        ValueError: the turn has no outcome yet; saved like this, it could never be completed.
    """
    if turn.outcome is None:
        raise ValueError(f"turn {turn.id} has no outcome yet; it is saved once, when it has ended")
    verdict = turn.output_verdict or turn.input_verdict
    calls = turn.work.model_calls
    batch.add(
        "turns",
        id=turn.id,
        account_id=turn.key.account_id,
        conversation_id=turn.key.conversation_id,
        inbox_id=turn.inbox_id,
        channel=turn.channel,
        contact_id=turn.contact.id,
        phase=turn.phase,
        outcome=turn.outcome,
        reason=turn.reason,
        attempt=turn.attempt,
        language=turn.language,
        identity_level=turn.identity.level,
        identity_email=turn.identity.email,
        identity_phone=turn.identity.phone,
        identity_partner_id=turn.identity.partner_id,
        history_complete=turn.history_complete,
        delivery_unknown=turn.delivery_unknown,
        covered=list(turn.covered),
        reply=turn.reply,
        model=calls[-1].model if calls else None,
        prompt_version=turn.work.prompt_version,
        guardrail_version=verdict.version if verdict else "",
        model_call_count=len(calls),
        tool_call_count=len(turn.work.tool_calls),
        input_tokens=sum(call.input_tokens for call in calls),
        cached_tokens=sum(call.cached_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
        reasoning_tokens=sum(call.reasoning_tokens for call in calls),
        cost_usd=sum(call.cost_usd for call in calls),
        started_at=_utc(turn.started_at),
        finished_at=_utc(turn.finished_at) if turn.finished_at else None,
        latency_ms=_milliseconds(turn.started_at, turn.finished_at),
        waited_ms=_milliseconds(min((in_utc(m.created_at) for m in turn.messages), default=None), turn.finished_at),
        escaped=False,
        saved_at=_utc(batch.saved_at),
    )
    for ordinal, timing in enumerate(turn.timings):
        batch.add(
            "timings",
            turn_id=turn.id,
            ordinal=ordinal,
            step=timing.step,
            started_at=_utc(timing.started_at),
            duration_ms=timing.duration_ms,
        )
    for ordinal, step in enumerate(turn.handoff_done):
        batch.add("handoff_steps", turn_id=turn.id, ordinal=ordinal, step=step)


def save_conversation_metadata(batch: Batch, turn: Turn) -> None:
    """What was known of conversation and contact at this turn; each turn adds a version."""
    batch.add(
        "conversations",
        turn_id=turn.id,
        saved_at=_utc(batch.saved_at),
        account_id=turn.key.account_id,
        conversation_id=turn.key.conversation_id,
        observed_at=_utc(turn.started_at),
        inbox_id=turn.inbox_id,
        channel=turn.channel,
        contact_id=turn.contact.id,
        contact_name=turn.contact.name,
        contact_email=turn.contact.email,
        contact_phone=turn.contact.phone,
        contact_identifier=turn.contact.identifier,
        contact_blocked=turn.contact.blocked,
    )


def save_incoming_message(batch: Batch, turn_id: str, ordinal: int, message: IncomingMessage) -> None:
    """A customer message as the turn was given it."""
    batch.add(
        "incoming_messages",
        turn_id=turn_id,
        ordinal=ordinal,
        message_id=message.message_id,
        content_type=message.content_type,
        text=message.text,
        attachments=_attachments(message.attachments),
        contact_source_id=message.contact_source_id,
        hmac_verified=message.hmac_verified,
        language_hint=message.language_hint,
        created_at=_utc(message.created_at),
    )


def save_outgoing_message(batch: Batch, turn_id: str, ordinal: int, message: SentMessage) -> None:
    """A message that Chatwoot accepted: reply, note, or part of a hand-off."""
    batch.add(
        "outgoing_messages",
        turn_id=turn_id,
        ordinal=ordinal,
        kind=message.kind,
        part=message.part,
        message_id=message.message_id,
        private=message.private,
        text=message.text,
    )


def save_verdicts(batch: Batch, turn: Turn) -> None:
    """What the guardrails said, with the findings that are its reasons."""
    verdicts = [verdict for verdict in (turn.input_verdict, turn.output_verdict) if verdict is not None]
    for ordinal, verdict in enumerate(verdicts):
        batch.add(
            "verdicts",
            turn_id=turn.id,
            ordinal=ordinal,
            direction=verdict.direction,
            action=verdict.action,
            reason=verdict.reason,
            version=verdict.version,
            text=verdict.text,
        )
        for place, finding in enumerate(verdict.findings):
            batch.add(
                "findings",
                turn_id=turn.id,
                verdict_ordinal=ordinal,
                ordinal=place,
                check_name=finding.check,
                kind=finding.kind,
                span_start=finding.start,
                span_end=finding.end,
                score=finding.score,
            )


def save_tool_calls(batch: Batch, turn: Turn) -> None:
    """What the model asked of the tools and got.

    The name of a tool that there is not is the model's own words, which may be anybody's: it is kept as contents.
    """
    for ordinal, call in enumerate(turn.work.tool_calls):
        known = call.name in TOOLS
        batch.add(
            "tool_calls",
            turn_id=turn.id,
            ordinal=ordinal,
            name=call.name if known else UNKNOWN_TOOL,
            arguments=call.arguments if known else {"tool": call.name, **call.arguments},
            result=call.result,
            result_digest=digest(call.result),
            ok=call.ok,
            error=call.error,
            started_at=_utc(call.started_at),
            duration_ms=call.duration_ms,
        )


def save_model_usage(batch: Batch, turn: Turn) -> None:
    """Every request to the model with its tokens, cost and duration, failed ones included."""
    for ordinal, call in enumerate(turn.work.model_calls):
        batch.add(
            "model_calls",
            turn_id=turn.id,
            ordinal=ordinal,
            model=call.model,
            input_tokens=call.input_tokens,
            cached_tokens=call.cached_tokens,
            output_tokens=call.output_tokens,
            reasoning_tokens=call.reasoning_tokens,
            cost_usd=call.cost_usd,
            error=call.error,
            started_at=_utc(call.started_at),
            duration_ms=call.duration_ms,
        )


def save_skip_row(batch: Batch, message: IncomingMessage, reason: str) -> None:
    """A customer message that no turn answers, and why."""
    batch.add(
        "skips",
        account_id=message.key.account_id,
        message_id=message.message_id,
        reason=reason,
        conversation_id=message.key.conversation_id,
        inbox_id=message.inbox_id,
        channel=message.channel,
        contact_id=message.contact.id,
        content_type=message.content_type,
        text=message.text,
        attachments=_attachments(message.attachments),
        created_at=_utc(message.created_at),
        escaped=False,
        saved_at=_utc(batch.saved_at),
    )


def _attachments(attachments: tuple[Attachment, ...]) -> list[JsonObject]:
    return [attachment.model_dump() for attachment in attachments]


def _utc(at: datetime) -> str:
    return moment(at)


def _milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (in_utc(end) - in_utc(start)).total_seconds() * 1000
