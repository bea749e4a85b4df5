"""One customer turn: from the waiting messages to a sent reply, a drop or a person, readable on one page.

The queue room holds the conversation's lease, calls ``Turns.answer`` and keeps the state that ``save`` writes. Every
step that has an effect outside is recorded before (``SENDING``) and after (``SENT``), so that whatever is killed or
retried, the next try knows what may have happened. The audit is written last, from the state (``flush``).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from metta.answering import Answering
from metta.bounds import Bounds, remember
from metta.conversation import as_incoming, closed_reason, read_thread
from metta.delivery import Delivery, Save
from metta.disclosing import remember_told
from metta.errors import AuditDown, Paused
from metta.looking import Looks, drop
from metta.messages import HandOffStep, IncomingMessage, Outcome, Phase, Turn
from metta.observability import log_keys, span
from metta.policy import Policy
from metta.ports import Agent, Audit, Chatwoot, Guardrails, SecondOpinion
from metta.settings import ChatwootSettings
from metta.state import ConversationState
from metta.timing import timed


class Turns:
    """Runs turns; stateless, one per process.

    Args:
        chatwoot, agent, guardrails, audit: the rooms.
        policy: limits and identity rules.
        settings: what is answered and how it is sent.
        burst_max_seconds: after this a reply is sent although a newer message came (starvation bound).
        now: clock, seconds since the epoch.
        bounds: what contact, conversation and day may still use; without them only loops are looked for.
        second_opinion: who else is asked about a customer's text; nobody when None.
    """

    def __init__(
        self,
        chatwoot: Chatwoot,
        agent: Agent,
        guardrails: Guardrails,
        audit: Audit,
        policy: Policy,
        settings: ChatwootSettings,
        *,
        burst_max_seconds: float,
        now: Callable[[], float] = time.time,
        bounds: Bounds | None = None,
        second_opinion: SecondOpinion | None = None,
    ) -> None:
        self._chatwoot = chatwoot
        self._guardrails = guardrails
        self._audit = audit
        self._policy = policy
        self._settings = settings
        self._answering = Answering(
            chatwoot,
            agent,
            guardrails,
            policy,
            settings,
            bounds or Bounds(policy.limits, now=now),
            second_opinion=second_opinion,
        )
        self._looks = Looks(chatwoot, settings, burst_max_seconds=burst_max_seconds, now=now)
        self._delivery = Delivery(
            chatwoot,
            settings,
            self._looks,
            team_language=policy.note_language,
            hours=policy.working_hours,
            upset_priority=policy.checks.upset_priority,
            now=now,
        )

    async def answer(
        self,
        state: ConversationState,
        waiting: Sequence[IncomingMessage],
        save: Save,
        *,
        seconds: float,
        give_up: str | None = None,
    ) -> Turn:
        """Bring the turn in hand, or a new one for ``waiting``, to its end.

        Args:
            state: the conversation, lease held.
            waiting: uncovered customer messages, by id; may be empty when a turn is in hand.
            save: writes ``state``.
            seconds: time left for the whole turn.
            give_up: why no model and no tool may be called any more (last permitted attempt or receive).

        Raises:
            Retry: comes back; what was achieved is in ``state``.
        """
        deadline = time.monotonic() + seconds
        turn = self._take_up(state, waiting)
        with log_keys(turn=turn.id), span("turn", turn=turn.id, attempt=turn.attempt) as traced:
            try:
                await self._bring_to_end(turn, state, waiting, save, deadline, give_up)
            except Exception as error:
                vars(error)["turn"] = turn.id  # for the line of whoever gives the records back
                raise
            traced.annotate(outcome=str(turn.outcome), reason=turn.reason)
        return turn

    async def _bring_to_end(
        self,
        turn: Turn,
        state: ConversationState,
        waiting: Sequence[IncomingMessage],
        save: Save,
        deadline: float,
        give_up: str | None,
    ) -> None:
        if turn.phase is Phase.STARTED:
            await self._answering.prepare(turn, waiting, state, deadline=deadline, give_up=give_up)
            turn.phase = Phase.PREPARED  # written with the next step, or by the lease's keeper if that fails
        elif turn.phase is Phase.SENDING:
            await self._looks.look_up(turn)
            if turn.phase is Phase.SENDING and not await self._looks.may_go_on(turn, state):
                end(turn, state)
                await save()
                return
            if turn.phase is Phase.SENDING:
                await self._delivery.begin(turn, save)  # its rest is a send like any other
        if turn.phase is Phase.PREPARED:
            with timed(turn, "recheck"):
                await self._delivery.make_sure(turn, state, save, give_up)
        if turn.phase is Phase.SENDING:
            with timed(turn, "send"):
                await self._delivery.deliver(turn, state, save)
        end(turn, state)
        await save()
        await self._delivery.courtesies(turn)

    async def flush(self, state: ConversationState) -> None:
        """Write the audit of ended turns; on ``AuditDown`` and ``Paused`` what is not written stays in the state."""
        failure: AuditDown | Paused | None = None
        for turn in list(state.outbox):
            try:
                with log_keys(turn=turn.id), span("audit", turn=turn.id):
                    await self._audit.save_turn(turn)
            except (AuditDown, Paused) as error:
                failure = error  # the others are tried all the same
            else:
                state.outbox.remove(turn)
        state.unwritten = 0 if failure is None else state.unwritten + 1
        if failure is not None:
            failure.tries = state.unwritten
            raise failure

    async def skip(self, message: IncomingMessage, reason: str) -> None:
        """Record that a customer message is not answered."""
        await self._audit.save_skip(self._sanitized(message), reason)

    async def find_waiting(self, state: ConversationState, at_hand: Sequence[IncomingMessage]) -> list[IncomingMessage]:
        """Unanswered customer messages of a conversation that was given back to Metta without a message event."""
        view = await self._chatwoot.get_conversation(state.key)
        if closed_reason(view, self._settings) or view.contact is None:
            return []
        thread = await read_thread(self._chatwoot, view, state)
        like = (
            at_hand[-1]
            if at_hand
            else IncomingMessage(
                key=state.key,
                message_id=0,
                inbox_id=view.inbox_id,
                text="",
                channel=view.channel,
                created_at=datetime.now(UTC),
                contact=view.contact,
                contact_source_id=view.contact_source_id,
                hmac_verified=bool(view.hmac_verified),
                language_hint=view.language_hint,
            )
        )
        return [as_incoming(message, like) for message in thread.waiting(state)]

    async def hand_over(
        self, state: ConversationState, *, reason: str, covered: Sequence[int], save: Save
    ) -> Turn | None:
        """Hand the conversation to a person without answering anything; no word to the customer, only note and status.

        For what no customer message stands behind: a reply that the channel refused, a customer found waiting whose
        words no token may read. Takes the place of the turn in hand until it is done.

        Args:
            state: the conversation, lease held.
            reason: why, as the note's words know it.
            covered: message ids that are dealt with by it.
            save: writes ``state``.

        Returns:
            The turn; None when the conversation is a person's already or nobody's to answer.

        Raises:
            Retry: comes back; a hand-over that began is the turn in hand then.
        """
        view = await self._chatwoot.get_conversation(state.key)
        if closed_reason(view, self._settings) or view.contact is None:
            state.cover(covered)
            return None
        turn = Turn(
            id=new_turn_id(),
            key=state.key,
            inbox_id=view.inbox_id,
            channel=view.channel,
            contact=view.contact,
            language=view.language_hint or self._policy.default_language,
            covered=tuple(covered),
            seen_through=max((m.id for m in (view.last_message, view.last_public_message) if m is not None), default=0),
            started_at=datetime.now(UTC),
            phase=Phase.SENDING,
            outcome=Outcome.HANDED_OFF,
            reason=reason,
            handoff_done=(HandOffStep.WORD,),
        )
        waiting, state.hand = state.hand, turn
        with log_keys(turn=turn.id), span("turn", turn=turn.id, outcome=str(turn.outcome), reason=reason):
            await self._delivery.begin(turn, save)
            with timed(turn, "send"):
                await self._delivery.deliver(turn, state, save)
        end(turn, state)
        state.hand = waiting
        await save()
        return turn

    def _take_up(self, state: ConversationState, waiting: Sequence[IncomingMessage]) -> Turn:
        """The turn in hand, if it still answers what waits; else a new one (an unsent older one is dropped)."""
        hand = state.hand
        if hand is not None:
            hand.attempt = state.tries
            if hand.phase is Phase.SENDING:
                return hand
            overtaken = any(message.message_id not in hand.covered for message in waiting)
            if hand.phase is Phase.PREPARED and (not overtaken or self._looks.starving(hand)):
                return hand
            if hand.phase is Phase.PREPARED:
                drop(hand, state, "overtaken")
                hand = None
        if not waiting:
            raise LookupError("no turn in hand and nothing waiting")
        newest = waiting[-1]
        turn = Turn(
            id=hand.id if hand else new_turn_id(),
            key=state.key,
            inbox_id=newest.inbox_id,
            channel=newest.channel,
            contact=newest.contact,
            messages=tuple(self._sanitized(message) for message in waiting),
            covered=tuple(message.message_id for message in waiting),
            attempt=state.tries,
            started_at=hand.started_at if hand else datetime.now(UTC),
        )
        if hand is not None:
            turn.work = hand.work
        state.hand = turn
        return turn

    def _sanitized(self, message: IncomingMessage) -> IncomingMessage:
        return message.model_copy(update={"text": self._guardrails.sanitize(message.text)})


def end(turn: Turn, state: ConversationState) -> None:
    """The turn is over: nothing but its audit is left to do.

    What was left to a person is not covered: it still waits when the conversation is given back unanswered.
    """
    turn.phase = Phase.SENT
    turn.finished_at = datetime.now(UTC)
    if turn.outcome in (Outcome.ANSWERED, Outcome.HANDED_OFF):
        state.cover(turn.covered)
    remember(turn, state)
    remember_told(turn, state)
    state.outbox.append(turn)
    state.hand = None
    state.tries = 0


def new_turn_id() -> str:
    """A turn's id; random, since the set of messages it answers may still change."""
    return f"t-{uuid.uuid4().hex}"
