"""Looks at a conversation right before something leaves (I3) and after a send that broke off (I2)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from metta.conversation import closed_reason, is_customers, is_human, list_or_none, took_over
from metta.errors import ChatwootRefused, Overtaken, Unsettled
from metta.integrations.chatwoot.transport import SETTLED_AFTER_SECONDS
from metta.messages import (
    ConversationView,
    HandOffStep,
    Outcome,
    OutgoingKind,
    Phase,
    SentMessage,
    ThreadMessage,
    Turn,
)
from metta.ports import Chatwoot
from metta.settings import ChatwootSettings
from metta.state import ConversationState

HANDOFF_MESSAGES = {
    OutgoingKind.HANDOFF_NOTE: (HandOffStep.NOTE,),
    OutgoingKind.HANDOFF_WORD: (HandOffStep.NOTE, HandOffStep.WORD),
}
"""Message of a hand-off -> the steps that are known to be done once it is there."""


class Looks:
    """Reads conversations and says what it means for a turn; sends nothing.

    Args:
        chatwoot: the API.
        settings: what is answered.
        burst_max_seconds: after this a reply is sent although a newer message came (starvation bound).
        now: clock, seconds since the epoch.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        settings: ChatwootSettings,
        *,
        burst_max_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._chatwoot = chatwoot
        self._settings = settings
        self._burst_max_seconds = burst_max_seconds
        self._now = now

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
        return self._now() - oldest.timestamp() > self._burst_max_seconds

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
