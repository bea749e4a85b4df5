"""The text that an input verdict's places refer to: the customer's own words, put together as they were judged.

The audit log keeps the checked text, in which masks stand. The places of findings are those of the text before that,
which is made here of Chatwoot's messages by the functions that a turn makes it with. It is shown and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metta.customer import bounded, bounded_together, with_transcripts
from metta.integrations.chatwoot.thread import to_message
from metta.messages import Contact, ConversationKey, IncomingMessage, JsonObject
from metta_local.audit.places import places_in

_NOBODY = ConversationKey(account_id=0, conversation_id=0)


def judged_text(raw: Sequence[JsonObject], message_ids: Sequence[int], limit: int) -> str | None:
    """The customer's words as they were judged together; None when a message is not at hand.

    Args:
        raw: the conversation's messages as Chatwoot's API has them.
        message_ids: those of the turn.
        limit: longest text, the policy's ``limits.input_chars``.
    """
    known = {message["id"]: message for message in raw}
    if not message_ids or any(id_ not in known for id_ in message_ids):
        return None
    texts = bounded_together([with_transcripts(_incoming(known[id_])) for id_ in sorted(message_ids)], limit)
    return texts[0] if len(texts) == 1 else bounded("\n".join(texts), limit)


def with_places(verdict: JsonObject, text: str | None) -> JsonObject:
    """A verdict whose findings have places in its ``text``.

    Args:
        verdict: with the kept text, as the audit log has it.
        text: the text that was judged; None where it is not known: then the kept text is shown, and places are
            followed into it; one that cannot be followed is empty.
    """
    findings: list[dict[str, Any]] = verdict["findings"]
    if text is not None and all(finding["end"] <= len(text) for finding in findings):
        return {**verdict, "text": text}
    kept = verdict["text"]
    if kept is None:
        return verdict
    rewritten = verdict["direction"] == "output" and verdict["action"] == "redact"
    places = places_in(kept, findings, rewritten=rewritten)
    moved = [
        {**finding, "start": place[0], "end": place[1]} if place is not None else {**finding, "start": 0, "end": 0}
        for finding, place in zip(findings, places, strict=True)
    ]
    return {**verdict, "findings": moved}


def _incoming(raw: JsonObject) -> IncomingMessage:
    message = to_message(raw)
    return IncomingMessage(
        key=_NOBODY,
        message_id=message.id,
        inbox_id=0,
        text=message.text,
        created_at=message.created_at,
        attachments=message.attachments,
        contact=Contact(id=0),
    )
