"""Checks on what was written down: complete audit rows (I10), whole chains, hand-offs once, no dead letters (I5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from metta_local.chaos.journal import Place
from metta_local.chaos.ledger import AuditedTurn, Conversation, Entry
from metta_local.chaos.observed import Observed, was_told
from metta_local.chaos.violation import Violation

WORDLESS = frozenset({"cannot_reply", "delivery_failed", "delivery_unknown"})
"""Reasons of hand-offs that say nothing to the customer: they could not read it, or may have read a reply."""


def written_down(observed: Observed) -> Iterator[Violation]:
    """Every turn that wrote something is in the audit log, whole, with the messages Chatwoot has.

    Permitted: where a delivery stayed unknown, Chatwoot may have a message that the audit log does not know of; a
    message whose id was never learnt has none.
    """
    for conversation in observed.conversations:
        for turn_id in dict.fromkeys(entry.turn_id or "" for entry in conversation.ours):
            if turn_id not in conversation.turn_by_id:
                what = f"{turn_id} wrote into Chatwoot and has no audit row"
                yield Violation("audit", conversation.id, what)
        for turn in conversation.turns:
            for lacking in (*_incomplete(turn), *_other_messages(conversation, turn)):
                yield Violation("audit", conversation.id, f"{turn.id} ({turn.outcome} {turn.reason}): {lacking}")


def _incomplete(turn: AuditedTurn) -> Iterator[str]:
    if turn.phase != "sent" or turn.finished_at is None:
        yield f"its phase is {turn.phase} and it has {'no' if turn.finished_at is None else 'an'} end"
    if turn.model_calls != turn.model_call_rows or turn.tool_calls != turn.tool_call_rows:
        yield "it counts other model or tool calls than it has rows of"
    if turn.outcome == "answered":
        if not turn.reply or not any(sent.kind in ("reply", "note") for sent in turn.sent):
            yield "it is answered and holds no reply"
        if "input" not in turn.verdicts:
            yield "it has no verdict on its input"
        if turn.model_calls and "output" not in turn.verdicts:
            yield "a model wrote and there is no verdict on the output"


def _other_messages(conversation: Conversation, turn: AuditedTurn) -> Iterator[str]:
    there = {entry.id: entry for entry in conversation.ours if entry.turn_id == turn.id}
    for sent in turn.sent:
        if sent.message_id is None:
            found = any((e.kind, e.part) == (sent.kind, sent.part) for e in there.values())
        else:
            entry = there.get(sent.message_id)
            found = entry is not None and (entry.kind, entry.part) == (sent.kind, sent.part)
        if not found and not (sent.message_id is None and turn.delivery_unknown):
            yield f"it says it sent {sent.kind} part {sent.part} as {sent.message_id}, which Chatwoot does not have"
    written = {(sent.kind, sent.part) for sent in turn.sent}
    unknown = [] if turn.delivery_unknown else [e for e in there.values() if (e.kind, e.part) not in written]
    for entry in unknown:
        yield f"Chatwoot has its {entry.kind} part {entry.part} as {entry.id}, of which it does not know"


def sealed(observed: Observed) -> Iterator[Violation]:
    """Every conversation's chain verifies, with a key, and ends where the head outside the database says.

    Permitted: a head that is behind while the conversation's last record is not done.
    """
    for conversation in observed.conversations:
        chain = conversation.chain
        for problem in chain.problems:
            yield Violation("chain", conversation.id, problem)
        if chain.unkeyed:
            yield Violation("chain", conversation.id, f"{chain.unkeyed} entries are sealed without a key")
        done = observed.settled and not observed.left_on_queue and not conversation.unfinished
        if done and chain.head != chain.entries:
            what = f"{chain.entries} entries, and a head that says {chain.head}"
            yield Violation("chain", conversation.id, what)


def handed_over_once(observed: Observed) -> Iterator[Violation]:
    """A hand-off leaves one note, one word to the customer, and an open conversation, however often it was tried.

    Permitted: no word where the channel or an unknown delivery forbids it, or where a person came in before it; a
    second note where the delivery stayed unknown (``never_twice`` bounds it).
    """
    for conversation in observed.conversations:
        opened = Counter(entry.status for entry in conversation.statuses() if entry.by and "Metta" in entry.by)["open"]
        handed = [turn for turn in conversation.turns if turn.outcome == "handed_off"]
        if opened > len(handed):
            what = f"Metta opened it {opened} times for {len(handed)} hand-offs"
            yield Violation("handoff", conversation.id, what)
        for turn in handed:
            for lacking in _hand_off_lacks(conversation, turn):
                yield Violation("handoff", conversation.id, f"{turn.id} ({turn.reason}): {lacking}")


def _hand_off_lacks(conversation: Conversation, turn: AuditedTurn) -> Iterator[str]:
    notes = [entry for entry in conversation.ours if entry.turn_id == turn.id and entry.kind == "handoff_note"]
    words = [entry for entry in conversation.ours if entry.turn_id == turn.id and entry.kind == "handoff_word"]
    if not notes:
        yield "there is no note for the team"
        return
    person = _person_since(conversation, notes[0])
    if not words and turn.reason not in WORDLESS and not turn.delivery_unknown and not person:
        yield "the customer got no word"
    if not _opened(conversation, notes[0]) and not person:
        yield "the conversation was not opened"


def _opened(conversation: Conversation, note: Entry) -> bool:
    """Whether the conversation was open when or after the note was written."""
    before = [entry.status for entry in conversation.statuses() if entry.id < note.id]
    after = [entry.status for entry in conversation.statuses() if entry.id > note.id]
    return before[-1:] == ["open"] or "open" in after


def _person_since(conversation: Conversation, note: Entry) -> bool:
    """Whether a person has had the conversation at some time after the hand-off began."""
    later = [entry.id for entry in conversation.entries if entry.id > note.id]
    closing = [conversation.closed_by(id_ + 1) for id_ in (note.id, *later)]
    return any(entry is not None and "Metta" not in entry.by for entry in closing)


def dead_letters(observed: Observed) -> Iterator[Violation]:
    """No record is dead-lettered.

    Permitted: Chatwoot answered none of the last calls about its conversation, so that not even a person could be
    told.
    """
    for letter in observed.dead:
        calls = [
            call
            for call in observed.calls_by_conversation.get(letter.conversation or 0, ())
            if call.place is Place.CHATWOOT
        ]
        if not calls or any(was_told(call) for call in calls[-5:]):
            what = f"{letter.event} of message {letter.message_id} is in the dead-letter queue {letter.reason}".rstrip()
            yield Violation("dead_letters", letter.conversation, what)
