"""Ends one conversation's unfinished business, its lease held: the watchdog's hand, one conversation at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from metta.circuits import working_on
from metta.conversation import is_customers, is_human, read_thread
from metta.errors import AuditDown, ChatwootRefused, Paused, Retry
from metta.looking import drop
from metta.messages import IncomingMessage, Turn
from metta.observability import log_keys
from metta.ports import Chatwoot
from metta.queue.conversations import resumable, uncovered
from metta.queue.state import TurnStates
from metta.queue.telling import end_of
from metta.state import ConversationState
from metta.turn import Turns

log = logging.getLogger(__name__)

UNANSWERED = "unanswered"
"""Why the watchdog hands a conversation over, as the note's words know it."""


class Fate(StrEnum):
    """What became of a conversation that was unfinished for too long."""

    ENDED = "ended"
    """Its turn was finished, or the customer is with a person now."""
    CLEARED = "cleared"
    """Nobody waits: a person has it, it is resolved or gone, or the answer was there."""
    WRITTEN = "written"
    """Only audit rows were missing."""
    BUSY = "busy"
    """A worker is at work on it."""
    TOO_NEW = "too_new"
    """What waits came a moment ago and is a worker's; something older was unfinished beside it."""
    FINISHED_MEANWHILE = "finished_meanwhile"
    LEFT = "left"
    """Not possible now: the next run tries again."""
    FAILED = "failed"
    """An error that nobody foresaw; the next run tries again."""


@dataclass
class Rescue:
    """What was found in a conversation and what became of it; filled while it happens."""

    fate: Fate = Fate.LEFT
    why: str = ""
    unanswered: bool = False
    """Whether a customer was waiting."""
    stranded: bool = False
    """Whether a turn was left half way."""
    turns: list[Turn] = field(default_factory=list)
    """Those that ended."""

    def ended(self, turn: Turn | None) -> None:
        """A turn ended; None is no turn."""
        if turn is not None:
            self.turns.append(turn)
            self.fate, self.why = Fate.ENDED, str(turn.outcome)

    def fields(self) -> dict[str, Any]:
        """For the log."""
        return {
            "fate": str(self.fate),
            "unanswered": self.unanswered,
            "stranded": self.stranded,
            "turns": [turn.id for turn in self.turns],
        }


class Rescuer:
    """Rescues conversations.

    Args:
        turns: runs turns; with a reason to give up, which is always given here, they call no model and no tool.
        chatwoot: tells what is hidden from a token that may not list.
        states: turn state.
        ended: told of each turn that ended, for metrics.
    """

    def __init__(
        self,
        turns: Turns,
        chatwoot: Chatwoot,
        states: TurnStates,
        *,
        ended: Callable[[Turn], None],
    ) -> None:
        self._turns = turns
        self._chatwoot = chatwoot
        self._states = states
        self._ended = ended

    async def rescue(self, state: ConversationState, cutoff: float, rescue: Rescue, *, seconds: float) -> None:
        """End what is unfinished in ``state`` since before ``cutoff``, as far as it goes now.

        Args:
            state: the conversation, lease held. Tries stay as the workers counted them.
            cutoff: Unix seconds; what a customer wrote later is not late yet.
            rescue: filled.
            seconds: time left.
        """
        working_on.set(str(state.key))
        tries = state.tries - 1
        state.tries = max(1, tries)
        rescue.fate = Fate.WRITTEN
        try:
            if state.waiting or state.hand is not None:
                await self._see_to_customer(state, cutoff, rescue, deadline=time.monotonic() + seconds)
            for turn in rescue.turns:
                with log_keys(turn=turn.id):
                    log.info("turn ended: %s %s", turn.outcome, turn.reason, extra=end_of(turn))
                self._ended(turn)
            await self._write_audit(state, rescue)
        finally:
            state.tries = 0 if rescue.turns else tries

    async def _see_to_customer(
        self, state: ConversationState, cutoff: float, rescue: Rescue, *, deadline: float
    ) -> None:
        if state.hand is not None and not late(state.hand, cutoff):
            rescue.fate = Fate.TOO_NEW
            return
        rescue.fate, rescue.unanswered, rescue.stranded = Fate.LEFT, True, state.hand is not None
        try:
            await self._end_what_waits(state, cutoff, rescue, deadline)
        except ChatwootRefused as error:
            if error.status == 404:
                self._clear(state, rescue, "conversation_gone")
            else:
                rescue.why = str(error)
        except Retry as error:
            rescue.why = str(error)

    async def _end_what_waits(self, state: ConversationState, cutoff: float, rescue: Rescue, deadline: float) -> None:
        """Finish the turn in hand, then give to a person what the customer wrote and nobody dealt with."""

        async def save() -> None:
            await asyncio.to_thread(self._states.save, state)

        async def answer(waiting: Sequence[IncomingMessage]) -> None:
            left = deadline - time.monotonic()
            rescue.ended(await self._turns.answer(state, waiting, save, seconds=left, give_up=UNANSWERED))

        if resumable(state):
            await answer(())
        if state.hand is None and (state.takeover is not None or not state.waiting):
            self._clear(state, rescue, state.takeover or "answered")
            return
        found = await self._waiting(state)
        if not found:
            if state.hand is not None:  # later turns dealt with its messages; what it did must not miss in the audit
                drop(state.hand, state, "overtaken")
            if await self._hidden(state):
                rescue.ended(await self._turns.hand_over(state, reason=UNANSWERED, covered=(), save=save))
            self._clear(state, rescue, "nobody_waits")
        elif any(message.created_at.timestamp() < cutoff for message in found):
            await answer(found)
            state.waiting = False
        elif not rescue.turns:
            rescue.unanswered, rescue.fate = False, Fate.TOO_NEW

    async def _waiting(self, state: ConversationState) -> list[IncomingMessage]:
        """What the customer waits for an answer to: as Chatwoot lists it, and as a turn that broke off knew it."""
        known = state.hand.messages if state.hand is not None else ()
        try:
            listed = await self._turns.find_waiting(state, ())
        except ChatwootRefused as error:
            if error.status == 404 or not known:
                raise
            listed = []
        both = {message.message_id: message for message in (*known, *listed)}
        return uncovered(state, [both[id_] for id_ in sorted(both)])

    async def _hidden(self, state: ConversationState) -> bool:
        """Whether a customer's message may stand behind the last one, where our tokens may see that one alone.

        Nothing waits behind our own reply or a person's, nor behind a message of the customer that was dealt with.
        """
        thread = await read_thread(self._chatwoot, await self._chatwoot.get_conversation(state.key), state)
        spoken = [message for message in thread.messages if message.message_type != "activity"]
        if thread.complete or not spoken:
            return False
        return not (spoken[-1].turn_id or is_human(spoken[-1]) or is_customers(spoken[-1]))

    @staticmethod
    def _clear(state: ConversationState, rescue: Rescue, why: str) -> None:
        """Nobody waits here, so the watchdog need not look again; what a broken-off turn had done goes to the audit."""
        if state.hand is not None:
            drop(state.hand, state, why)
        state.waiting = False
        if not rescue.turns:
            rescue.unanswered, rescue.fate, rescue.why = False, Fate.CLEARED, why

    async def _write_audit(self, state: ConversationState, rescue: Rescue) -> None:
        try:
            await self._turns.flush(state)
        except (AuditDown, Paused) as error:
            log.warning("the audit is not complete: %s", error)
            if rescue.fate is Fate.WRITTEN:
                rescue.fate, rescue.why = Fate.LEFT, str(error)


def late(hand: Turn, cutoff: float) -> bool:
    """Whether the turn in hand answers something from before ``cutoff``, or is itself a hand-over of what was late."""
    if hand.reason == UNANSWERED:
        return True
    begun = min((message.created_at for message in hand.messages), default=hand.started_at)
    return begun.timestamp() < cutoff
