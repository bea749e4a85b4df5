"""The parts that webhook bodies and API answers share: people, messages as events show them, ``meta``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from metta_local.chatwoot.records import (
    MESSAGE_TYPES,
    Bot,
    Contact,
    Conversation,
    Message,
    User,
    World,
)

Json = dict[str, Any]
_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}
WHATSAPP_WINDOW_SECONDS = 24 * 3600


def rails_json(value: Json) -> bytes:
    """The bytes that Rails' ``to_json`` writes: compact, UTF-8, HTML characters escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text.encode()


def iso(at: float | None) -> str | None:
    """ISO 8601 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Parts:
    """Writes the records of one world as one version of Chatwoot does.

    Args:
        world: the records.
        version: of Chatwoot, since some keys came later.
        now: the clock, Unix seconds.
    """

    def __init__(self, world: World, version: tuple[int, ...], now: Any) -> None:
        self._world = world
        self._version = version
        self._now = now

    @property
    def account(self) -> Json:
        """The account as every body names it."""
        return {"id": self._world.account.id, "name": self._world.account.name}

    def contact(self, contact: Contact) -> Json:
        """A contact in ``meta.sender`` and in messages."""
        return {
            "additional_attributes": contact.additional_attributes,
            "custom_attributes": contact.custom_attributes,
            "email": contact.email,
            "id": contact.id,
            "identifier": contact.identifier,
            "name": contact.name,
            "phone_number": contact.phone_number,
            "thumbnail": "",
            "blocked": contact.blocked,
            "type": "contact",
        }

    def contact_in_webhook(self, contact: Contact) -> Json:
        """A contact as the sender of a webhook: with account and avatar, without a type."""
        shown = self.contact(contact)
        return {
            "account": self.account,
            "additional_attributes": shown["additional_attributes"],
            "avatar": "",
            **{name: shown[name] for name in shown if name not in ("additional_attributes", "type")},
        }

    def user(self, user: User) -> Json:
        """An agent in ``meta.assignee`` and in messages; no e-mail."""
        return {
            "id": user.id,
            "name": user.name,
            "available_name": user.name.partition(" ")[0],
            "avatar_url": "",
            "type": "user",
            "availability_status": "online" if user.online else "offline",
            "thumbnail": "",
        }

    def bot(self, bot: Bot) -> Json:
        """A bot in ``meta.assignee`` and in messages."""
        return {"id": bot.id, "name": bot.name, "avatar_url": "", "type": "agent_bot"}

    def sender(self, sender: Contact | User | Bot) -> Json:
        """Whoever wrote a message, as events and API show them."""
        if isinstance(sender, Contact):
            return self.contact(sender)
        return self.user(sender) if isinstance(sender, User) else self.bot(sender)

    def webhook_sender(self, sender: Contact | User | Bot | None) -> Json | None:
        """Whoever wrote a message, as the top level of a webhook shows them."""
        if sender is None:
            return None
        if isinstance(sender, Contact):
            return self.contact_in_webhook(sender)
        if isinstance(sender, User):
            return {"id": sender.id, "name": sender.name, "email": sender.email, "type": "user"}
        return {"id": sender.id, "name": sender.name, "type": "agent_bot"}

    def unread(self, conversation: Conversation) -> int:
        """Customer messages since an agent looked, capped at 10."""
        since = conversation.agent_last_seen_at
        waiting = (m for m in conversation.messages if m.message_type == "incoming" and m.created_at > since)
        return min(sum(1 for _ in waiting), 10)

    def can_reply(self, conversation: Conversation) -> bool:
        """Whether the channel's reply window is open (WhatsApp: 24 hours after the customer's last message)."""
        if self._world.inboxes[conversation.inbox_id].channel != "Channel::Whatsapp":
            return True
        last = [m.created_at for m in conversation.messages if m.message_type == "incoming"]
        return bool(last) and bool(self._now() - max(last) < WHATSAPP_WINDOW_SECONDS)

    def event_message(self, message: Message) -> Json:
        """A message inside a conversation (``push_event_data``): numbers for type and time."""
        conversation = self._world.conversations[message.conversation_id]
        kinds = {Contact: "Contact", User: "User", Bot: "AgentBot"}
        shown: Json = {
            "id": message.id,
            "content": message.content,
            "account_id": self._world.account.id,
            "inbox_id": message.inbox_id,
            "conversation_id": message.conversation_id,
            "message_type": MESSAGE_TYPES.index(message.message_type),
            "created_at": int(message.created_at),
            "updated_at": iso(message.updated_at),
            "private": message.private,
            "status": message.status,
            "source_id": message.source_id,
            "content_type": message.content_type,
            "content_attributes": message.content_attributes,
            "sender_type": kinds[type(message.sender)] if message.sender else None,
            "sender_id": message.sender.id if message.sender else None,
            "external_source_ids": {},
            "additional_attributes": message.additional_attributes,
            "processed_message_content": message.content,
            "sentiment": {},
            "conversation": {
                "assignee_id": conversation.assignee_id,
                "unread_count": self.unread(conversation),
                "last_activity_at": int(conversation.last_activity_at),
                "contact_inbox": {"source_id": conversation.contact_inbox.source_id},
            },
        }
        if message.attachments:
            shown["attachments"] = message.attachments
        if message.sender is not None:
            shown["sender"] = self.sender(message.sender)
        return shown

    def meta(self, conversation: Conversation) -> Json:
        """Contact, assignee and team of a conversation."""
        world = self._world
        assignee: Json | None = None
        kind: str | None = None
        if conversation.assignee_id is not None:
            assignee, kind = self.user(world.users[conversation.assignee_id]), "User"
        elif conversation.assignee_bot_id is not None:
            assignee, kind = self.bot(world.bots[conversation.assignee_bot_id]), "AgentBot"
        team = world.teams.get(conversation.team_id or 0)
        return {
            "sender": self.contact(world.contacts[conversation.contact_inbox.contact_id]),
            "assignee": assignee,
            "assignee_type": kind,
            "team": {"id": team.id, "name": team.name} if team else None,
            "hmac_verified": conversation.contact_inbox.hmac_verified,
        }
