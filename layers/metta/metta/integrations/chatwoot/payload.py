"""Chatwoot's webhook body as typed data; the queue calls ``parse_webhook`` on every record.

Chatwoot sends three shapes: message events, flat conversation events (conversation keys at the top level) and the
rest. The first two are checked strictly where Metta reads them; keys that are unknown or unused are ignored, so that
later versions pass. Of all other events only the name counts, and they are skipped by the filter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from metta.errors import MalformedRecord
from metta.integrations.chatwoot.body import load_object
from metta.integrations.chatwoot.text import clean_text
from metta.messages import ConversationKey, JsonObject

MESSAGE_EVENTS: Final = frozenset({"message_created", "message_updated"})
STATUS_EVENTS: Final = frozenset({"conversation_status_changed", "conversation_opened", "conversation_resolved"})
CONVERSATION_EVENTS: Final = STATUS_EVENTS | {"conversation_created", "conversation_updated"}


def _moment(value: object) -> object:
    """ISO text (webhooks) or Unix seconds (API, conversation objects) as an aware UTC datetime."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError("not a point in time")


Id = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
Text = Annotated[str, Field(strict=True), AfterValidator(clean_text)]
Flag = Annotated[bool, Field(strict=True)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
FreeObject = Annotated[JsonObject, BeforeValidator(lambda value: {} if value is None else value)]


class Wire(BaseModel):
    """Part of a body: frozen, indifferent to keys it does not know, silent about values in its errors."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class WireRef(Wire):
    """``account`` or ``inbox``."""

    id: Id


class WireSender(Wire):
    """Whoever wrote a message. A contact at the top level has no ``type``; a bot has no ``email``."""

    id: Id | None = None
    type: Text | None = None
    name: Text | None = None
    email: Text | None = None
    phone_number: Text | None = None
    identifier: Text | None = None
    blocked: Flag | None = None


class WireContactInbox(Wire):
    """The contact's address in one inbox. ``pubsub_token`` is left out on purpose (I9)."""

    contact_id: Id | None = None
    source_id: Text | None = None
    hmac_verified: Flag | None = None


class WireMeta(Wire):
    """Who the conversation is with and who looks after it."""

    sender: WireSender | None = None
    assignee: WireSender | None = None
    assignee_type: Text | None = None
    hmac_verified: Flag | None = None


class WireNestedMessage(Wire):
    """``conversation.messages[0]``: the last public message, not necessarily the one the event is about."""

    id: Id | None = None
    account_id: Id | None = None
    sender_type: Text | None = None


class WireAttachment(Wire):
    """One of ``attachments[]``; which keys are there depends on the file type."""

    file_type: Text | None = None
    data_url: Text | None = None
    fallback_title: Text | None = None
    transcribed_text: Text | None = None


class WireConversation(Wire):
    """The conversation object, nested in message events and flat in conversation events."""

    id: Id
    """The display id, unique only together with the account."""
    status: Annotated[Text, Field(min_length=1)]
    inbox_id: Id | None = None
    can_reply: Flag | None = None
    channel: Text | None = None
    contact_inbox: WireContactInbox | None = None
    meta: WireMeta | None = None
    additional_attributes: FreeObject = Field(default_factory=dict)
    messages: tuple[WireNestedMessage, ...] | None = None
    account: WireRef | None = None
    updated_at: Moment | None = None

    @property
    def human_assigned(self) -> bool:
        """True when the assignee is a person; from 4.16 a bot may be one, so that the type decides."""
        if self.meta is None or self.meta.assignee is None:
            return False
        kind = self.meta.assignee_type or self.meta.assignee.type or ""
        return kind.casefold() == "user"


class WireMessage(Wire):
    """The body of ``message_created`` and ``message_updated``."""

    id: Id
    account: WireRef
    conversation: WireConversation
    message_type: Annotated[Text, Field(min_length=1)]
    created_at: Moment
    inbox: WireRef | None = None
    content: Text | None = None
    content_type: Text | None = None
    content_attributes: FreeObject = Field(default_factory=dict)
    additional_attributes: FreeObject = Field(default_factory=dict)
    private: Flag | None = None
    sender: WireSender | None = None
    attachments: tuple[WireAttachment, ...] | None = None

    @property
    def contact(self) -> WireSender | None:
        """The customer: the top-level sender unless it is somebody else, then the conversation's contact."""
        if self.sender is not None and self.sender.id is not None and self.sender.type in (None, "contact"):
            return self.sender
        return self.conversation.meta.sender if self.conversation.meta else None

    @property
    def contact_id(self) -> int | None:
        """The customer's id, from wherever the body still has it (a deleted contact leaves only its inbox row)."""
        if self.contact is not None and self.contact.id is not None:
            return self.contact.id
        return self.conversation.contact_inbox.contact_id if self.conversation.contact_inbox else None


class ChatwootWebhookPayload(Wire):
    """One webhook body, whatever its event; takes the body as Chatwoot sends it (``model_validate(body)``)."""

    event: Annotated[Text, Field(min_length=1)]
    message: WireMessage | None = None
    """Set for ``message_created`` and ``message_updated``."""
    flat: WireConversation | None = None
    """The conversation of an event that has no message, where the body holds one."""

    @model_validator(mode="before")
    @classmethod
    def _arrange(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        event = body.get("event")
        if not isinstance(event, str):
            return {"event": event} if "event" in body else {}
        if event in MESSAGE_EVENTS:
            return {"event": event, "message": body}
        if event in CONVERSATION_EVENTS:
            return {"event": event, "flat": body}
        return {"event": event, "flat": cls._conversation_if_any(body)}

    @staticmethod
    def _conversation_if_any(body: JsonObject) -> WireConversation | None:
        nested = body.get("conversation")
        try:
            return WireConversation.model_validate(nested if isinstance(nested, dict) else body)
        except ValidationError:
            return None

    @property
    def is_customer_message(self) -> bool:
        """Whether a customer has written something new."""
        created = self.event == "message_created"
        return created and self.message is not None and self.message.message_type == "incoming"

    @property
    def conversation(self) -> WireConversation | None:
        """The conversation, however the event carries it."""
        return self.message.conversation if self.message else self.flat

    @property
    def account_id(self) -> int | None:
        """The account; before 4.14.2 flat events name it only in their last message."""
        if self.message is not None:
            return self.message.account.id
        if self.flat is None:
            return None
        if self.flat.account is not None:
            return self.flat.account.id
        return next((nested.account_id for nested in self.flat.messages or ()), None)

    @property
    def key(self) -> ConversationKey | None:
        """The conversation's key, or None when the event names no conversation."""
        if self.conversation is None or self.account_id is None:
            return None
        return ConversationKey(account_id=self.account_id, conversation_id=self.conversation.id)

    @property
    def inbox_id(self) -> int | None:
        """The inbox, from the conversation or, in message events, from the message."""
        if self.conversation is not None and self.conversation.inbox_id is not None:
            return self.conversation.inbox_id
        return self.message.inbox.id if self.message is not None and self.message.inbox is not None else None


def parse_webhook(raw: str | bytes) -> ChatwootWebhookPayload:
    """The webhook body as typed data.

    Args:
        raw: the body as it came over the wire, up to 1 MiB and more.

    Raises:
        MalformedRecord: it is not a Chatwoot webhook; ``field`` is the dotted path of the first thing wrong.
    """
    try:
        payload = ChatwootWebhookPayload.model_validate(load_object(raw))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = [str(part) for part in first["loc"] if part not in ("message", "flat")]
        raise MalformedRecord(first["msg"][:200], field=".".join(path) or "body") from None
    if payload.message is not None and payload.inbox_id is None:
        raise MalformedRecord("Field required", field="conversation.inbox_id")
    message = payload.message
    if payload.is_customer_message and message is not None and message.contact_id is None:
        raise MalformedRecord("no contact is named", field="sender.id")
    return payload
