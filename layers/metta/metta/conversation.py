"""Reads a conversation from Chatwoot: may Metta speak, what was said before, which messages wait for an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from metta.errors import ChatwootRefused
from metta.messages import (
    Action,
    Author,
    ConversationView,
    HistoryEntry,
    IncomingMessage,
    MessageContext,
    ThreadMessage,
)
from metta.policy import Limits
from metta.ports import Chatwoot, Guardrails
from metta.settings import ChatwootSettings
from metta.state import ConversationState

REMOVED = "[message removed]"
"""Stands in history where a message was that the guardrails block."""
ANSWERABLE_TYPES = frozenset({"text", "incoming_email", "sticker", "input_email"})


def closed_reason(view: ConversationView, settings: ChatwootSettings) -> str | None:
    """Why Metta may not speak in this conversation as it is now; None when it may."""
    if settings.inbox_ids and view.inbox_id and view.inbox_id not in settings.inbox_ids:
        return "other_inbox"
    if view.human_assigned:
        return "human_assigned"
    if view.contact is not None and view.contact.blocked:
        return "blocked_contact"
    if view.auto_reply:
        return "auto_reply"
    answerable = ("pending",) if settings.answer_when == "pending" else ("pending", "open")
    if view.status not in answerable:
        return "not_answerable_status"
    return None


@dataclass(frozen=True)
class Thread:
    """The listed messages of a conversation since its last resolve, oldest first."""

    messages: tuple[ThreadMessage, ...]
    complete: bool
    """False when no token may list messages and only the conversation's last one is known."""

    def waiting(self, state: ConversationState, known: Collection[int] = ()) -> tuple[ThreadMessage, ...]:
        """Customer messages after the last reply (or in ``known``) that nobody answered yet."""
        replies = [m.id for m in self.messages if m.message_type == "outgoing" and not m.private and not failed(m)]
        after = max(replies, default=0)
        return tuple(
            m
            for m in self.messages
            if is_customers(m) and not state.is_covered(m.id) and (m.id > after or m.id in known)
        )

    def person_after(self, message_id: int) -> ThreadMessage | None:
        """The last message with which a person, at a desk or on the channel's own app, answered ``message_id``."""
        return next((m for m in reversed(self.messages) if m.id > message_id and is_human(m)), None)


def failed(message: ThreadMessage) -> bool:
    """Whether the channel refused it, so that the customer never saw it."""
    return message.status == "failed" or message.external_error is not None


def is_customers(message: ThreadMessage) -> bool:
    """Whether it is something a customer said and may expect an answer to."""
    return (
        message.message_type == "incoming"
        and not message.private
        and not message.deleted
        and not message.unanswerable
        and message.content_type in ANSWERABLE_TYPES
        and bool(message.text.strip() or message.attachments)
    )


def is_human(message: ThreadMessage) -> bool:
    """Whether a person of the team wrote it to the customer: never told by the sender alone, since we may be a user."""
    if message.message_type != "outgoing" or message.private or message.turn_id or message.from_automation:
        return False
    return message.external_echo or message.sender_type == "user"


def took_over(state: ConversationState, answer: ThreadMessage) -> bool:
    """Note takeover by a person's message, unless the conversation was given back, or resolved, since then."""
    if answer.created_at.timestamp() <= state.changed_at:
        return False
    state.takeover = "human_reply"
    return True


def unanswered(
    messages: Mapping[int, IncomingMessage], thread: Thread, state: ConversationState
) -> dict[int, IncomingMessage]:
    """Those of ``messages`` that no person answered meanwhile; none at all while that person has the conversation.

    The event that tells of the person's message may still be behind these on the queue: takeover is noted here then. A
    conversation that was given back after that message is Metta's again.
    """
    answer = thread.person_after(min(messages))
    if answer is None:
        return dict(messages)
    if took_over(state, answer):
        return {}
    return {id_: message for id_, message in messages.items() if id_ > answer.id}


async def read_thread(chatwoot: Chatwoot, view: ConversationView, state: ConversationState) -> Thread:
    """The conversation's messages as far as our tokens may see them."""
    listed = await list_or_none(chatwoot, view)
    complete = listed is not None
    if listed is None:
        both = {m.id: m for m in (view.last_message, view.last_public_message) if m is not None}
        listed = tuple(both[id_] for id_ in sorted(both))
    return Thread(tuple(m for m in listed if m.id > state.resolved_through), complete)


async def list_or_none(
    chatwoot: Chatwoot, view: ConversationView, *, after: int | None = None
) -> tuple[ThreadMessage, ...] | None:
    """The last messages, or those after an id; None where no token may list them."""
    if not chatwoot.may_list:
        return None
    try:
        return await chatwoot.list_messages(view.key, after=after)
    except ChatwootRefused:
        return None


def as_incoming(message: ThreadMessage, like: IncomingMessage) -> IncomingMessage:
    """A listed customer message as the noun of a turn; contact and inbox are those of ``like``."""
    return like.model_copy(
        update={
            "message_id": message.id,
            "text": message.text,
            "content_type": message.content_type,
            "created_at": message.created_at,
            "attachments": message.attachments,
            "mail_from": message.mail_from,
        }
    )


def vouched(message: IncomingMessage, view: ConversationView) -> IncomingMessage:
    """The message with no more proof of who wrote it than the conversation as read has (I7).

    An event tells what it was given; whoever can forge one must not be shown the orders of a number or login that they
    put into it. What Chatwoot's answer does not say (older ones name no address) stays as the event had it.
    """
    told = view.contact.identifier if view.contact is not None else None
    return message.model_copy(
        update={
            "channel": view.channel or message.channel,
            "contact_source_id": view.contact_source_id or message.contact_source_id,
            "hmac_verified": message.hmac_verified
            and view.hmac_verified is not False
            and told in (None, message.contact.identifier),
        }
    )


def history(
    thread: Thread, answered_now: Collection[int], context: MessageContext, guardrails: Guardrails, limits: Limits
) -> tuple[HistoryEntry, ...]:
    """Public messages before this turn's own, judged as input is, bounded in number and length.

    A customer message that the guardrails block does not come back through the history.
    """
    entries: list[HistoryEntry] = []
    room = limits.history_chars
    for message in reversed(thread.messages):
        if len(entries) >= limits.history_messages or room <= 0:
            break
        if message.id in answered_now or message.private or message.deleted or failed(message):
            continue
        if message.message_type not in ("incoming", "outgoing") or not message.text.strip():
            continue
        if message.message_type == "incoming":
            author = Author.CUSTOMER
            verdict = guardrails.validate_input(message.text[: limits.input_chars], context)
            text = REMOVED if verdict.action is Action.BLOCK else verdict.text
        else:
            author = Author.ASSISTANT if message.turn_id else Author.AGENT
            text = guardrails.sanitize(message.text)
        text = text[:room]
        room -= len(text)
        entries.append(HistoryEntry(message_id=message.id, author=author, text=text, created_at=message.created_at))
    return tuple(reversed(entries))
