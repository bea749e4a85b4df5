"""Everything a run left behind in one place, with the questions that several checks ask of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from metta_local.chaos.journal import Call, FaultKind, Place
from metta_local.chaos.ledger import Bounds, Conversation, DeadLetter, Entry, ModelRun

LOOKS = frozenset({"get_conversation", "list_messages"})
"""Chatwoot operations by which a worker learns how a conversation stands."""
CLOCK_SLACK = 0.05
"""Seconds by which two times of one moment may differ, taken in different threads."""


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
    bounds: Bounds = field(default_factory=Bounds)

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
