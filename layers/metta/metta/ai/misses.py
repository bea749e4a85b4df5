"""Bounds how many orders a customer whose address is only claimed may look for in vain (I8, I11).

A try is taken before the lookup and given back when the order was found or the lookup failed. So neither simultaneous
conversations of one contact nor a worker that is killed in between can learn more than the bound allows.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pydantic import BaseModel

from metta.errors import HandOff, MettaError, StateDown
from metta.integrations.odoo.order_number import order_numbers
from metta.messages import ConversationKey, Identity, IdentityLevel, Try
from metta.policy import Limits
from metta.ports import Shop
from metta.shops import Lookup, ShopAround

log = logging.getLogger(__name__)

REASON = "too_many_order_misses"
CONVERSATION_KEPT = timedelta(days=30)
"""After the last miss of a conversation; then it begins anew."""
DAY_KEPT = timedelta(days=2)
"""After a contact's day began."""


class Tries(Protocol):
    """Counts of tries by name; several workers may share them. ``StateDown`` when they cannot be reached."""

    def take_try(self, subject: str, name: str, *, limit: int, kept_until: datetime) -> Try | None:
        """Count a try once; None when there are ``limit`` others already."""
        ...

    def give_back_try(self, subject: str, name: str) -> None:
        """Count it no more."""
        ...


class TriesInMemory:
    """Tries of as long as this object lives, where no worker shares them."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def take_try(self, subject: str, name: str, *, limit: int, kept_until: datetime) -> Try | None:
        """Count a try once; None when there are ``limit`` others already."""
        del kept_until
        names = self._names.setdefault(subject, set())
        new = name not in names
        if new and len(names) >= limit:
            return None
        names.add(name)
        return Try(new=new, count=len(names))

    def give_back_try(self, subject: str, name: str) -> None:
        """Count it no more."""
        self._names.get(subject, set()).discard(name)


@dataclass(frozen=True)
class _Count:
    """One of the counts that a try is in."""

    subject: str
    limit: int
    kept_until: datetime


class BoundedShop(ShopAround):
    """A shop for one run of the agent; the orders that a claimed customer looks for are counted.

    Args:
        shop: the shop.
        tries: the counts.
        key: the conversation.
        contact_id: whose conversation it is.
        limits: ``claimed_misses`` and ``contact_claimed_misses``.
        ended: told what ends the run once the last permitted try was in vain; the lookup itself gives its result.
        now: clock, Unix seconds.
    """

    def __init__(
        self,
        shop: Shop,
        tries: Tries,
        key: ConversationKey,
        contact_id: int,
        limits: Limits,
        *,
        ended: Callable[[HandOff], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._shop = shop
        self._tries = tries
        self._key = key
        self._contact_id = contact_id
        self._limits = limits
        self._ended = ended
        self._now = now

    async def _ask(self, lookup: Lookup) -> BaseModel:
        return await lookup(self._shop)

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """As the shop's, as long as tries are left. What can be no order's number is not looked for, so it is no try.

        Raises:
            HandOff: none was left; nothing was looked up.
            StateDown: they cannot be counted; nothing was looked up.
        """
        numbers = order_numbers(order_number)
        if identity.level is not IdentityLevel.CLAIMED or not numbers:
            return await self._shop.get_order(order_number, identity=identity, language=language)
        name, counts = self._name(numbers[0], identity), self._counts()
        tries = await asyncio.to_thread(self._take, name, counts)
        try:
            result = await self._shop.get_order(order_number, identity=identity, language=language)
        except MettaError:
            newly = [count for count, taken in zip(counts, tries, strict=True) if taken.new]
            await asyncio.to_thread(self._give_back, name, newly)
            raise
        if getattr(result, "found", False) is True:
            await asyncio.to_thread(self._give_back, name, counts)
        elif any(taken.count >= count.limit for count, taken in zip(counts, tries, strict=True)):
            self._ended(HandOff("too many orders asked for in vain", reason=REASON))
        return result

    def _counts(self) -> tuple[_Count, _Count]:
        account, now = self._key.account_id, datetime.fromtimestamp(self._now(), UTC)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return (
            _Count(f"conversation#{self._key}", self._limits.claimed_misses, now + CONVERSATION_KEPT),
            _Count(
                f"contact#{account}:{self._contact_id}:{day:%Y-%m-%d}",
                self._limits.contact_claimed_misses,
                day + DAY_KEPT,
            ),
        )

    def _name(self, likeliest: str, identity: Identity) -> str:
        """The same for the same question however it is written; tells neither number nor address.

        Case and blanks do not count: a shop looks for a number as typed, without blanks and in upper case.
        """
        about = (self._key.account_id, "".join(likeliest.upper().split()), identity.email, identity.phone)
        return hashlib.sha256(repr(about).encode()).hexdigest()[:32]

    def _take(self, name: str, counts: Sequence[_Count]) -> list[Try]:
        """Take the try in each count; what one took it gives back when the next refuses."""
        tries: list[Try] = []
        for count in counts:
            taken = self._tries.take_try(count.subject, name, limit=count.limit, kept_until=count.kept_until)
            if taken is None:
                self._give_back(name, [earlier for earlier, its in zip(counts, tries, strict=False) if its.new])
                raise HandOff("no more orders may be looked for", reason=REASON)
            tries.append(taken)
        return tries

    def _give_back(self, name: str, counts: Sequence[_Count]) -> None:
        for count in counts:
            try:
                self._tries.give_back_try(count.subject, name)
            except StateDown as error:
                log.warning("an order that was not looked for in vain stays counted: %s", error)
