"""What a run left behind, as the checks read it: Chatwoot's messages, audit rows, records and model runs.

``collecting`` fills it from the stack after a run; tests make it by hand. Times are seconds since the epoch, ids are
Chatwoot's. Message ids grow with time in the whole installation, so they tell exactly what came before what.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from metta_local.chaos.journal import Call, FaultKind, Place

LOOKS = frozenset({"get_conversation", "list_messages"})
"""Chatwoot operations by which a worker learns how a conversation stands."""
CLOCK_SLACK = 0.05
"""Seconds by which two times of one moment may differ, taken in different threads."""


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


@dataclass(frozen=True)
class Observed:
    """Everything a run left behind."""

    conversations: tuple[Conversation, ...]
    calls: tuple[Call, ...] = ()
    """By arrival."""
    kills: tuple[tuple[float, str], ...] = ()
    """When which worker was killed."""
    crashes: tuple[str, ...] = ()
    """Workers that ended although nobody had killed them."""
    dead: tuple[DeadLetter, ...] = ()
    left_on_queue: int = 0
    settled: bool = True
    """Whether everything had come to its end before time was up."""
    bounds: Bounds = Bounds()

    @cached_property
    def calls_by_conversation(self) -> Mapping[int, Sequence[Call]]:
        """Calls that name one conversation, by arrival."""
        found: dict[int, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.conversation is not None:
                found[call.conversation].append(call)
        return found

    @cached_property
    def _by_worker(self) -> Mapping[str, tuple[list[float], list[Call]]]:
        found: dict[str, tuple[list[float], list[Call]]] = {}
        for call in self.calls:
            times, calls = found.setdefault(call.worker, ([], []))
            times.append(call.arrived_at)
            calls.append(call)
        return found

    def calls_of_worker(self, worker: str, after: float, until: float) -> list[Call]:
        """What a worker asked of anyone in a span of time, by arrival."""
        times, calls = self._by_worker.get(worker, ([], []))
        return calls[bisect_left(times, after) : bisect_right(times, until)]

    @cached_property
    def runs(self) -> list[ModelRun]:
        """The agent's runs, by start, as far as they ask about messages of this run of the harness."""
        known = {entry.word for conversation in self.conversations for entry in conversation.customers if entry.word}
        found = []
        for call in self.calls:
            if call.place is Place.MODEL and not call.detail.get("tool_results"):
                words = known & set(str(call.detail.get("input", "")).split())
                if words:
                    found.append(ModelRun(call.arrived_at, call.worker, frozenset(words), call))
        return found

    def killed(self, worker: str, after: float, until: float) -> bool:
        """Whether a worker was killed in a span of time."""
        return any(name == worker and after - CLOCK_SLACK <= at <= until + CLOCK_SLACK for at, name in self.kills)

    def post_of(self, conversation: int, entry: Entry) -> Call | None:
        """The call that made a message of Metta's; None where no proxy saw it."""
        posts = [
            call
            for call in self.calls_by_conversation.get(conversation, ())
            if call.operation == "create_message" and call.detail.get("turn_id") == entry.turn_id
        ]
        named = [call for call in posts if call.detail.get("message_id") == entry.id]
        same = [
            call
            for call in posts
            if (call.detail.get("kind"), call.detail.get("part", 0)) == (entry.kind, entry.part)
            and call.forwarded_at is not None
            and call.forwarded_at <= entry.at + CLOCK_SLACK
        ]
        return next(reversed(named or same), None)

    def looks_before(self, conversation: int, post: Call) -> list[Call]:
        """The looks at a conversation whose answers the worker had before it sent."""
        return [
            call
            for call in self.calls_by_conversation.get(conversation, ())
            if call.worker == post.worker
            and call.operation in LOOKS
            and was_told(call)
            and call.answered_at is not None
            and call.answered_at <= post.arrived_at
        ]

    def thought_before(self, conversation: int, post: Call) -> Call | None:
        """The last answer of the model about a conversation that the worker had before it sent."""
        calls = self.calls_by_conversation.get(conversation, ())
        answers = (
            call for call in calls if call.place is Place.MODEL and call.worker == post.worker and was_told(call)
        )
        return max((a for a in answers if a.arrived_at < post.arrived_at), key=lambda a: a.arrived_at, default=None)


def was_told(call: Call) -> bool:
    """Whether the worker got the place's own answer, and it was a success."""
    unharmed = call.fault is None or call.fault is FaultKind.LATENCY
    return unharmed and call.answered_at is not None and call.status is not None and 200 <= call.status < 300


def words_of(conversation: Conversation, message_ids: Collection[int]) -> frozenset[str]:
    """The words by which model requests about these messages are recognised."""
    return frozenset(entry.word for entry in conversation.customers if entry.word and entry.id in message_ids)
