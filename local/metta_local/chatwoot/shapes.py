"""How Chatwoot writes its records as JSON: webhook bodies (contract 1.2 to 1.7) and API answers (3.2)."""

from __future__ import annotations

from metta_local.chatwoot.parts import Json, Parts, iso, rails_json
from metta_local.chatwoot.records import MESSAGE_TYPES, ContactInbox, Conversation, Message

__all__ = ["BROWSER", "Json", "Shapes", "iso", "rails_json"]

BROWSER = {
    "device_name": "Unknown",
    "browser_name": "Firefox",
    "platform_name": "Windows",
    "browser_version": "151.0",
    "platform_version": "10.0",
}


class Shapes(Parts):
    """Whole bodies and answers."""

    def webhook_conversation(self, conversation: Conversation) -> Json:
        """The conversation object of a webhook; flat conversation events are this plus ``event``."""
        row = conversation.contact_inbox
        public = [m for m in conversation.messages if not m.private and m.message_type != "activity"]
        shown: Json = {
            "additional_attributes": conversation.additional_attributes,
            "can_reply": self.can_reply(conversation),
            "channel": self._world.inboxes[conversation.inbox_id].channel,
            "contact_inbox": {
                "id": row.id,
                "contact_id": row.contact_id,
                "inbox_id": row.inbox_id,
                "source_id": row.source_id,
                "created_at": iso(row.created_at),
                "updated_at": iso(row.created_at),
                "hmac_verified": row.hmac_verified,
                "pubsub_token": row.pubsub_token,
            },
            "id": conversation.id,
            "inbox_id": conversation.inbox_id,
            "messages": [self.event_message(message) for message in public[-1:]],
            "labels": list(conversation.labels),
            "meta": self.meta(conversation),
            "status": conversation.status,
            "custom_attributes": conversation.custom_attributes,
            "snoozed_until": iso(conversation.snoozed_until),
            "unread_count": self.unread(conversation),
            "first_reply_created_at": iso(conversation.first_reply_created_at),
            "priority": conversation.priority,
            "waiting_since": int(conversation.waiting_since),
            "agent_last_seen_at": int(conversation.agent_last_seen_at),
            "contact_last_seen_at": int(conversation.contact_last_seen_at),
            "last_activity_at": int(conversation.last_activity_at),
            "timestamp": int(conversation.last_activity_at),
            "created_at": int(conversation.created_at),
            "updated_at": conversation.updated_at,
        }
        if self._version >= (4, 14, 2):
            shown["account"] = self.account
        return shown

    def webhook_message(self, message: Message, event: str) -> Json:
        """The body of ``message_created`` and ``message_updated``."""
        conversation = self._world.conversations[message.conversation_id]
        inbox = self._world.inboxes[message.inbox_id]
        shown: Json = {
            "account": self.account,
            "additional_attributes": message.additional_attributes,
            "content_attributes": message.content_attributes,
            "content_type": message.content_type,
            "content": message.content,
            "conversation": self.webhook_conversation(conversation),
            "created_at": iso(message.created_at),
            "id": message.id,
            "inbox": {"id": inbox.id, "name": inbox.name},
            "message_type": message.message_type,
            "private": message.private,
            "sender": self.webhook_sender(message.sender),
            "source_id": message.source_id,
        }
        if message.attachments:
            shown["attachments"] = message.attachments
        return {**shown, "event": event}

    def webwidget_triggered(self, row: ContactInbox, conversation: Conversation | None, language: str) -> Json:
        """The body of ``webwidget_triggered``, which has no message."""
        inbox = self._world.inboxes[row.inbox_id]
        return {
            "id": row.id,
            "contact": self.contact_in_webhook(self._world.contacts[row.contact_id]),
            "inbox": {"id": inbox.id, "name": inbox.name},
            "account": self.account,
            "current_conversation": self.webhook_conversation(conversation) if conversation else None,
            "source_id": row.source_id,
            "event": "webwidget_triggered",
            "event_info": {
                "widget_language": language,
                "browser_language": language,
                "browser": dict(BROWSER),
                "referer": "https://shop.example/orders",
            },
        }

    def api_message(self, message: Message, echo_id: str | None = None) -> Json:
        """A message as the API answers with."""
        shown: Json = {"id": message.id, "content": message.content, "inbox_id": message.inbox_id}
        if echo_id is not None:
            shown["echo_id"] = echo_id
        shown |= {
            "conversation_id": message.conversation_id,
            "message_type": MESSAGE_TYPES.index(message.message_type),
            "content_type": message.content_type,
            "status": message.status,
            "content_attributes": message.content_attributes,
            "created_at": int(message.created_at),
            "private": message.private,
            "source_id": message.source_id,
        }
        if message.sender is not None:
            shown["sender"] = self.sender(message.sender)
        if message.attachments:
            shown["attachments"] = message.attachments
        return shown

    def api_conversation(self, conversation: Conversation) -> Json:
        """A conversation as GET conversation answers with."""
        meta = self.meta(conversation)
        spoken = [message for message in conversation.messages if message.message_type != "activity"]
        contact = self._world.contacts[conversation.contact_inbox.contact_id]
        return {
            "meta": {
                "sender": meta["sender"],
                "channel": self._world.inboxes[conversation.inbox_id].channel,
                **({"assignee": meta["assignee"], "assignee_type": meta["assignee_type"]} if meta["assignee"] else {}),
                **({"team": meta["team"]} if meta["team"] else {}),
                "hmac_verified": meta["hmac_verified"],
            },
            "id": conversation.id,
            "messages": [self.event_message(message) for message in conversation.messages[-1:]],
            "account_id": self._world.account.id,
            "uuid": conversation.uuid,
            "additional_attributes": conversation.additional_attributes,
            "agent_last_seen_at": int(conversation.agent_last_seen_at),
            "can_reply": self.can_reply(conversation),
            "contact_last_seen_at": int(conversation.contact_last_seen_at),
            "custom_attributes": conversation.custom_attributes,
            "inbox_id": conversation.inbox_id,
            "labels": list(conversation.labels),
            "muted": contact.blocked,
            "snoozed_until": iso(conversation.snoozed_until),
            "status": conversation.status,
            "created_at": int(conversation.created_at),
            "updated_at": conversation.updated_at,
            "timestamp": int(conversation.last_activity_at),
            "first_reply_created_at": int(conversation.first_reply_created_at or 0),
            "unread_count": self.unread(conversation),
            "last_non_activity_message": self.event_message(spoken[-1]) if spoken else None,
            "last_activity_at": int(conversation.last_activity_at),
            "priority": conversation.priority,
            "waiting_since": int(conversation.waiting_since),
        }

    def list_meta(self, conversation: Conversation) -> Json:
        """The ``meta`` of a message list."""
        shown: Json = {
            "labels": list(conversation.labels),
            "additional_attributes": conversation.additional_attributes,
            "contact": self.contact(self._world.contacts[conversation.contact_inbox.contact_id]),
        }
        if conversation.assignee_id is not None:
            shown["assignee"] = self.user(self._world.users[conversation.assignee_id])
        return {
            **shown,
            "agent_last_seen_at": iso(conversation.agent_last_seen_at or None),
            "assignee_last_seen_at": None,
        }
