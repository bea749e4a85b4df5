"""The answering filter: what a webhook means for Metta, decided from the body and the settings alone.

The queue calls ``classify`` for every parsed record. An answerable customer message becomes ``Decision.answer``; all
else carries one named reason. Independently of that an event may change the conversation's state (takeover, resolved,
pending again, delivery failed).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from metta.integrations.chatwoot.incoming import from_machine, is_auto_reply, own_turn_id, to_incoming
from metta.integrations.chatwoot.payload import (
    MESSAGE_EVENTS,
    STATUS_EVENTS,
    ChatwootWebhookPayload,
    WireConversation,
    WireMessage,
)
from metta.messages import ConversationKey, IncomingMessage
from metta.settings import ChatwootSettings

ANSWERABLE_CONTENT = frozenset({"text", "incoming_email", "sticker"})
BOTS = frozenset({"agent_bot", "captain_assistant"})


class SkipReason(StrEnum):
    """Why a webhook is not answered; the words reach logs, metrics and the audit log."""

    OTHER_ACCOUNT = "other_account"
    OTHER_INBOX = "other_inbox"
    OTHER_EVENT = "other_event"
    AUTOMATION = "automation"
    """Sent by an automation rule or a macro."""
    CAMPAIGN = "campaign"
    OWN_MESSAGE = "own_message"
    PRIVATE = "private"
    OUTGOING = "outgoing"
    """Written by a person of the team, in Chatwoot or in the channel's own app."""
    OTHER_BOT = "other_bot"
    TEMPLATE = "template"
    ACTIVITY = "activity"
    CSAT = "csat"
    DELETED = "deleted"
    UNSUPPORTED = "unsupported"
    """A kind of message that Chatwoot cannot show or Metta does not know."""
    AUTO_REPLY = "auto_reply"
    BLOCKED_CONTACT = "blocked_contact"
    NOT_ANSWERABLE_STATUS = "not_answerable_status"
    HUMAN_ASSIGNED = "human_assigned"
    CANNOT_REPLY = "cannot_reply"
    """The channel's reply window is closed."""
    EMPTY = "empty"


class ChangeKind(StrEnum):
    """What an event says about the state of its conversation."""

    TAKEOVER = "takeover"
    """A person answered or is assigned."""
    RESOLVED = "resolved"
    PENDING = "pending"
    """Pending again: a waiting customer is Metta's to answer."""
    DELIVERY_FAILED = "delivery_failed"
    """The channel refused a message of ours after Chatwoot had accepted it."""


@dataclass(frozen=True)
class StateChange:
    """A change of conversation state that turn state has to record."""

    kind: ChangeKind
    message_id: int | None = None
    """The message that says so; for conversation events the newest public message then, where known."""
    turn_id: str | None = None
    """Of our message that was not delivered."""
    at: datetime | None = None
    """When it happened by Chatwoot's clock; events arrive in any order."""


@dataclass(frozen=True)
class Decision:
    """What one webhook asks of Metta. Exactly one of ``answer`` and ``skip`` is set."""

    key: ConversationKey | None
    answer: IncomingMessage | None = None
    skip: SkipReason | None = None
    change: StateChange | None = None
    message: IncomingMessage | None = None
    """The customer message that is skipped, so that the skip can be audited; None for all other skips."""


def classify(payload: ChatwootWebhookPayload, settings: ChatwootSettings) -> Decision:
    """Decide what to do about one webhook. Never raises for a payload that ``parse_webhook`` gave."""
    key, message = payload.key, payload.message
    if message is None and payload.event.startswith(("automation_event.", "macro.")):
        return Decision(key, skip=SkipReason.AUTOMATION)
    if payload.account_id is not None and payload.account_id != settings.account_id:
        return Decision(key, skip=SkipReason.OTHER_ACCOUNT)
    customer = _customer_message(payload)
    if settings.inbox_ids and payload.conversation is not None and payload.inbox_id not in settings.inbox_ids:
        return Decision(key, skip=SkipReason.OTHER_INBOX, message=customer)
    if message is None or payload.event not in MESSAGE_EVENTS:
        return Decision(key, skip=SkipReason.OTHER_EVENT, change=_conversation_change(payload))
    if payload.event == "message_updated":
        return Decision(key, skip=_reason_for_update(message), change=_delivery_failure(message))
    if customer is None:
        return Decision(key, skip=_reason_not_incoming(message), change=_takeover_by(message))
    reason = _reason_to_stay_silent(message, settings)
    if reason is None:
        return Decision(key, answer=customer)
    change = _takeover(message) if message.conversation.human_assigned else None
    return Decision(key, skip=reason, change=change, message=customer)


def _customer_message(payload: ChatwootWebhookPayload) -> IncomingMessage | None:
    message = payload.message
    return to_incoming(payload, message) if payload.is_customer_message and message is not None else None


def _reason_for_update(message: WireMessage) -> SkipReason:
    if own_turn_id(message):
        return SkipReason.OWN_MESSAGE
    if message.content_type == "input_csat":
        return SkipReason.CSAT
    return SkipReason.OTHER_EVENT


def _reason_not_incoming(message: WireMessage) -> SkipReason:
    by_type = {"activity": SkipReason.ACTIVITY, "template": SkipReason.TEMPLATE, "outgoing": SkipReason.OUTGOING}
    if own_turn_id(message):
        return SkipReason.OWN_MESSAGE
    if message.private:
        return SkipReason.PRIVATE
    if message.content_type == "input_csat":
        return SkipReason.CSAT
    if message.additional_attributes.get("campaign_id") is not None:
        return SkipReason.CAMPAIGN
    if from_machine(message):
        return SkipReason.AUTOMATION
    if message.message_type == "outgoing" and _writer(message) in BOTS:
        return SkipReason.OTHER_BOT
    return by_type.get(message.message_type, SkipReason.UNSUPPORTED)


def _reason_to_stay_silent(message: WireMessage, settings: ChatwootSettings) -> SkipReason | None:
    """The first thing that forbids an answer to a customer message, or None."""
    conversation, contact = message.conversation, message.contact
    answerable = ("pending",) if settings.answer_when == "pending" else ("pending", "open")
    content_type = message.content_type or "text"
    checks = (
        (bool(message.private), SkipReason.PRIVATE),
        (bool(message.content_attributes.get("deleted")), SkipReason.DELETED),
        (content_type == "input_csat", SkipReason.CSAT),
        (bool(message.content_attributes.get("is_unsupported")), SkipReason.UNSUPPORTED),
        (content_type not in ANSWERABLE_CONTENT, SkipReason.UNSUPPORTED),
        (is_auto_reply(message), SkipReason.AUTO_REPLY),
        (message.sender is not None and message.sender.type in BOTS, SkipReason.OTHER_BOT),
        (contact is not None and bool(contact.blocked), SkipReason.BLOCKED_CONTACT),
        (conversation.status not in answerable, SkipReason.NOT_ANSWERABLE_STATUS),
        (conversation.human_assigned, SkipReason.HUMAN_ASSIGNED),
        (conversation.can_reply is False, SkipReason.CANNOT_REPLY),
        (not (message.content or "").strip() and not message.attachments, SkipReason.EMPTY),
    )
    return next((reason for applies, reason in checks if applies), None)


def _writer(message: WireMessage) -> str | None:
    """user, agent_bot, captain_assistant or None for nobody; ``unknown`` when somebody without a type wrote it."""
    if message.sender is None:
        return None
    if message.sender.type:
        return message.sender.type.casefold()
    same = (nested.sender_type for nested in message.conversation.messages or () if nested.id == message.id)
    names = {"User": "user", "AgentBot": "agent_bot", "Captain::Assistant": "captain_assistant"}
    return names.get(next(same, None) or "", "unknown")


def _takeover(message: WireMessage) -> StateChange:
    return StateChange(ChangeKind.TAKEOVER, message_id=message.id, at=message.created_at)


def _takeover_by(message: WireMessage) -> StateChange | None:
    """A person's public message. Whoever has a sender but no known type is taken for one: silence is the safe side."""
    if message.message_type != "outgoing" or message.private or own_turn_id(message) or from_machine(message):
        return None
    by_person = message.content_attributes.get("external_echo") or _writer(message) in ("user", "unknown")
    return _takeover(message) if by_person else None


def _delivery_failure(message: WireMessage) -> StateChange | None:
    turn_id = own_turn_id(message)
    if turn_id is None or not message.content_attributes.get("external_error"):
        return None
    return StateChange(ChangeKind.DELIVERY_FAILED, message_id=message.id, turn_id=turn_id, at=message.created_at)


def _conversation_change(payload: ChatwootWebhookPayload) -> StateChange | None:
    """What a conversation event says.

    Only a status event ends a takeover: ``conversation_updated`` also fires for labels and the like, with the same
    status in its body, and a person may have answered while the conversation was pending.
    """
    conversation = payload.flat
    if conversation is None or payload.key is None:
        return None
    kind: ChangeKind | None = None
    if payload.event in STATUS_EVENTS and conversation.status == "resolved":
        kind = ChangeKind.RESOLVED
    elif payload.event in STATUS_EVENTS | {"conversation_updated", "conversation_created"}:
        if conversation.human_assigned and conversation.status != "resolved":
            kind = ChangeKind.TAKEOVER
        elif payload.event in STATUS_EVENTS and conversation.status == "pending":
            kind = ChangeKind.PENDING
    return _change_of(kind, conversation) if kind else None


def _change_of(kind: ChangeKind, conversation: WireConversation) -> StateChange:
    newest = next((nested.id for nested in conversation.messages or ()), None)
    return StateChange(kind, message_id=newest, at=conversation.updated_at)
