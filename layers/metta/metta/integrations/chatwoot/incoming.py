"""From the wire to the noun: makes an ``IncomingMessage`` of a message event, and reads its free-form attributes."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from metta.integrations.chatwoot.machines import addresses, written_by_machine
from metta.integrations.chatwoot.payload import ChatwootWebhookPayload, WireAttachment, WireMessage
from metta.integrations.chatwoot.text import clean_text, text_or_empty
from metta.messages import Attachment, Contact, ConversationKey, IncomingMessage, JsonObject

MAX_ATTACHMENTS = 15
"""Chatwoot accepts no more per message."""

_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z0-9-]{1,20})?")


def own_turn_id(message: WireMessage) -> str | None:
    """The turn that wrote this message, or None when it is not ours; customers cannot set the attribute."""
    if message.message_type == "incoming":
        return None
    return text_or_empty(message.content_attributes.get("metta_turn_id")) or None


def from_machine(message: WireMessage) -> bool:
    """Whether an automation rule or a campaign sent it."""
    ours, theirs = message.content_attributes, message.additional_attributes
    return ours.get("automation_rule_id") is not None or theirs.get("campaign_id") is not None


def mail_senders(attributes: JsonObject) -> tuple[str, ...]:
    """The addresses in ``From`` of an e-mail, lower case, from a message's content attributes."""
    mail = attributes.get("email")
    return addresses(mail.get("from"))[:5] if isinstance(mail, dict) else ()


def is_auto_reply(message: WireMessage) -> bool:
    """Whether a machine wrote this e-mail, or the one that began the conversation."""
    if message.conversation.additional_attributes.get("auto_reply"):
        return True
    return written_by_machine(message.content_attributes)


def written_text(content: str, content_type: str, attributes: JsonObject) -> str:
    """What the customer wrote; of an e-mail only the reply, without the quoted thread."""
    mail = attributes.get("email")
    if content_type == "incoming_email" and isinstance(mail, dict):
        parts = mail.get("text_content")
        reply = text_or_empty(parts.get("reply")) if isinstance(parts, dict) else ""
        if reply.strip():
            return reply
    return content


def language_hint(attributes: JsonObject) -> str | None:
    """Two-letter browser language from the conversation's additional attributes."""
    match = _LANGUAGE.fullmatch(text_or_empty(attributes.get("browser_language")))
    return match[1].lower() if match else None


def attachment(file_type: str | None, title: str | None, url: str | None, transcript: str | None) -> Attachment:
    """An attachment as Metta names it: never with its URL, which opens without a login."""
    name = title or ""
    if not name and url:
        try:
            name = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
        except ValueError:
            name = ""
    return Attachment(file_type=file_type or "file", name=clean_text(name)[:200], transcript=transcript or "")


def to_incoming(payload: ChatwootWebhookPayload, message: WireMessage) -> IncomingMessage:
    """The customer message of a ``message_created`` event that ``parse_webhook`` accepted."""
    conversation, contact = message.conversation, message.contact
    inbox, meta = conversation.contact_inbox, conversation.meta
    return IncomingMessage(
        key=ConversationKey(account_id=message.account.id, conversation_id=conversation.id),
        message_id=message.id,
        inbox_id=payload.inbox_id or 0,
        text=written_text(message.content or "", message.content_type or "text", message.content_attributes),
        content_type=message.content_type or "text",
        channel=conversation.channel or "",
        created_at=message.created_at,
        attachments=tuple(_attachment(one) for one in (message.attachments or ())[:MAX_ATTACHMENTS]),
        contact=Contact(
            id=message.contact_id or 0,
            name=(contact.name if contact else None) or "",
            email=contact.email if contact else None,
            phone=contact.phone_number if contact else None,
            identifier=contact.identifier if contact else None,
            blocked=bool(contact and contact.blocked),
        ),
        contact_source_id=(inbox.source_id if inbox else None) or "",
        hmac_verified=bool((inbox and inbox.hmac_verified) or (meta and meta.hmac_verified and inbox is None)),
        mail_from=mail_senders(message.content_attributes),
        language_hint=language_hint(conversation.additional_attributes),
    )


def _attachment(wire: WireAttachment) -> Attachment:
    return attachment(wire.file_type, wire.fallback_title, wire.data_url, wire.transcribed_text)
