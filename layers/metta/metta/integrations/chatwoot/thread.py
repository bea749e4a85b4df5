"""Chatwoot's API answers as nouns: messages and conversations as the REST endpoints write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from metta.errors import ChatwootDown
from metta.integrations.chatwoot.incoming import attachment, language_hint, mail_senders, written_text
from metta.integrations.chatwoot.machines import written_by_machine
from metta.integrations.chatwoot.text import text_or_empty
from metta.messages import Attachment, Contact, ConversationKey, ConversationView, JsonObject, ThreadMessage

_MESSAGE_TYPES = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_SENDER_TYPES = {
    "Contact": "contact",
    "User": "user",
    "AgentBot": "agent_bot",
    "Captain::Assistant": "captain_assistant",
}


def number(value: object) -> int | None:
    """``value`` when it is a whole number (a bool is not)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping(value: object) -> JsonObject:
    """``value`` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[JsonObject]:
    """The objects in ``value``, when it is an array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def to_message(raw: JsonObject) -> ThreadMessage:
    """One message of a list or of a conversation.

    Raises:
        ChatwootDown: it has no id or no time, so that this is not Chatwoot's answer.
    """
    identity, created = number(raw.get("id")), _moment(raw.get("created_at"))
    if identity is None or created is None:
        raise ChatwootDown("a message in Chatwoot's answer has no id or no time")
    attributes, sender = mapping(raw.get("content_attributes")), mapping(raw.get("sender"))
    kind = raw.get("message_type")
    code = number(kind)
    content_type = text_or_empty(raw.get("content_type")) or "text"
    return ThreadMessage(
        id=identity,
        text=written_text(text_or_empty(raw.get("content")), content_type, attributes),
        message_type=kind if isinstance(kind, str) else _MESSAGE_TYPES.get(-1 if code is None else code, "unknown"),
        private=raw.get("private") is True,
        status=text_or_empty(raw.get("status")) or "sent",
        sender_type=text_or_empty(sender.get("type")) or _SENDER_TYPES.get(text_or_empty(raw.get("sender_type"))),
        content_type=content_type,
        created_at=created,
        turn_id=text_or_empty(attributes.get("metta_turn_id")) or None,
        kind=text_or_empty(attributes.get("metta_kind")) or None,
        part=number(attributes.get("metta_part")) or 0,
        external_echo=bool(attributes.get("external_echo")),
        external_error=_error_text(attributes.get("external_error")),
        deleted=bool(attributes.get("deleted")),
        from_automation=_from_machine(raw, attributes),
        attachments=tuple(_attachment(one) for one in objects(raw.get("attachments"))),
        mail_from=mail_senders(attributes),
        unanswerable=written_by_machine(attributes) or bool(attributes.get("is_unsupported")),
    )


def to_view(raw: JsonObject, key: ConversationKey) -> ConversationView:
    """A conversation as GET conversation gives it.

    Raises:
        ChatwootDown: it is not a conversation.
    """
    status = text_or_empty(raw.get("status"))
    if not status:
        raise ChatwootDown("Chatwoot's answer is not a conversation")
    meta = mapping(raw.get("meta"))
    assignee = mapping(meta.get("assignee"))
    last, settled = objects(raw.get("messages")), mapping(raw.get("last_non_activity_message"))
    kind = text_or_empty(meta.get("assignee_type")) or text_or_empty(assignee.get("type"))
    kinds = {"user": "User", "agent_bot": "AgentBot", "captain_assistant": "Captain::Assistant"}
    return ConversationView(
        key=key,
        inbox_id=number(raw.get("inbox_id")) or 0,
        status=status,
        can_reply=raw.get("can_reply") is not False,
        priority=raw["priority"] if isinstance(raw.get("priority"), str) else None,
        assignee_type=(kinds.get(kind, kind) or "User") if assignee else None,
        assignee_id=number(assignee.get("id")),
        channel=text_or_empty(meta.get("channel")) or text_or_empty(raw.get("channel")),
        contact=_contact(mapping(meta.get("sender"))),
        contact_source_id=_source_id(raw, *last, settled),
        hmac_verified=said if isinstance(said := meta.get("hmac_verified"), bool) else None,
        last_message=to_message(last[-1]) if last else None,
        last_public_message=to_message(settled) if settled else None,
        language_hint=language_hint(mapping(raw.get("additional_attributes"))),
        auto_reply=bool(mapping(raw.get("additional_attributes")).get("auto_reply")),
    )


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _error_text(value: object) -> str | None:
    return (text_or_empty(value) or "failed")[:300] if value else None


def _from_machine(raw: JsonObject, attributes: JsonObject) -> bool:
    campaign = mapping(raw.get("additional_attributes")).get("campaign_id")
    return attributes.get("automation_rule_id") is not None or campaign is not None


def _attachment(raw: JsonObject) -> Attachment:
    names = ("file_type", "fallback_title", "data_url", "transcribed_text")
    file_type, title, url, transcript = (text_or_empty(raw.get(name)) for name in names)
    return attachment(file_type, title, url, transcript)


def _contact(raw: JsonObject) -> Contact | None:
    identity = number(raw.get("id"))
    if identity is None:
        return None
    return Contact(
        id=identity,
        name=text_or_empty(raw.get("name")),
        email=text_or_empty(raw.get("email")) or None,
        phone=text_or_empty(raw.get("phone_number")) or None,
        identifier=text_or_empty(raw.get("identifier")) or None,
        blocked=raw.get("blocked") is True,
    )


def _source_id(*holders: JsonObject) -> str:
    """The contact's address in the inbox, from the conversation or from the one inside its messages."""
    for holder in holders:
        for place in (holder, mapping(holder.get("conversation"))):
            source: Any = mapping(place.get("contact_inbox")).get("source_id")
            if isinstance(source, str):
                return text_or_empty(source)
    return ""
