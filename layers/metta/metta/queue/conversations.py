"""One conversation's share of a batch: state changes applied, waiting messages answered, audit flushed, lease held."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from metta.circuits import working_on
from metta.delivery import Save
from metta.errors import NotStarted, QuietWindow, StateDown
from metta.integrations.chatwoot.filter import ChangeKind, StateChange
from metta.messages import IncomingMessage, Phase, Turn
from metta.observability import log_keys
from metta.queue.loop import LoopThread
from metta.queue.records import Group, Record
from metta.queue.state import LEASE_SECONDS, TurnStates
from metta.queue.telling import end_of
from metta.settings import Settings
from metta.state import ConversationState
from metta.turn import Turns

log = logging.getLogger(__name__)

T = TypeVar("T")

RENEW_SECONDS = LEASE_SECONDS / 3
LEAST_SECONDS = 15.0
"""A turn is not started with less time than this."""


def quiet_seconds(group: Group, settings: Settings, now: float) -> float:
    """How long the group should still wait for followers of a burst; 0 when it may be answered."""
    sent = [record.sent_at for record in group.records if record.sent_at is not None and has_answer(record)]
    if not sent:
        return 0.0
    waited, silent = now - min(sent), now - max(sent)
    if waited >= settings.burst_max_seconds:
        return 0.0
    # a clock that is behind the queue's must not stretch the window
    return max(0.0, min(settings.burst_quiet_seconds - max(0.0, silent), settings.burst_max_seconds - waited))


def has_answer(record: Record) -> bool:
    """Whether it is a customer message to be answered."""
    return record.decision is not None and record.decision.answer is not None


def answers(group: Group) -> list[IncomingMessage]:
    """The group's customer messages that are to be answered, by message id, each once."""
    found = {r.decision.answer.message_id: r.decision.answer for r in group.records if r.decision and r.decision.answer}
    return [found[id_] for id_ in sorted(found)]


def changes(group: Group) -> list[StateChange]:
    """The state changes that the group's events ask for, oldest first as far as they say."""
    found = [r.decision.change for r in group.records if r.decision and r.decision.change]
    return sorted(found, key=lambda change: change.at.timestamp() if change.at else 0.0)


class Conversations:
    """Settles groups. Called from group threads; all coroutines run on the one loop.

    Args:
        turns: runs turns.
        states: turn state.
        loop: the process's event loop.
        settings: quiet window and attempts.
        ended: told of each turn that ended, for metrics.
    """

    def __init__(
        self,
        turns: Turns,
        states: TurnStates,
        loop: LoopThread,
        settings: Settings,
        *,
        ended: Callable[[Turn], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._turns = turns
        self._states = states
        self._loop = loop
        self._settings = settings
        self._ended = ended
        self._now = now

    def wait_for_burst(self, group: Group) -> None:
        """Raise ``QuietWindow`` while followers of a burst may still come."""
        if (wait := quiet_seconds(group, self._settings, self._now())) > 0:
            raise QuietWindow("a burst may still be going on", after_seconds=wait)

    def settle(self, group: Group, *, seconds: float, can_wait: bool) -> list[Turn]:
        """Bring all that waits in the group to an end.

        Args:
            group: records of one conversation.
            seconds: time left for all of it.
            can_wait: whether records may go back for a short while.

        Returns:
            The turns that ended.

        Raises:
            Retry: the whole group comes back.
        """
        if not answers(group) and not changes(group):
            return []
        working_on.set(str(group.key))
        with self._states.held(group.key, waiting=bool(answers(group))) as state:
            work = self._work(state, group, seconds, can_wait=can_wait)
            return self._loop.run(holding(self._states, state, work), seconds=seconds)

    async def _work(self, state: ConversationState, group: Group, seconds: float, *, can_wait: bool) -> list[Turn]:
        deadline = time.monotonic() + seconds

        async def save() -> None:
            await asyncio.to_thread(self._states.save, state)

        turns: list[Turn] = []
        looked = False
        waiting, untried = answers(group), state.tries - 1
        failures = [change for change in changes(group) if change.kind is ChangeKind.DELIVERY_FAILED]
        for change in changes(group):
            if change not in failures and apply(state, change) is ChangeKind.PENDING:
                looked = True
                waiting = self._joined(waiting, await self._turns.find_waiting(state, waiting), can_wait=can_wait)
                state.waiting = state.waiting or bool(waiting)
        while (waiting := uncovered(state, waiting)) or resumable(state):
            left = deadline - time.monotonic()
            if turns and left < LEAST_SECONDS:
                raise NotStarted("too little time left for a further turn", after_seconds=1)
            turns.append(
                await self._turns.answer(state, waiting, save, seconds=left, give_up=self._give_up(state, group))
            )
            self._report(turns[-1])
            waiting = [message for message in waiting if message.message_id not in turns[-1].covered]
            state.tries = 1  # a further turn of this group starts with its first try
        if turns or looked or answers(group):
            state.waiting = False
        for change in failures:  # only now: a turn in hand must have come to its end first
            turns += await self._refused_by_channel(state, change, save)
        state.tries = 0 if turns else untried
        await self._turns.flush(state)
        return turns

    def _report(self, turn: Turn) -> None:
        with log_keys(turn=turn.id):
            log.info("turn ended: %s %s", turn.outcome, turn.reason, extra=end_of(turn))
        self._ended(turn)

    async def _refused_by_channel(self, state: ConversationState, change: StateChange, save: Save) -> list[Turn]:
        if change.message_id is None or state.is_covered(change.message_id):
            return []
        turn = await self._turns.hand_over(state, reason="delivery_failed", covered=[change.message_id], save=save)
        if turn is None:
            return []
        self._report(turn)
        return [turn]

    def _joined(
        self, waiting: list[IncomingMessage], found: list[IncomingMessage], *, can_wait: bool
    ) -> list[IncomingMessage]:
        """Add messages that were found by reading; one so new that its own event is still under way waits for it."""
        age = min((self._now() - message.created_at.timestamp() for message in found), default=None)
        if can_wait and age is not None and age < self._settings.burst_quiet_seconds:
            raise QuietWindow("its own event may be on the way", after_seconds=self._settings.burst_quiet_seconds - age)
        both = {message.message_id: message for message in (*found, *waiting)}
        return [both[id_] for id_ in sorted(both)]

    def _give_up(self, state: ConversationState, group: Group) -> str | None:
        """Why this is the last permitted try of either kind; it calls no model and no tool."""
        if state.tries > self._settings.metta_max_attempts:
            return "attempts_exhausted"
        if max(record.receive_count for record in group.records) >= self._settings.sqs_max_receive_count:
            return "receives_exhausted"
        return None

    def skip(self, record: Record) -> None:
        """Record why a customer's message is not answered; other events are only logged."""
        decision = record.decision
        if decision is None or decision.skip is None:
            return
        log.info("skipped: %s", decision.skip, extra={"reason": decision.skip})
        if decision.message is not None:
            self._loop.run(self._turns.skip(decision.message, decision.skip), seconds=20)


async def holding(states: TurnStates, state: ConversationState, work: Coroutine[Any, Any, T]) -> T:
    """Do ``work`` while the lease is renewed; it is broken off when the lease is lost.

    Raises:
        ConversationBusy: the lease was lost.
    """

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(StateDown):  # the next renewal comes before the lease ends; no save succeeds after
                await asyncio.to_thread(states.renew, state)

    working, renewing = asyncio.ensure_future(work), asyncio.ensure_future(renew())
    try:
        await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            renewing.result()
        return await working
    finally:
        for task in (working, renewing):
            task.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)


def resumable(state: ConversationState) -> bool:
    """Whether a turn in hand can go on without any of its messages in the batch."""
    return state.hand is not None and state.hand.phase is not Phase.STARTED


def uncovered(state: ConversationState, messages: Sequence[IncomingMessage]) -> list[IncomingMessage]:
    """Those of ``messages`` that nobody dealt with yet."""
    return [message for message in messages if not state.is_covered(message.message_id)]


def apply(state: ConversationState, change: StateChange) -> ChangeKind | None:
    """Apply a change unless a later one was seen already; returns its kind when it took effect."""
    at = change.at.timestamp() if change.at else state.changed_at
    if at < state.changed_at:
        return None
    state.changed_at = at
    if change.kind is ChangeKind.TAKEOVER:
        state.takeover = "human"
    else:
        state.takeover = None
        if change.kind is ChangeKind.RESOLVED and change.message_id is not None:
            state.resolved_through = max(state.resolved_through, change.message_id)
    return change.kind
