"""What a run left behind, as the checks read it: Chatwoot's messages, audit rows, records and model runs.

``collecting`` fills it from the stack after a run; tests make it by hand. Times are seconds since the epoch, ids are
Chatwoot's. Message ids grow with time in the whole installation, so they tell exactly what came before what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from metta_local.chaos.journal import Call


class Author(StrEnum):
    """Who wrote an entry of a conversation."""

    CUSTOMER = "customer"
    METTA = "metta"
    HUMAN = "human"
    OTHER = "other"
    """Chatwoot itself: an activity or a template."""


@dataclass(frozen=True)
class Entry:
    """One message of a conversation as Chatwoot stores it; activities tell of status and assignment."""

    id: int
    at: float
    author: Author
    text: str = ""
    private: bool = False
    failed: bool = False
    """The channel refused it: the customer never saw it."""
    turn_id: str | None = None
    kind: str | None = None
    """Of Metta's messages: reply, note, handoff_note or handoff_word."""
    part: int = 0
    status: str | None = None
    """Of an activity: the status that the conversation got."""
    assigned: bool | None = None
    """Of an activity: whether a person became the assignee (True) or nobody (False)."""
    by: str = ""
    """Of an activity: who did it."""
    answerable: bool = True
    """Of a customer's message: whether an answer may be expected (not from a machine, not empty)."""
    word: str = ""
    """Of a customer's message: the word in its text by which a model request is recognised."""


@dataclass(frozen=True)
class SentRow:
    """An outgoing message in the audit log."""

    kind: str
    part: int
    message_id: int | None
    private: bool = False


@dataclass(frozen=True)
class AuditedTurn:
    """A turn in the audit log."""

    id: str
    outcome: str
    reason: str = ""
    phase: str = "sent"
    attempt: int = 1
    covered: frozenset[int] = frozenset()
    messages: tuple[int, ...] = ()
    """Ids of the customer messages it was given."""
    sent: tuple[SentRow, ...] = ()
    handoff_steps: tuple[str, ...] = ()
    delivery_unknown: bool = False
    reply: str | None = None
    verdicts: tuple[str, ...] = ("input",)
    """Directions of its guardrail verdicts."""
    model_calls: int = 0
    model_call_rows: int = 0
    tool_calls: int = 0
    tool_call_rows: int = 0
    started_at: float = 0.0
    finished_at: float | None = 0.0

    @property
    def ended(self) -> bool:
        """Whether it settled its messages; those of a turn overtaken by newer ones are left to a later turn."""
        return not (self.outcome == "dropped" and self.reason == "overtaken")

    @property
    def spoke(self) -> bool:
        """Whether it answered or handed over."""
        return self.outcome in ("answered", "handed_off")


@dataclass(frozen=True)
class Chain:
    """A conversation's chain in the audit log, checked as ``metta audit verify`` does."""

    entries: int = 0
    head: int = 0
    """Number of the last entry, as turn state's table has it."""
    unkeyed: int = 0
    """Entries sealed without a key."""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """One conversation from outside."""

    id: int
    entries: tuple[Entry, ...]
    """By id."""
    status: str = "pending"
    assigned: bool = False
    """Whether a person is the assignee in the end."""
    turns: tuple[AuditedTurn, ...] = ()
    """By start."""
    skips: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Message id -> reasons."""
    queued: Mapping[int, float] = field(default_factory=dict)
    """Customer message -> when its event was first on the queue."""
    unfinished: tuple[str, ...] = ()
    """What its turn state still holds: a turn in hand, audit rows, a watch entry."""
    chain: Chain = field(default_factory=Chain)

    @property
    def customers(self) -> list[Entry]:
        """What the customer wrote."""
        return [entry for entry in self.entries if entry.author is Author.CUSTOMER]

    @property
    def ours(self) -> list[Entry]:
        """What Metta wrote, private notes included."""
        return [entry for entry in self.entries if entry.author is Author.METTA]

    @cached_property
    def turn_by_id(self) -> dict[str, AuditedTurn]:
        """The audited turns by id."""
        return {turn.id: turn for turn in self.turns}

    @cached_property
    def at_of(self) -> dict[int, float]:
        """When each message was written."""
        return {entry.id: entry.at for entry in self.entries}

    def closed_by(self, before: int) -> Entry | None:
        """What had closed the conversation to Metta just before the message ``before``; None when it was open to it.

        Closed: a person wrote, is assigned or opened it, Metta handed it over, or it is resolved. Only a status event
        opens it again; whoever is still assigned then keeps it closed.
        """
        closed: Entry | None = None
        assigned: Entry | None = None
        for entry in self.entries:
            if entry.id >= before:
                break
            if entry.assigned is not None:
                assigned = (assigned or entry) if entry.assigned else None
            if entry.status == "pending":
                closed = assigned
            elif entry.status or entry.assigned or (entry.author is Author.HUMAN and not entry.private):
                closed = closed or entry
        return closed

    def statuses(self) -> Iterator[Entry]:
        """The activities that changed the status."""
        return (entry for entry in self.entries if entry.status is not None)


@dataclass(frozen=True)
class ModelRun:
    """The first request of an agent's run."""

    at: float
    worker: str
    words: frozenset[str]
    """Words of the customer messages it was asked to answer."""
    call: Call


@dataclass(frozen=True)
class DeadLetter:
    """A record in the dead-letter queue."""

    conversation: int | None
    message_id: int | None
    event: str = "message_created"
    reason: str = ""


@dataclass(frozen=True)
class Bounds:
    """The bounds the workers ran with."""

    burst_max_seconds: float = 8.0
    max_attempts: int = 5
    max_receive_count: int = 30
    visibility_seconds: int = 15
    fifo: bool = True
    lists_messages: bool = True
    """Whether a token of the workers may list messages."""
