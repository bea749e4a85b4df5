"""Circuits: a dependency that is down pauses everybody's turns instead of burning every message's attempts (I5).

One circuit per dependency and process. After some failures in a row, of more than one conversation, it opens: calls
fail at once with ``Paused``, which counts no attempt, until its pause is over; then a single trial goes through, and
its success lets everybody through. What fails for one conversation alone stays that conversation's own attempt. The
wrappers put a circuit around a room's port; Chatwoot's client has its own around every HTTP call.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeVar

from pydantic import BaseModel

from metta.errors import DependencyDown, MettaError, Paused, SendUnknown
from metta.messages import AgentReply, AgentWork, IncomingMessage, MessageContext, Turn
from metta.ports import Agent, Audit, Shop
from metta.shops import Lookup, ShopAround

log = logging.getLogger(__name__)

T = TypeVar("T")

FAILURES = 3
"""Failures in a row that open a circuit."""
CONVERSATIONS = 2
"""Of so many conversations at least."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ASKED_SECONDS = 900.0
"""Longest pause that a dependency can ask for (Retry-After)."""
TRIAL_SECONDS = 60.0
"""A trial that did not end by then (its invocation was cut off) no longer keeps others from trying."""
SPREAD = 0.25
"""Share by which the pauses of single records differ, so that they do not come back all at once."""


working_on: ContextVar[str] = ContextVar("working_on", default="")
"""The conversation that the calling thread or task is at work on; empty for none."""
_on_trial: ContextVar[Circuit | None] = ContextVar("on_trial", default=None)
"""The circuit whose trial the calling task has claimed."""


def _untold(dependency: str) -> None:
    """Nobody wants to know."""


class Circuit:
    """Whether a dependency is worth a call. Safe to use from any thread.

    Args:
        dependency: its name in ``DependencyDown.dependency``.
        now: monotonic seconds.
    """

    def __init__(self, dependency: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self.dependency = dependency
        self._now = now
        self.on_failure: Callable[[str], None] = _untold
        """Told the dependency's name at each failed call, for metrics."""
        self._lock = threading.Lock()
        self._failures = 0
        self._failed_for: set[str] = set()
        self._pause = 0.0
        self._closed_again_at = 0.0
        self._trial_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused or on trial."""
        return self._pause > 0

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Around work that ends in a call, and is not worth doing where that would be refused.

        Raises:
            Paused: it would be. Where it would be the trial, it is claimed for the work.
        """
        trial = self._enter()
        token = _on_trial.set(self if trial else None)
        try:
            yield
        finally:
            _on_trial.reset(token)
            self._forget(trial)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call of the dependency.

        Raises:
            Paused: the circuit is open, or this was the trial and it failed.
        """
        trial = self._enter()
        try:
            yield
        except MettaError as error:
            if not isinstance(error, DependencyDown) or error.dependency != self.dependency:
                self._succeeded()  # it answered, if not as hoped for
                raise
            wait = self._failed(error.after_seconds)
            if trial and not isinstance(error, SendUnknown):
                raise self._paused(wait) from error
            raise
        except BaseException:
            self._forget(trial)
            raise
        self._succeeded()

    def _wait(self) -> float:
        now = self._now()
        if not self.is_open:
            return 0.0
        if now < self._closed_again_at:
            return self._closed_again_at - now
        return max(0.0, self._trial_until - now) and FIRST_PAUSE_SECONDS

    def _enter(self) -> bool:
        with self._lock:
            if _on_trial.get() is self:
                return self.is_open
            if (wait := self._wait()) > 0:
                raise self._paused(wait)
            if self.is_open:
                self._trial_until = self._now() + TRIAL_SECONDS
                return True
            return False

    def _failed(self, asked: float | None) -> float:
        self.on_failure(self.dependency)
        with self._lock:
            self._failures += 1
            self._failed_for.add(working_on.get())
            self._trial_until = 0.0
            if self._failures < FAILURES or len(self._failed_for) < CONVERSATIONS:
                return 0.0
            if self._now() < self._closed_again_at:  # others failed at the same time: one pause for all
                return self._closed_again_at - self._now()
            self._pause = min(LONGEST_PAUSE_SECONDS, self._pause * 2 or FIRST_PAUSE_SECONDS)
            pause = max(self._pause, min(asked or 0.0, LONGEST_ASKED_SECONDS))
            self._closed_again_at = self._now() + pause
        log.warning("%s is down: nothing is tried for %.0f s", self.dependency, pause)
        return pause

    def _succeeded(self) -> None:
        with self._lock:
            was_open = self.is_open
            self._failures, self._pause, self._closed_again_at, self._trial_until = 0, 0.0, 0.0, 0.0
            self._failed_for.clear()
        if was_open:
            log.info("%s is back", self.dependency)

    def _forget(self, trial: bool) -> None:
        if trial:
            with self._lock:
                self._trial_until = 0.0

    def _paused(self, wait: float) -> Paused:
        spread = random.uniform(1.0, 1.0 + SPREAD)  # noqa: S311 - spreads load, guards nothing
        return Paused(
            f"{self.dependency} is known to be down", dependency=self.dependency, after_seconds=max(1.0, wait * spread)
        )


class CircuitAgent:
    """An agent whose model is not called while it is down, nor for a turn whose tool waits for the shop.

    Args:
        agent: the agent.
        model, shop: circuits of what it needs.
    """

    def __init__(self, agent: Agent, *, model: Circuit, shop: Circuit) -> None:
        self._agent = agent
        self._model = model
        self._shop = shop

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        """As the agent's; a failure of the shop says nothing about the model, whose answer asked for it."""
        needs_shop = any(call.error in ("OdooDown", "Paused") for call in work.tool_calls)
        # otherwise the model would be paid for asking again what cannot be asked
        with self._shop.reserved() if needs_shop else nullcontext(), self._model.call():
            return await self._agent.run(messages, context, work, seconds=seconds)


class CircuitShop(ShopAround):
    """A shop that is not asked while it is down.

    Args:
        shop: the shop.
        circuit: its circuit.
    """

    def __init__(self, shop: Shop, circuit: Circuit) -> None:
        self._shop = shop
        self._circuit = circuit

    async def _ask(self, lookup: Lookup) -> BaseModel:
        return await through(self._circuit, lookup(self._shop))


class CircuitAudit:
    """An audit log that is not written to while it is down; what it misses waits in turn state.

    Args:
        audit: the audit log.
        circuit: its circuit.
    """

    def __init__(self, audit: Audit, circuit: Circuit) -> None:
        self._audit = audit
        self._circuit = circuit

    async def save_turn(self, turn: Turn) -> None:
        """As the audit log's."""
        await through(self._circuit, self._audit.save_turn(turn))

    async def save_skip(self, message: IncomingMessage, reason: str) -> None:
        """As the audit log's."""
        await through(self._circuit, self._audit.save_skip(message, reason))


async def through(circuit: Circuit, work: Awaitable[T]) -> T:
    """Await ``work`` inside the circuit; work that is refused is closed, not left behind unawaited."""
    started = False
    try:
        with circuit.call():
            started = True
            return await work
    finally:
        if not started and hasattr(work, "close"):
            work.close()
