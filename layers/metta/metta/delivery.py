"""From what shall leave to what has left: a fresh look, then sent or handed over, each step once (I2, I3, I5)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from metta.errors import ChatwootDown, ChatwootRefused, MettaError, SendUnknown
from metta.guardrails import handoff_word
from metta.handoff import note
from metta.integrations.chatwoot.format import split_for_channel
from metta.integrations.chatwoot.transport import SETTLED_AFTER_SECONDS
from metta.looking import Looks, refused
from metta.messages import (
    HandOffStep,
    Outcome,
    OutgoingKind,
    OutgoingMessage,
    Phase,
    SentMessage,
    Turn,
)
from metta.policy import TeamLanguage, WorkingHours
from metta.ports import Chatwoot, HandOffPlan
from metta.settings import ChatwootSettings
from metta.state import ConversationState

log = logging.getLogger(__name__)

FRESH_SECONDS = 2.0
"""A look at the conversation that is older than this is taken again before anything is sent."""
LOOKS = 3
"""Looks for one reply; when writing turn state is slow that often in a row, the last one has to do."""

Save = Callable[[], Awaitable[None]]
"""Writes the conversation's state, still holding the lease; raises when the lease was lost."""


class Delivery:
    """Brings a decided turn to the customer or to a person.

    Args:
        chatwoot: the API.
        settings: how and where replies go.
        looks: looks at the conversation before anything leaves.
        team_language: of the private note with which a conversation goes to a person.
        hours: of the team, for the word to the customer.
        upset_priority: of conversations with upset customers; None leaves it as it is.
        now: clock, seconds since the epoch.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        settings: ChatwootSettings,
        looks: Looks,
        *,
        team_language: TeamLanguage = "en",
        hours: WorkingHours | None = None,
        upset_priority: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._chatwoot = chatwoot
        self._settings = settings
        self._looks = looks
        self._team_language = team_language
        self._hours = hours
        self._upset_priority = upset_priority
        self._now = now

    async def make_sure(self, turn: Turn, state: ConversationState, save: Save, give_up: str | None) -> None:
        """Read the conversation again and record that sending begins; the turn is ``SENDING`` then, or nothing leaves.

        Raises:
            Overtaken: a newer customer message came; the records regroup with it.
        """
        for left in reversed(range(LOOKS)):
            await self._looks.recheck(turn, state, give_up)
            looked = self._now()
            if turn.outcome not in (Outcome.ANSWERED, Outcome.HANDED_OFF):
                turn.phase = Phase.PREPARED
                return
            turn.phase = Phase.SENDING
            await self.begin(turn, save)
            if not left or self._now() - looked <= FRESH_SECONDS:
                return
            turn.phase = Phase.PREPARED  # nothing has left yet

    async def begin(self, turn: Turn, save: Save) -> None:
        """Record that a POST is about to begin."""
        turn.posting_at = datetime.fromtimestamp(self._now(), UTC)
        await save()

    async def deliver(self, turn: Turn, state: ConversationState, save: Save) -> None:
        """Send what is not known to be sent yet.

        Raises:
            SendUnknown: a message may or may not have been created; the next try looks it up first.
            ChatwootDown, ChatwootRefused: it was not.
        """
        try:
            if turn.outcome is Outcome.ANSWERED:
                try:
                    await self._send_reply(turn, state, save)
                except ChatwootRefused as error:
                    refused(turn, error)
                    await self.begin(turn, save)
            if turn.outcome is Outcome.HANDED_OFF:
                try:
                    await self._hand_off(turn, state, save)
                except ChatwootRefused as error:
                    raise ChatwootDown(f"the hand-off was refused: {error}") from error
        except SendUnknown:
            raise
        except MettaError:
            turn.posting_at = None  # whatever was asked for, Chatwoot has answered: nothing is on its way
            raise

    async def _send_reply(self, turn: Turn, state: ConversationState, save: Save) -> None:
        kind = OutgoingKind.NOTE if self._settings.send_as == "note" else OutgoingKind.REPLY
        last = max((sent.part for sent in turn.sent if sent.kind is kind), default=-1)
        source = turn.messages[-1].contact_source_id if turn.messages else ""
        for part, text in enumerate(split_for_channel(turn.reply or "", turn.channel, source_id=source)):
            if part > last:
                if state.lease_left < SETTLED_AFTER_SECONDS:  # whoever takes over then may look the message up at once
                    await self.begin(turn, save)
                turn.posting_at = datetime.fromtimestamp(self._now(), UTC)
                message = OutgoingMessage(
                    key=turn.key,
                    turn_id=turn.id,
                    kind=kind,
                    text=text,
                    channel=turn.channel,
                    private=kind is OutgoingKind.NOTE,
                    part=part,
                )
                turn.sent = (*turn.sent, await self._chatwoot.send_message(message))

    async def courtesies(self, turn: Turn) -> None:
        """Typing sign off, messages marked as read, an upset customer's priority; a failure is logged and forgotten."""
        calls: list[Awaitable[object]] = [self._chatwoot.mark_as_read(turn.key)] if turn.sent else []
        if turn.work.model_calls:
            calls.append(self._chatwoot.set_typing(turn.key, on=False))
        if turn.upset and turn.sent and self._upset_priority and self._settings.send_as != "note":
            calls.append(self._chatwoot.raise_priority(turn.key, self._upset_priority))
        for result in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(result, MettaError):
                log.info("a courtesy was not possible: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def _hand_off(self, turn: Turn, state: ConversationState, save: Save) -> None:
        """Note, word, status, team: each recorded once it is done. In shadow mode only the note is written."""

        async def recorded(step: HandOffStep, sent: SentMessage | None) -> None:
            turn.handoff_done = (*turn.handoff_done, step)
            if sent is not None:
                turn.sent = (*turn.sent, sent)
            if step is HandOffStep.NOTE and plan.word is not None:
                noted = self._now()
                await self.begin(turn, save)  # the word comes next
                if self._now() - noted > FRESH_SECONDS and not await self._looks.may_go_on(turn, state):
                    raise _PersonCameError
            else:
                turn.posting_at = None
                await save()

        shadow = self._settings.send_as == "note"
        done = (HandOffStep.WORD, HandOffStep.STATUS, HandOffStep.TEAM) if shadow else turn.handoff_done
        plan = HandOffPlan(
            turn_id=turn.id,
            note=self._note(turn, state),
            word=None if HandOffStep.WORD in done else handoff_word(turn.language, self._hours, self._today()),
            channel=turn.channel,
            team_id=self._settings.handoff_team_id,
            done=tuple({*done, *turn.handoff_done}),
        )
        try:
            await self._chatwoot.hand_off(turn.key, plan, recorded)
        except _PersonCameError:  # while the note was being recorded: nothing is left to be arranged
            turn.posting_at = None
            return
        if not shadow:
            state.takeover = "handed_off"

    def _note(self, turn: Turn, state: ConversationState) -> str:
        since = None if state.since is None else datetime.fromtimestamp(state.since, UTC)
        return note(turn, self._team_language, now=self._today(), waiting_since=since)

    def _today(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


class _PersonCameError(Exception):
    """A person wrote, or took the conversation, in the middle of a hand-off."""
