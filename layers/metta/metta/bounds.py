"""Bounds that reach beyond one run of the agent: a contact's messages, a day's money, a conversation in a loop (I11).

Answering asks here before the agent runs. What all workers must know together is counted behind ``Counters``, in
DynamoDB for the worker; a limit that the policy does not set costs no call.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import time
import unicodedata
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from metta.ai.usage import spent_usd, worst_case_usd
from metta.errors import BudgetExhausted, HandOff, StateDown
from metta.messages import Outcome, Turn
from metta.policy import Limits, Price
from metta.state import ConversationState

log = logging.getLogger(__name__)

HOUR = 3600.0
KEEP_RECENT = 100
"""Turns remembered per conversation; the greatest ``turns_per_hour``."""
DAY_EXHAUSTED = "budget_exhausted:day"
MICRO = 1_000_000
_TELLING_LETTERS = 30
"""A text with fewer letters keeps its digits: short questions about different orders are different questions."""
_NOT_TELLING = re.compile(r"[\s\d]+")


class Counters(Protocol):
    """Counts that all workers share. Every method raises ``StateDown`` when they cannot be reached."""

    def add_messages(self, account_id: int, contact_id: int, hour: datetime, ids: Iterable[int], *, limit: int) -> bool:
        """Count a contact's messages of an hour, each once; whether there are no more than ``limit`` now."""
        ...

    def reserve(self, account_id: int, day: datetime, reservation: str, amount: int, *, limit: int) -> bool:
        """Take ``amount`` micro-dollars of a day, unless more than ``limit`` would then be taken."""
        ...

    def settle(self, account_id: int, day: datetime, reservation: str, difference: int) -> int | None:
        """Add ``difference`` micro-dollars, mostly negative, to what a reservation took; once however often told.

        Returns:
            What is taken of the day then, in micro-dollars, where it is known.
        """
        ...


class Bounds:
    """What a turn may still use.

    Args:
        limits: of the policy.
        counters: shared counts; without them rate and money are not bounded.
        price: of the model.
        further_output: tokens that a second opinion may be answered with in a turn.
        now: clock.
        spent: told what share of the day's money is taken, in percent, for metrics.
    """

    def __init__(
        self,
        limits: Limits,
        counters: Counters | None = None,
        *,
        price: Price | None = None,
        further_output: int = 0,
        now: Callable[[], float] = time.time,
        spent: Callable[[float], None] | None = None,
    ) -> None:
        self._spent = spent or (lambda _: None)
        self._limits = limits
        self._counters = counters
        self._price = price or Price(input=0, cached=0, output=0)
        self._further_output = further_output
        self._now = now

    async def check(self, turn: Turn, state: ConversationState) -> None:
        """Count the turn's messages and look for a loop.

        Raises:
            HandOff: ``contact_rate`` or ``loop``.
            StateDown: the messages cannot be counted.
        """
        await self._count_messages(turn)
        self._find_loop(turn, state)

    async def _count_messages(self, turn: Turn) -> None:
        """In the hour in which each was written, so that a message that comes again is in the same count again."""
        limit = self._limits.contact_messages_per_hour
        if self._counters is None or limit is None:
            return
        hours: dict[datetime, list[int]] = {}
        for message in turn.messages:
            hour = message.created_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            hours.setdefault(hour, []).append(message.message_id)
        within = True
        for hour, ids in hours.items():
            within &= await asyncio.to_thread(
                self._counters.add_messages, turn.key.account_id, turn.contact.id, hour, ids, limit=limit
            )
        if not within:
            raise HandOff("the contact wrote more messages than the policy allows", reason="contact_rate")

    def _find_loop(self, turn: Turn, state: ConversationState) -> None:
        latest = [digest for at, digest in state.recent if self._now() - at < HOUR]
        if self._limits.turns_per_hour is not None and len(latest) >= self._limits.turns_per_hour:
            raise HandOff("the conversation had too many turns within an hour", reason="loop")
        text, same = text_digest(turn), 1
        for digest in reversed(latest):
            if not text or digest != text:
                break
            same += 1
        if self._limits.same_text is not None and same >= self._limits.same_text:
            raise HandOff("the customer's text is the same again and again", reason="loop")

    @asynccontextmanager
    async def paid(self, turn: Turn) -> AsyncIterator[None]:
        """Around a run of the agent: its worst case is taken from the day's money before, what it cost stays after.

        A run that is killed or cut off leaves all of it taken.

        Raises:
            BudgetExhausted: the day's money does not suffice for another run.
            StateDown: it cannot be asked.
        """
        if self._counters is None or self._limits.usd_per_day is None:
            yield
            return
        counters, day, reservation = self._counters, datetime.fromtimestamp(self._now(), UTC), uuid.uuid4().hex[:16]
        amount = micro_usd(worst_case_usd(turn.work, self._limits, self._price, further_output=self._further_output))
        if amount == 0:
            yield
            return
        limit = math.floor(self._limits.usd_per_day * MICRO)
        account, before = turn.key.account_id, spent_usd(turn.work)
        if not await asyncio.to_thread(counters.reserve, account, day, reservation, amount, limit=limit):
            log.warning("today's budget for the model is used up")
            self._spent(100.0)
            raise BudgetExhausted("the day's budget is used up", reason=DAY_EXHAUSTED)

        async def settle() -> None:
            difference = micro_usd(spent_usd(turn.work) - before) - amount
            try:
                taken = await asyncio.to_thread(counters.settle, account, day, reservation, difference)
                if taken is not None:
                    self._spent(100 * taken / limit)
            except StateDown as error:
                log.warning("what a run did not cost stays taken from the day's budget: %s", error)

        try:
            yield
        except Exception:
            await settle()
            raise
        await settle()


def micro_usd(usd: float) -> int:
    """US dollars as whole micro-dollars, rounded up."""
    return math.ceil(round(usd * MICRO, 3))


def text_digest(turn: Turn) -> str:
    """A digest of what the customer wrote, alike for texts that differ in case, space and numbers only; empty for none.

    Taken of the checked text, so that what is remembered of a turn matches it however often it was retried.
    """
    text = turn.input_verdict.text if turn.input_verdict else "\n".join(message.text for message in turn.messages)
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    bare = _NOT_TELLING.sub("", folded)
    folded = bare if sum(map(str.isalpha, bare)) >= _TELLING_LETTERS else folded
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:16] if folded else ""


def remember(turn: Turn, state: ConversationState) -> None:
    """Note an ended turn for the search for loops; only turns that told the customer something make one."""
    if turn.messages and turn.outcome in (Outcome.ANSWERED, Outcome.HANDED_OFF):
        now = state.clock()
        kept = [(at, digest) for at, digest in state.recent if now - at < HOUR]
        state.recent = [*kept, (now, text_digest(turn))][-KEEP_RECENT:]
