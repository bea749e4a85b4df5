"""Checks on what customers got: nothing lost (I1), nothing twice (I2), in order (I4), and an end for everyone (I5)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from metta_local.chaos.ledger import AuditedTurn, Author, Conversation, Entry
from metta_local.chaos.observed import CLOCK_SLACK, Observed
from metta_local.chaos.violation import Violation


def nothing_lost(observed: Observed) -> Iterator[Violation]:
    """Every customer message is in an audited turn that ended, in an audited skip, or in the dead-letter queue.

    A turn that was overtaken does not count: its messages must be in a later one. A message that a later turn's
    history held is covered by it.
    """
    dead = {letter.message_id for letter in observed.dead}
    for conversation in observed.conversations:
        settled = {id_ for turn in conversation.turns if turn.ended for id_ in (*turn.messages, *turn.covered)}
        for message in conversation.customers:
            if message.id not in settled and message.id not in conversation.skips and message.id not in dead:
                queued = "" if message.id in conversation.queued else " (its event never reached the queue)"
                yield Violation("lost", conversation.id, f"message {message.id} left no trace{queued}")


def never_twice(observed: Observed) -> Iterator[Violation]:
    """No part of a turn twice, no customer message in two turns that spoke, no more answers than questions.

    A second hand-off note is permitted where the delivery stayed unknown: it is how a person is told.
    """
    for conversation in observed.conversations:
        yield from _parts_twice(conversation)
        answers: Counter[int] = Counter()
        for turn in conversation.turns:
            answers.update(turn.messages if turn.spoke else ())
        for message, times in answers.items():
            if times > 1:
                ids = [turn.id for turn in conversation.turns if turn.spoke and message in turn.messages]
                yield Violation("doubled", conversation.id, f"message {message} was answered {times} times: {ids}")
        yield from _answers_without_question(conversation)


def _parts_twice(conversation: Conversation) -> Iterator[Violation]:
    sent = Counter((entry.turn_id or "", entry.kind or "", entry.part) for entry in conversation.ours)
    for (turn_id, kind, part), times in sent.items():
        turn = conversation.turn_by_id.get(turn_id)
        told = kind == "handoff_note" and turn is not None and turn.delivery_unknown
        if times > (2 if told else 1):
            ids = [e.id for e in conversation.ours if (e.turn_id, e.kind, e.part) == (turn_id, kind, part)]
            what = f"{kind} part {part} of {turn_id} was sent {times} times: messages {ids}"
            yield Violation("doubled", conversation.id, what)


def _answers_without_question(conversation: Conversation) -> Iterator[Violation]:
    """At each moment at most as many turns have spoken to the customer as the customer has written messages."""
    questions, spoken = 0, set[str]()
    for entry in conversation.entries:
        if entry.author is Author.CUSTOMER:
            questions += 1
        elif entry.author is Author.METTA and not entry.private and entry.turn_id not in spoken:
            spoken.add(entry.turn_id or "")
            if len(spoken) > questions:
                what = f"message {entry.id} is answer {len(spoken)} to {questions} customer messages"
                yield Violation("doubled", conversation.id, what)


def in_order(observed: Observed) -> Iterator[Violation]:
    """Replies follow message ids.

    A lower id may be answered after a higher one only when its event reached the queue later than that of the higher
    one. When nobody could see that it was waiting, also on a standard queue, which promises no order (no token may list
    messages, or the conversation was resolved in between, where history ends), and when no token may list messages and
    it had been left to a person before.
    """
    blind, fifo = not observed.bounds.lists_messages, observed.bounds.fifo
    if blind and not fifo:
        return
    for conversation in observed.conversations:
        earlier: list[AuditedTurn] = []
        for turn in _in_order_of_speaking(conversation):
            for before in earlier:
                hidden = (
                    _left_before(conversation, turn) if blind else not fifo and _resolved(conversation, turn, before)
                )
                if _out_of_order(conversation, before, turn) and not hidden:
                    what = f"{turn.id} answered {turn.messages} after {before.id} had answered {before.messages}"
                    yield Violation("order", conversation.id, what)
            earlier.append(turn)


def _out_of_order(conversation: Conversation, first: AuditedTurn, second: AuditedTurn) -> bool:
    if not first.messages or not second.messages or max(second.messages) > max(first.messages):
        return False
    queued = conversation.queued
    late = max(queued.get(id_, 0.0) for id_ in second.messages)
    return late < min((queued[id_] for id_ in first.messages if id_ in queued), default=0.0)


def _left_before(conversation: Conversation, turn: AuditedTurn) -> bool:
    """Whether all its messages had been skipped before, because a person had the conversation."""
    left = {id_ for one in conversation.turns if one.ended and not one.spoke for id_ in one.messages}
    return all(id_ in left or id_ in conversation.skips for id_ in turn.messages)


def _resolved(conversation: Conversation, older: AuditedTurn, newer: AuditedTurn) -> bool:
    """Whether somebody resolved the conversation between the messages of two turns."""
    if not older.messages or not newer.messages:
        return False
    resolved = [entry.id for entry in conversation.statuses() if entry.status == "resolved"]
    return any(max(older.messages) < id_ < min(newer.messages) for id_ in resolved)


def _in_order_of_speaking(conversation: Conversation) -> Iterator[AuditedTurn]:
    told = [entry.turn_id or "" for entry in conversation.ours if not entry.private]
    for turn_id in dict.fromkeys(told):
        if (turn := conversation.turn_by_id.get(turn_id)) is not None:
            yield turn


def never_overlapping(observed: Observed) -> Iterator[Violation]:
    """Turns of a conversation do not overlap, neither in time nor in what they wrote.

    A turn without customer messages is a hand-off because a channel refused a reply; it may come while another turn
    waits for its records.
    """
    for conversation in observed.conversations:
        turns = [turn for turn in conversation.turns if turn.messages]
        for first, second in itertools.pairwise(turns):
            if first.finished_at is not None and first.finished_at > second.started_at + CLOCK_SLACK:
                seconds = first.finished_at - second.started_at
                what = f"{second.id} began {seconds:.2f} s before {first.id} had ended"
                yield Violation("overlap", conversation.id, what)
        yield from _interleaved(conversation, {turn.id for turn in turns})


def _interleaved(conversation: Conversation, with_messages: set[str]) -> Iterator[Violation]:
    order = [e.turn_id for e in conversation.ours if e.turn_id in with_messages]
    runs = [id_ for place, id_ in enumerate(order) if place == 0 or order[place - 1] != id_]
    for turn_id, times in Counter(runs).items():
        if times > 1:
            yield Violation("overlap", conversation.id, f"other turns wrote between the messages of {turn_id}")


def ended(observed: Observed) -> Iterator[Violation]:
    """Nothing is under way any more, and the last thing a customer said has an answer, a hand-off or a person.

    A message that a machine wrote, or one in a conversation that a person has or has closed, needs none.
    """
    if not observed.settled:
        yield Violation("no_end", None, "time was up before everything had come to its end")
    if observed.left_on_queue:
        yield Violation("no_end", None, f"{observed.left_on_queue} records are still on the queue")
    dead = {letter.message_id for letter in observed.dead}
    for conversation in observed.conversations:
        for rest in conversation.unfinished:
            yield Violation("no_end", conversation.id, f"its turn state still holds {rest}")
        waiting = _waiting(conversation)
        if waiting is not None and waiting.id not in dead:
            what = f"the customer's message {waiting.id} got no answer and no person, the conversation is pending"
            yield Violation("no_end", conversation.id, what)


def _waiting(conversation: Conversation) -> Entry | None:
    """The customer's last message if nobody dealt with it although the conversation is Metta's."""
    asked = [message for message in conversation.customers if message.answerable]
    if not asked or conversation.status != "pending" or conversation.assigned:
        return None
    last = asked[-1]
    if conversation.closed_by(last.id) is not None and not _given_back(conversation.entries, last.id):
        return None  # a person had it when the customer wrote, and still has
    spoke = any(turn.spoke and last.id in (*turn.messages, *turn.covered) for turn in conversation.turns)
    human = any(e.author is Author.HUMAN and not e.private and e.id > last.id for e in conversation.entries)
    return None if spoke or human else last


def _given_back(entries: Sequence[Entry], after: int) -> bool:
    return any(entry.status == "pending" for entry in entries if entry.id > after)
