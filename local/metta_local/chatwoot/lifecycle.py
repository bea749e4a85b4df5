"""What happens to conversations and messages inside Chatwoot; announces every change (contract 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from metta_local.chatwoot import liquid
from metta_local.chatwoot.composing import liquid_variables, stored_attachment
from metta_local.chatwoot.records import Bot, Contact, Conversation, Inbox, Message, User, World
from metta_local.chatwoot.shapes import Json, Shapes, iso

MAX_CONTENT = 150_000
BOT_FAILURE_TEXT = "Conversation was marked open by system due to an error with the agent bot."
WINDOW_CLOSED_TEXT = "Template not found or invalid template name"
_ITEM_TYPES = ("input_select", "cards", "form", "article")

Emit = Callable[[str, Conversation, Callable[[], Json]], None]


class UnprocessableError(ValueError):
    """A validation failed; the text is what the API answers with."""


class Lifecycle:
    """Changes the world by Chatwoot's rules.

    Args:
        world: the records.
        shapes: writes the bodies of the events.
        emit: takes every event with its conversation and a function that builds the body.
        now: the clock, Unix seconds.
        version: of Chatwoot.
    """

    def __init__(
        self, world: World, shapes: Shapes, emit: Emit, now: Callable[[], float], version: tuple[int, ...]
    ) -> None:
        self._world = world
        self._shapes = shapes
        self._emit = emit
        self._now = now
        self._version = version
        self.messages_per_minute = 200
        self.delivery_failures: list[str] = []
        """Errors that the next messages meet in their channel, first one next."""

    def start_conversation(self, row: Any, inbox: Inbox, attributes: Mapping[str, Any]) -> Conversation:
        """A new conversation: pending where a bot answers, resolved for a blocked contact."""
        now = self._now()
        has_bot = inbox.bot_id is not None
        blocked = self._world.contacts[row.contact_id].blocked
        conversation = Conversation(
            id=self._world.next_conversation_id,
            inbox_id=inbox.id,
            contact_inbox=row,
            status="resolved" if blocked else "pending" if has_bot else "open",
            created_at=now,
            updated_at=now,
            last_activity_at=now,
            additional_attributes=dict(attributes),
            assignee_bot_id=inbox.bot_id if self._version >= (4, 16) else None,
        )
        self._world.next_conversation_id += 1
        self._world.conversations[conversation.id] = conversation
        self._announce("conversation_created", conversation)
        return conversation

    def create_message(
        self,
        conversation: Conversation,
        content: str | None,
        message_type: str,
        sender: Contact | User | Bot | None,
        *,
        private: bool = False,
        content_type: str = "text",
        content_attributes: Mapping[str, Any] | None = None,
        additional_attributes: Mapping[str, Any] | None = None,
        source_id: str | None = None,
        attachments: Sequence[Json] = (),
    ) -> Message:
        """Save a message and announce it; call ``run_channel`` afterwards, as Chatwoot's job does.

        Raises:
            UnprocessableError: too long, too many, or items missing.
        """
        now = self._now()
        self._validate(conversation, content, content_type, content_attributes or {})
        if message_type == "outgoing" and content:
            content = liquid.render(content, liquid_variables(self._world, conversation, sender))
        message = Message(
            id=self._world.next_message_id,
            conversation_id=conversation.id,
            inbox_id=conversation.inbox_id,
            content=content,
            message_type=message_type,
            created_at=now,
            updated_at=now,
            private=private,
            content_type=content_type,
            content_attributes=dict(content_attributes or {}),
            additional_attributes=dict(additional_attributes or {}),
            source_id=source_id,
            sender=sender,
        )
        self._world.next_message_id += 1
        message.attachments = [stored_attachment(self._world, message, one) for one in attachments]
        first = not conversation.messages
        conversation.messages.append(message)
        self._after_save(conversation, message)
        if message_type != "activity":
            self.announce_message("message_created", message)
        greeting = self._world.inboxes[conversation.inbox_id].greeting
        if first and message_type == "incoming" and greeting:
            self.create_message(conversation, greeting, "template", None)
        return message

    def _validate(
        self, conversation: Conversation, content: str | None, content_type: str, attributes: Mapping[str, Any]
    ) -> None:
        if content is not None and len(content) > MAX_CONTENT:
            raise UnprocessableError(f"Validation failed: Content is too long (maximum is {MAX_CONTENT} characters)")
        recent = sum(1 for message in conversation.messages if message.created_at > self._now() - 60)
        if recent >= self.messages_per_minute:
            raise UnprocessableError("Validation failed: Too many messages")
        if content_type in _ITEM_TYPES and not attributes.get("items"):
            raise UnprocessableError("Validation failed: Content attributes Items at least one is required.")

    def _after_save(self, conversation: Conversation, message: Message) -> None:
        now = self._now()
        conversation.last_activity_at = conversation.updated_at = now
        if message.message_type == "incoming":
            self._reopen(conversation)
            conversation.waiting_since = conversation.waiting_since or now
            conversation.contact_last_seen_at = now
        elif message.message_type == "outgoing" and not message.private and isinstance(message.sender, User):
            conversation.first_reply_created_at = conversation.first_reply_created_at or now
            conversation.waiting_since = 0

    def _reopen(self, conversation: Conversation) -> None:
        """A customer's message wakes a resolved or snoozed conversation, unless the contact is blocked."""
        if self._world.contacts[conversation.contact_inbox.contact_id].blocked:
            return
        if conversation.status == "snoozed":
            self.set_status(conversation, "open", None)
        elif conversation.status == "resolved" and len(conversation.messages) > 1:
            has_bot = self._world.inboxes[conversation.inbox_id].bot_id is not None
            self.set_status(conversation, "pending" if has_bot else "open", None)

    def run_channel(self, message: Message) -> None:
        """Hand an outgoing message to its channel, as SendReplyJob does after the API has answered."""
        conversation = self._world.conversations[message.conversation_id]
        channel = self._world.inboxes[message.inbox_id].channel
        if message.message_type not in ("outgoing", "template") or message.private:
            return
        if message.source_id is not None and channel != "Channel::WebWidget":
            return
        error = self.delivery_failures.pop(0) if self.delivery_failures else None
        if channel == "Channel::Whatsapp" and error is None:
            if not self._shapes.can_reply(conversation):
                error = WINDOW_CLOSED_TEXT
            elif len(message.content or "") > 4096:
                error = "(#100) Invalid parameter"
        if error is not None:
            message.status = "failed"
            message.content_attributes["external_error"] = error
            self.announce_message("message_updated", message)
            return
        message.reached_customer = True
        if channel != "Channel::WebWidget":
            message.source_id = f"wamid.{message.id}" if channel == "Channel::Whatsapp" else f"metta/{message.id}"
            self.announce_message("message_updated", message)
        if channel == "Channel::Whatsapp":
            message.status = "delivered"
            self.announce_message("message_updated", message)

    def delete_message(self, message: Message) -> None:
        """An agent deletes a message: its text and all its attributes go."""
        message.content = "This message was deleted"
        message.content_type = "text"
        message.content_attributes = {"deleted": True}
        self.announce_message("message_updated", message)

    def set_status(
        self, conversation: Conversation, status: str, by: str | None, *, snoozed_until: float | None = None
    ) -> None:
        """Change the status and say so in every way Chatwoot does."""
        before, conversation.status = conversation.status, status
        conversation.snoozed_until = snoozed_until if status == "snoozed" else None
        if before == status:
            return
        self._activity(conversation, f"Conversation was marked {status} by {by}" if by else f"Conversation is {status}")
        self._announce("conversation_status_changed", conversation, None)
        if status in ("open", "resolved"):
            self._announce("conversation_opened" if status == "open" else "conversation_resolved", conversation)
        self._changed(conversation, "status", before, status)
        inbox = self._world.inboxes[conversation.inbox_id]
        if status == "resolved" and inbox.csat:
            self.create_message(
                conversation, "Please rate the conversation", "template", None, content_type="input_csat"
            )
        if status == "open" and inbox.enable_auto_assignment and conversation.assignee_id is None:
            online = [user for user in sorted(inbox.members) if self._world.users[user].online]
            if online:
                self.assign(conversation, online[0], by=None)

    def bot_handoff(self, conversation: Conversation, bot: Bot) -> None:
        """A bot opens a pending conversation."""
        conversation.waiting_since = self._now()
        if self._version >= (4, 16):
            conversation.assignee_bot_id = None
        self.set_status(conversation, "open", bot.name)

    def open_after_bot_failure(self, conversation: Conversation) -> None:
        """The bot's webhook failed for good: people take over."""
        if conversation.status == "pending" and not self._world.account.keep_pending_on_bot_failure:
            self.set_status(conversation, "open", None)
            self._activity(conversation, BOT_FAILURE_TEXT)

    def assign(self, conversation: Conversation, user_id: int | None, *, by: str | None) -> None:
        """Make a person the assignee, or nobody."""
        before, conversation.assignee_id = conversation.assignee_id, user_id
        conversation.assignee_bot_id = None
        if before == user_id:
            return
        name = self._world.users[user_id].name if user_id else None
        self._activity(conversation, f"Assigned to {name} by {by}" if name else f"Conversation unassigned by {by}")
        self._changed(conversation, "assignee_id", before, user_id)
        if self._version >= (4, 16) and user_id is not None and conversation.status == "pending":
            self.set_status(conversation, "open", by)

    def assign_bot(self, conversation: Conversation, bot_id: int) -> None:
        """Make a bot the assignee."""
        before, conversation.assignee_bot_id = conversation.assignee_bot_id, bot_id
        conversation.assignee_id = None
        self._changed(conversation, "assignee_agent_bot_id", before, bot_id)

    def set_field(self, conversation: Conversation, attribute: str, value: Any, *, event_name: str = "") -> None:
        """Set one of team_id, labels, custom_attributes, priority, and announce it."""
        before = getattr(conversation, attribute)
        setattr(conversation, attribute, value)
        if before != value:
            self._changed(conversation, event_name or attribute, before, value)

    def see(self, conversation: Conversation) -> None:
        """A person of the team looked at the conversation."""
        conversation.agent_last_seen_at = self._now()

    def announce_message(self, event: str, message: Message) -> None:
        """Dispatch a message event, also once more for a message that had one before."""
        message.updated_at = self._now()
        conversation = self._world.conversations[message.conversation_id]
        self._emit(event, conversation, lambda: self._shapes.webhook_message(message, event))

    def _activity(self, conversation: Conversation, text: str) -> None:
        self.create_message(conversation, text, "activity", None)

    def _changed(self, conversation: Conversation, name: str, before: Any, after: Any) -> None:
        earlier, conversation.updated_at = conversation.updated_at, self._now()
        changes = [
            {name: {"previous_value": before, "current_value": after}},
            {"updated_at": {"previous_value": iso(earlier), "current_value": iso(conversation.updated_at)}},
        ]
        self._announce("conversation_updated", conversation, changes)

    def _announce(self, event: str, conversation: Conversation, *changed: Any) -> None:
        extra: Json = {"changed_attributes": changed[0]} if changed else {}
        self._emit(
            event,
            conversation,
            lambda: {**self._shapes.webhook_conversation(conversation), "event": event, **extra},
        )
