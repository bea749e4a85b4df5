"""From what shall leave to what has left: re-read, look up, send or hand over, each step once (I2, I3, I5)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from metta.conversation import closed_reason, is_customers, is_human, list_or_none, took_over
from metta.errors import ChatwootDown, ChatwootRefused, MettaError, Overtaken, SendUnknown, Unsettled
from metta.guardrails import FixedText, fixed_text
from metta.handoff import note
from metta.integrations.chatwoot.format import split_for_channel
from metta.integrations.chatwoot.transport import SETTLED_AFTER_SECONDS
from metta.messages import (
    ConversationView,
    HandOffStep,
    Outcome,
    OutgoingKind,
    OutgoingMessage,
    Phase,
    SentMessage,
    ThreadMessage,
    Turn,
)
from metta.policy import TeamLanguage
from metta.ports import Chatwoot, HandOffPlan
from metta.settings import ChatwootSettings
from metta.state import ConversationState

log = logging.getLogger(__name__)

HANDOFF_MESSAGES = {
    OutgoingKind.HANDOFF_NOTE: (HandOffStep.NOTE,),
    OutgoingKind.HANDOFF_WORD: (HandOffStep.NOTE, HandOffStep.WORD),
}
"""Message of a hand-off -> the steps that are known to be done once it is there."""

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
        burst_max_seconds: after this a reply is sent although a newer message came (starvation bound).
        team_language: of the private note with which a conversation goes to a person.
        now: clock, seconds since the epoch.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        settings: ChatwootSettings,
        *,
        burst_max_seconds: float,
        team_language: TeamLanguage = "en",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._chatwoot = chatwoot
        self._settings = settings
        self._burst_max_seconds = burst_max_seconds
        self._team_language = team_language
        self._now = now

    async def make_sure(self, turn: Turn, state: ConversationState, save: Save, give_up: str | None) -> None:
        """Read the conversation again and record that sending begins; the turn is ``SENDING`` then, or nothing leaves.

        Raises:
            Overtaken: a newer customer message came; the records regroup with it.
        """
        for left in reversed(range(LOOKS)):
            await self.recheck(turn, state, give_up)
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

    async def recheck(self, turn: Turn, state: ConversationState, give_up: str | None) -> None:
        """Read the conversation again (I3); may turn the outcome into a drop or a hand-off.

        Raises:
            Overtaken: a newer customer message came; the records regroup with it.
        """
        if turn.outcome not in (Outcome.ANSWERED, Outcome.HANDED_OFF):
            return
        try:
            view = await self._chatwoot.get_conversation(turn.key)
        except ChatwootRefused as error:
            refused(turn, error)
            return
        if reason := closed_reason(view, self._settings):
            turn.outcome, turn.reason = Outcome.DROPPED, reason
            return
        newest = [m.id for m in (view.last_message, view.last_public_message) if m is not None]
        turn.seen_through = max([*turn.covered, *newest])
        overtaken, person = await self._newer(turn, view)
        if person is not None:
            took_over(state, person)
            turn.outcome, turn.reason = Outcome.DROPPED, "human_reply"
        elif overtaken and turn.outcome is Outcome.ANSWERED and not give_up and not self.starving(turn):
            drop(turn, state, "overtaken")
            raise Overtaken("a newer customer message came", after_seconds=1)
        elif not view.can_reply:
            if turn.outcome is Outcome.ANSWERED:
                turn.outcome, turn.reason = Outcome.HANDED_OFF, "cannot_reply"
            turn.handoff_done = (HandOffStep.WORD,)

    async def _newer(self, turn: Turn, view: ConversationView) -> tuple[bool, ThreadMessage | None]:
        """Whether the customer wrote after what this turn knows, and what a person of the team wrote last since."""
        known = max(turn.covered, default=turn.seen_through)  # a lone hand-off may cover no message
        last = [m for m in (view.last_message, view.last_public_message) if m is not None and m.id > known]
        if not last:
            return False, None
        newer = await list_or_none(self._chatwoot, view, after=known) or tuple(last)
        overtaken = any(is_customers(m) and m.id not in turn.covered for m in newer)
        return overtaken, next((m for m in reversed(newer) if is_human(m) and m.id > known), None)

    def starving(self, turn: Turn) -> bool:
        """Whether the turn's oldest message has waited so long that its reply is sent although a newer one came."""
        oldest = min((message.created_at for message in turn.messages), default=turn.started_at)
        return (datetime.now(UTC) - oldest).total_seconds() > self._burst_max_seconds

    async def look_up(self, turn: Turn) -> None:
        """After a try that ended while sending: find out what of it reached Chatwoot (I2).

        Raises:
            Unsettled: the last POST began so recently that its message may still be on its way.
        """
        if turn.posting_at is not None:
            settled_in = SETTLED_AFTER_SECONDS - (self._now() - turn.posting_at.timestamp())
            if settled_in > 0:
                raise Unsettled("a message may still be on its way", after_seconds=settled_in)
        found = await self._chatwoot.find_sent(turn.key, turn.id, last_known_id=turn.seen_through or None)
        if found is None:
            turn.delivery_unknown = True
            if turn.outcome is Outcome.ANSWERED:
                turn.outcome, turn.reason = Outcome.HANDED_OFF, "delivery_unknown"
            if HandOffStep.WORD not in turn.handoff_done:
                turn.handoff_done = (*turn.handoff_done, HandOffStep.WORD)
            return
        known = {(sent.kind, sent.part) for sent in turn.sent}
        for message in found:
            kind = OutgoingKind(message.kind or OutgoingKind.REPLY)
            if (kind, message.part) not in known:
                sent = SentMessage(
                    kind=kind, message_id=message.id, text=message.text, private=message.private, part=message.part
                )
                turn.sent = (*turn.sent, sent)
            # steps are taken in order: whoever sees only the last one knows that the earlier ones were taken
            reached = HANDOFF_MESSAGES.get(kind, ())
            turn.handoff_done = tuple(dict.fromkeys((*turn.handoff_done, *reached)))
        if not turn.sent and HandOffStep.NOTE not in turn.handoff_done:
            turn.phase = Phase.PREPARED  # nothing of it left: it is looked at again like any other

    async def may_go_on(self, turn: Turn, state: ConversationState) -> bool:
        """Whether the rest of a send that broke off half way may still leave: not if a person came in between (I3)."""
        if turn.delivery_unknown:
            return True  # only the note and the status are left, which are for the team
        try:
            view = await self._chatwoot.get_conversation(turn.key)
        except ChatwootRefused:
            return True  # the rest meets the same refusal, and its own answer to it
        reason = closed_reason(view, self._settings)
        if reason == "not_answerable_status" and HandOffStep.WORD in turn.handoff_done:
            reason = None  # we open it ourselves once the customer has the word
        _, person = await self._newer(turn, view)
        if person is not None:
            took_over(state, person)
        return reason is None and person is None

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
        """Typing sign off and messages marked as read; a failure is logged and forgotten."""
        calls: list[Awaitable[object]] = [self._chatwoot.mark_as_read(turn.key)] if turn.sent else []
        if turn.work.model_calls:
            calls.append(self._chatwoot.set_typing(turn.key, on=False))
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
                if self._now() - noted > FRESH_SECONDS and not await self.may_go_on(turn, state):
                    raise _PersonCameError
            else:
                turn.posting_at = None
                await save()

        shadow = self._settings.send_as == "note"
        done = (HandOffStep.WORD, HandOffStep.STATUS, HandOffStep.TEAM) if shadow else turn.handoff_done
        plan = HandOffPlan(
            turn_id=turn.id,
            note=self._note(turn, state),
            word=None if HandOffStep.WORD in done else fixed_text(FixedText.HANDOFF_WORD, turn.language),
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
        now = datetime.fromtimestamp(self._now(), UTC)
        return note(turn, self._team_language, now=now, waiting_since=since)


class _PersonCameError(Exception):
    """A person wrote, or took the conversation, in the middle of a hand-off."""


def drop(turn: Turn, state: ConversationState, reason: str) -> None:
    """End a turn whose reply is not sent; its messages stay uncovered and are answered by a later turn."""
    turn.outcome, turn.reason, turn.phase = Outcome.DROPPED, reason, Phase.SENT
    turn.finished_at = datetime.now(UTC)
    state.outbox.append(turn)
    state.hand = None


def refused(turn: Turn, error: ChatwootRefused) -> None:
    """Chatwoot will never take the reply: a person takes over, unless the conversation is gone."""
    if error.status == 404:
        turn.outcome, turn.reason = Outcome.DROPPED, "conversation_gone"
    else:
        turn.outcome, turn.reason = Outcome.HANDED_OFF, error.reason
