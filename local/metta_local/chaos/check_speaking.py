"""Checks on the moment of speaking: never after a takeover, never stale (I3), and one worker at a time (I4).

Nobody can know what happens between the last look and the POST, so a reply is judged by what its worker could have
known: what a look showed that was made after the change, or a change so long ago, or before the model's answer, that
it had to look again.
"""

from __future__ import annotations

from collections.abc import Iterator

from metta_local.chaos.journal import Call, Place
from metta_local.chaos.ledger import AuditedTurn, Author, Conversation, Entry
from metta_local.chaos.observed import CLOCK_SLACK, Observed
from metta_local.chaos.violation import Violation

LOOK_SECONDS = 3.0
"""A look at the conversation older than this, at the moment of sending, is not "just before".

Two seconds by the worker's own clock, and one for a busy machine between the place, the worker and us.
"""


def after_takeover(observed: Observed) -> Iterator[Violation]:
    """No word to the customer once a person has the conversation, or it was closed in another way.

    Permitted: a takeover between the last look and the POST; the word of the very hand-off that opened it; a person's
    message that a newer one hid from a token that sees only the newest.
    """
    for conversation in observed.conversations:
        for entry in conversation.ours:
            if entry.private:
                continue
            closing = conversation.closed_by(entry.id)
            if closing is None or _own_hand_off(conversation, entry, closing):
                continue
            hidden_at = None if observed.bounds.lists_messages else _hidden_at(conversation, closing)
            if why := _could_have_known(observed, conversation, entry, closing.at, hidden_at):
                closed = f"message {closing.id} ({_shown(closing)}) had closed the conversation"
                yield Violation("after_takeover", conversation.id, f"{_named(entry)} although {closed}: {why}")


def _hidden_at(conversation: Conversation, closing: Entry) -> float | None:
    """When a person's message stopped being the newest one; None for what the conversation itself shows."""
    return _covered_up_at(conversation, closing) if closing.author is Author.HUMAN else None


def _covered_up_at(conversation: Conversation, entry: Entry) -> float | None:
    """When a message stopped being the newest one, which is all that a token sees that may not list."""
    later = (e.at for e in conversation.entries if e.id > entry.id and e.author is not Author.OTHER)
    return next(later, None)


def _own_hand_off(conversation: Conversation, entry: Entry, closing: Entry) -> bool:
    """Whether the same turn had opened the conversation: its note came before, and nobody else's word since."""
    if entry.kind != "handoff_word" or closing.status != "open":
        return False
    notes = [e.id for e in conversation.ours if e.kind == "handoff_note" and e.turn_id == entry.turn_id]
    return bool(notes) and notes[0] < closing.id


def stale(observed: Observed) -> Iterator[Violation]:
    """No reply that leaves out what the customer wrote meanwhile.

    Permitted: a message that came between the last look and the POST, or that another turn had answered before; a reply
    whose oldest message has waited longer than the starvation bound; the words of a hand-off; further parts of a reply
    whose first part had left; a message that a newer one hid from a token that sees only the newest.
    """
    for conversation in observed.conversations:
        for entry in conversation.ours:
            turn = conversation.turn_by_id.get(entry.turn_id or "")
            if turn is None or not turn.messages or entry.kind != "reply" or entry.part > 0:
                continue
            yield from _left_out(observed, conversation, entry, turn)


def _left_out(observed: Observed, conversation: Conversation, entry: Entry, turn: AuditedTurn) -> Iterator[Violation]:
    known = {*turn.messages, *turn.covered}
    spoken = {before.turn_id for before in conversation.ours if before.id < entry.id}
    answered = {id_ for one in conversation.turns if one.ended and one.id in spoken for id_ in one.messages}
    newer = [
        message
        for message in conversation.customers
        if max(known) < message.id < entry.id and message.id not in known | answered and message.answerable
    ]
    post = observed.post_of(conversation.id, entry)
    sent_at = post.arrived_at if post else entry.at
    oldest = min(conversation.at_of.get(id_, sent_at) for id_ in turn.messages)
    if not newer or sent_at - oldest > observed.bounds.burst_max_seconds:
        return
    for message in newer:
        hidden_at = None if observed.bounds.lists_messages else _covered_up_at(conversation, message)
        if why := _could_have_known(observed, conversation, entry, message.at, hidden_at):
            what = f"{_named(entry)} answers {turn.messages} and leaves out {message.id}: {why}"
            yield Violation("stale", conversation.id, what)
            return


def _could_have_known(
    observed: Observed, conversation: Conversation, entry: Entry, changed_at: float, hidden_at: float | None = None
) -> str:
    """How the worker could have known of a change before it sent; empty when it could not.

    Args:
        observed, conversation: where.
        entry: what was sent.
        changed_at: when it could be seen first.
        hidden_at: since when it could not be seen any more.
    """
    post = observed.post_of(conversation.id, entry)
    if post is None:
        late = entry.at - changed_at
        return f"it was written {late:.2f} s later" if late > LOOK_SECONDS else ""
    for look in observed.looks_before(conversation.id, post):
        seen_until = float("inf") if hidden_at is None else hidden_at - CLOCK_SLACK
        if look.forwarded_at is not None and changed_at + CLOCK_SLACK < look.forwarded_at < seen_until:
            return f"{look.worker} had looked {look.forwarded_at - changed_at:.2f} s after that"
    if hidden_at is not None and hidden_at < post.arrived_at:
        return ""
    late = post.arrived_at - changed_at
    thought = observed.thought_before(conversation.id, post)
    if thought is not None and thought.answered_at is not None and thought.answered_at > changed_at + CLOCK_SLACK:
        return f"the model answered {thought.answered_at - changed_at:.2f} s after that, and nobody looked again"
    return f"it was sent {late:.2f} s later, without another look" if late > LOOK_SECONDS else ""


def one_worker_at_a_time(observed: Observed) -> Iterator[Violation]:
    """A worker writes nothing into a conversation whose lease another one has taken since.

    Permitted: the lease ended or was given back and nobody took it.
    """
    for conversation in observed.conversations:
        holder: Call | None = None
        for call in observed.calls_by_conversation.get(conversation.id, ()):
            if call.place is Place.DYNAMODB and call.operation == "acquire" and _took(call):
                holder = call
            elif holder is not None and _writes_after(call, holder):
                what = f"{call.worker} wrote ({call.operation}) after {holder.worker} had taken the conversation"
                yield Violation("overlap", conversation.id, what)


def _took(call: Call) -> bool:
    """Whether the lease changed hands, even if the worker was not told."""
    return call.effect_at is not None and "in_hand" in call.detail


def _writes_after(call: Call, holder: Call) -> bool:
    writes = call.place is Place.CHATWOOT and call.operation in ("create_message", "toggle_status", "assignments")
    return writes and call.worker != holder.worker and call.arrived_at > (holder.effect_at or 0.0) + CLOCK_SLACK


def _named(entry: Entry) -> str:
    return f"{entry.kind} {entry.id} of {entry.turn_id} was sent"


def _shown(entry: Entry) -> str:
    if entry.status is not None:
        return f"status {entry.status} by {entry.by or 'Chatwoot'}"
    return "a person was assigned" if entry.assigned else f"{entry.author.value}: {entry.text[:40]!r}"
