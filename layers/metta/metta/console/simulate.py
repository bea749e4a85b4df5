"""Runs a customer's messages through the real turn, against a Chatwoot in memory; nothing is sent and nothing is kept.

Guardrails, agent, Odoo, policy and model are the real ones, and so is the day's money, since it is really spent. What
else turns count (messages of a contact, orders asked for in vain) is counted for this simulation alone.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pydantic import Field

from metta.ai.misses import Tries, TriesInMemory
from metta.bounds import Counters
from metta.console.arranged import Arranged, CannotBeError, arrange
from metta.console.desk import ChatwootCall, Desk
from metta.console.request import SimulationRequest
from metta.conversation import as_incoming
from metta.errors import DependencyDown, Paused, Retry
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.chatwoot.identity import identify
from metta.integrations.chatwoot.thread import to_message
from metta.messages import ConversationKey, IncomingMessage, Outcome, OutgoingKind, Turn
from metta.nouns import Noun
from metta.policy import IdentityPolicy
from metta.ports import Audit, Chatwoot
from metta.queue.loop import LoopThread
from metta.settings import ChatwootSettings
from metta.state import ConversationState
from metta.turn import Turns

LAST_TRY_SECONDS = 10.0
"""For what the last permitted try does, which asks neither model nor tool."""
LEASE_SECONDS = 3600.0
"""Nobody else wants the conversation."""
GIVE_UP = "attempts_exhausted"


class Failure(Noun):
    """Why the first try would have gone back to the queue."""

    kind: str = Field(description="Class of the error: ModelDown, OdooDown, StateDown, Paused, Timeout, ...")
    dependency: str = Field(description="What was down; empty for none")
    after_seconds: float | None = Field(description="How long the dependency asked to be left alone")
    attempts: int = Field(description="Real tries before a person takes over (METTA_MAX_ATTEMPTS)")


class Tokens(Noun):
    """Of all calls of the model together."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0


class Simulation(Noun):
    """What came of a simulation."""

    outcome: Outcome = Field(description="How the turn ended")
    reason: str = Field(description="Why it was handed off, dropped, skipped or answered with a fixed text")
    reply: str | None = Field(description="What the customer would have been sent; null when nothing")
    handoff_note: str | None = Field(description="Private note with which a person would have been told")
    handoff_word: str | None = Field(description="What the customer would have been told of the person")
    failure: Failure | None = Field(
        description="What made the first try fail; the turn is then that of the last permitted try, which the queue "
        "would have come to if all went on like that"
    )
    tokens: Tokens
    cost_usd: float = Field(description="Of the calls of the model")
    duration_ms: float = Field(description="Of the whole turn")
    chatwoot: tuple[ChatwootCall, ...] = Field(description="What Chatwoot would have been asked to do, in order")
    turn: Turn = Field(description="The whole turn: verdicts, tool calls, calls of the model, timings")


@dataclass(frozen=True)
class Wiring:
    """What simulations are wired with.

    Attributes:
        turns: makes turns that speak to this Chatwoot, are written to this audit log and counted like this.
        counters: the real ones, of which the day's money is used.
        loop: where coroutines run.
        chatwoot: the settings of the real Chatwoot; its address and tokens are not used.
        identity: the policy's rules.
        attempts: real tries before a person takes over.
    """

    turns: Callable[[Chatwoot, Audit, Counters, Tries], Turns]
    counters: Counters
    loop: LoopThread
    chatwoot: ChatwootSettings
    identity: IdentityPolicy
    attempts: int


class Simulator:
    """Runs simulations.

    Args:
        wiring: what they are wired with.
    """

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._conversations = itertools.count(1)

    def run(self, request: SimulationRequest, *, seconds: float) -> Simulation:
        """Simulate.

        Args:
            request: what.
            seconds: for the turn; a last try is made after that.

        Raises:
            CannotBeError: no conversation is as asked for.
        """
        wiring = self._wiring
        arranged = arrange(request)
        key = ConversationKey(account_id=wiring.chatwoot.account_id, conversation_id=next(self._conversations))
        inbox_id = min(wiring.chatwoot.inbox_ids, default=1)
        desk = Desk(request, arranged, key, inbox_id=inbox_id)
        waiting = _incoming(desk, arranged, key, inbox_id)
        self._check(request, waiting[-1])
        began = time.perf_counter()
        turn, failure = wiring.loop.run(self._turn(key, desk, waiting, seconds))
        return _told(turn, failure, desk, (time.perf_counter() - began) * 1000)

    def _check(self, request: SimulationRequest, message: IncomingMessage) -> None:
        wanted, found = request.identity, identify(message, self._wiring.identity)
        if wanted is not None and found.level is not wanted.level:
            raise CannotBeError("identity.level", f"this policy makes {found.level} of it on {message.channel}")

    async def _turn(
        self, key: ConversationKey, desk: Desk, waiting: tuple[IncomingMessage, ...], seconds: float
    ) -> tuple[Turn, Failure | None]:
        wiring = self._wiring
        state = ConversationState(key=key, owner="console", lease_until=time.time() + LEASE_SECONDS, tries=1)
        chatwoot = ChatwootClient(replace(wiring.chatwoot, base_url="http://simulated.invalid"), transport=desk)
        turns = wiring.turns(chatwoot, Unaudited(), CountedHere(wiring.counters), TriesInMemory())
        try:
            try:
                async with asyncio.timeout(seconds):
                    return await turns.answer(state, waiting, _unsaved, seconds=seconds), None
            except (Retry, TimeoutError) as error:
                failure = self._failure(error)
            state.tries = wiring.attempts + 1
            last = await turns.answer(state, waiting, _unsaved, seconds=LAST_TRY_SECONDS, give_up=GIVE_UP)
            return last, failure
        finally:
            await chatwoot.aclose()

    def _failure(self, error: Retry | TimeoutError) -> Failure:
        down = error.dependency if isinstance(error, DependencyDown | Paused) else ""
        return Failure(
            kind="Timeout" if isinstance(error, TimeoutError) else type(error).__name__,
            dependency=down,
            after_seconds=error.after_seconds if isinstance(error, Retry) else None,
            attempts=self._wiring.attempts,
        )


class CountedHere:
    """A contact's messages are counted for this simulation alone; the day's money is everybody's.

    Args:
        counters: the real ones.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def add_messages(self, account_id: int, contact_id: int, hour: datetime, ids: Iterable[int], *, limit: int) -> bool:
        """Whether these messages alone are within the limit."""
        del account_id, contact_id, hour
        return len(set(ids)) <= limit

    def reserve(self, account_id: int, day: datetime, reservation: str, amount: int, *, limit: int) -> bool:
        """Of the real day."""
        return self._counters.reserve(account_id, day, reservation, amount, limit=limit)

    def settle(self, account_id: int, day: datetime, reservation: str, difference: int) -> int | None:
        """Of the real day."""
        return self._counters.settle(account_id, day, reservation, difference)


class Unaudited:
    """Stands where an audit log is wanted: a simulation is in none."""

    async def save_turn(self, turn: Turn) -> None:
        """Keep nothing."""

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """Keep nothing."""


async def _unsaved() -> None:
    """Turn state is forgotten with the simulation."""


def _incoming(desk: Desk, arranged: Arranged, key: ConversationKey, inbox_id: int) -> tuple[IncomingMessage, ...]:
    like = IncomingMessage(
        key=key,
        message_id=0,
        inbox_id=inbox_id,
        text="",
        channel=arranged.channel,
        created_at=datetime.now(UTC),
        contact=arranged.contact,
        contact_source_id=arranged.source_id,
        hmac_verified=arranged.hmac_verified,
    )
    return tuple(as_incoming(to_message(raw), like) for raw in desk.waiting)


def _told(turn: Turn, failure: Failure | None, desk: Desk, duration_ms: float) -> Simulation:
    calls, sent = turn.work.model_calls, {message.kind: message.text for message in turn.sent}
    parts = [message.text for message in turn.sent if message.kind in (OutgoingKind.REPLY, OutgoingKind.NOTE)]
    assert turn.outcome is not None  # noqa: S101 - a turn that ended has one
    return Simulation(
        outcome=turn.outcome,
        reason=turn.reason,
        reply="\n".join(parts) or None,
        handoff_note=sent.get(OutgoingKind.HANDOFF_NOTE),
        handoff_word=sent.get(OutgoingKind.HANDOFF_WORD),
        failure=failure,
        tokens=Tokens(
            input=sum(call.input_tokens for call in calls),
            cached=sum(call.cached_tokens for call in calls),
            output=sum(call.output_tokens for call in calls),
            reasoning=sum(call.reasoning_tokens for call in calls),
        ),
        cost_usd=round(sum(call.cost_usd for call in calls), 9),
        duration_ms=round(duration_ms, 3),
        chatwoot=tuple(desk.calls),
        turn=turn,
    )
