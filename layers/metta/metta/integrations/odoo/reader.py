"""Reads records with the fields that this Odoo has and the bot may see; learned once per process, not per question.

Modules and versions decide which fields exist, and one missing field fails a whole read; so does one that is computed
from something the bot may not see. Both degrade to a field that is simply not in the record.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from metta.integrations.odoo.allowlist import READABLE
from metta.integrations.odoo.port import Domain, FieldMissing, NoAccess, OdooPort, Record, Refused

logger = logging.getLogger(__name__)

REFUSED_FOR_SECONDS = 600.0
"""How long a refused group of fields is left out before it is tried again; rights can be granted meanwhile."""


@dataclass(frozen=True)
class Fields:
    """What to read of a model: fields, and groups of them that can be left out when rights do not cover them."""

    basic: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = field(default=())


@contextlib.asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Questions that are asked at the same time; when one fails the others are given up and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


class Reader:
    """Reads through a port, with what is known of the server behind it.

    Args:
        port: the server.
        clock: seconds, monotonic.
    """

    def __init__(self, port: OdooPort, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.port = port
        self._clock = clock
        self._fields: dict[str, frozenset[str]] = {}
        self._refused: dict[tuple[str, tuple[str, ...]], float] = {}
        self._unreadable: set[tuple[str, Fields]] = set()
        self._searchable: set[tuple[str, str]] = set()
        self._zone: tzinfo | None = None
        self._languages: dict[str, str] | None = None
        self._country_codes: dict[int, int] | None = None
        self._lock: asyncio.Lock | None = None
        self._lock_loop: asyncio.AbstractEventLoop | None = None

    async def fields(self, model: str) -> frozenset[str]:
        """Those of the model's allowed fields that exist here; none when the model is unknown, for now."""
        if self._is_unknown(model):
            async with self._once():
                if self._is_unknown(model):
                    self._fields[model] = await self._ask_fields(model)
        return self._fields[model]

    def _is_unknown(self, model: str) -> bool:
        """Whether to ask for the fields: once, and now and then where there was no such model or no right to it."""
        known = self._fields.get(model)
        if known is None:
            return True
        return not known and self._refused.get((model, ()), 0) <= self._clock()

    async def read(
        self,
        model: str,
        domain: Domain,
        wanted: Fields,
        *,
        limit: int,
        order: str,
        language: str | None = None,
        archived: bool = False,
    ) -> list[Record]:
        """Matching records with those of the wanted fields that there are.

        Args:
            model: a model of the allow-list.
            domain: built in code, from coerced values.
            wanted: fields this Odoo lacks are left out.
            limit: at most so many records.
            order: ends in ``id``.
            language: two letters; texts come in the source language where it is not installed.
            archived: whether archived records count as well.

        Raises:
            NoAccess: even the basic fields may not be read.
            OdooDown: the server cannot be asked.
        """
        lang = await self.context(language)
        context = {"active_test": False} if archived else {}
        try:
            return await self._read(model, domain, wanted, limit, order, context | lang)
        except FieldMissing:
            # A module was removed or the server upgraded while this process lived.
            self._fields.clear()
            return await self._read(model, domain, wanted, limit, order, context | lang)
        except Refused:
            if not lang:
                raise
            # The language was deactivated while this process lived.
            self._languages = None
            return await self._read(model, domain, wanted, limit, order, context)

    async def context(self, language: str | None) -> dict[str, Any]:
        """Odoo's context for a two-letter language; empty, which means the source texts, where it is not installed."""
        if language is None:
            return {}
        if self._languages is None:
            async with self._once():
                if self._languages is None:
                    self._languages = await self._ask_languages()
        code = self._languages.get(language.lower()[:2])
        return {"lang": code} if code else {}

    async def can_search(self, model: str, name: str) -> bool:
        """Whether a model may be searched by a text field; where not, a path through it fails the whole search."""
        if (model, name) not in self._searchable and self._refused.get((model, (name,)), 0) <= self._clock():
            async with self._once():
                await self._ask_search(model, name)
        return (model, name) in self._searchable

    async def country_codes(self) -> dict[int, int]:
        """Telephone code per ``res.country`` id; empty when they may not be read."""
        if self._country_codes is None:
            async with self._once():
                if self._country_codes is None:
                    self._country_codes = await self._ask_country_codes()
        return self._country_codes

    async def zone(self) -> tzinfo:
        """Where the shop's days are told; UTC when it does not say, or names a zone that is not known here."""
        if self._zone is None:
            name = await self.port.timezone()
            try:
                self._zone = ZoneInfo(name) if name else UTC
            except (KeyError, ValueError, OSError):
                self._zone = UTC
        return self._zone

    def _once(self) -> asyncio.Lock:
        """The lock that makes simultaneous first questions one; made in the loop that runs, since it is bound to it."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock_loop is not loop:
            self._lock, self._lock_loop = asyncio.Lock(), loop
        return self._lock

    async def _read(
        self, model: str, domain: Domain, wanted: Fields, limit: int, order: str, context: dict[str, Any]
    ) -> list[Record]:
        known = await self.fields(model)
        if known.isdisjoint(wanted.basic):
            raise Refused(f"this Odoo has no {model}")
        if (model, wanted) in self._unreadable:
            # Where nothing may be read, one question is enough to hear so again; the groups come back with the right.
            names = [name for name in wanted.basic if name in known]
            await self.port.search_read(model, domain, names, limit=1, order="id", context=context)
            self._unreadable.discard((model, wanted))
        now = self._clock()
        groups = [group for group in wanted.groups if self._refused.get((model, group), 0) <= now]
        # All groups first, then without each, then without each two: the rights may lack for only one of them.
        for left_out in itertools.chain.from_iterable(
            itertools.combinations(groups, count) for count in range(len(groups) + 1)
        ):
            names = [*wanted.basic, *(name for group in groups if group not in left_out for name in group)]
            try:
                rows = await self.port.search_read(
                    model, domain, [n for n in names if n in known], limit=limit, order=order, context=context
                )
            except NoAccess:
                if len(left_out) == len(groups):
                    self._unreadable.add((model, wanted))
                    raise
                continue
            for group in left_out:
                logger.warning("Odoo's rights do not cover fields; left out", extra={"odoo_fields": " ".join(group)})
                self._refused[(model, group)] = now + REFUSED_FOR_SECONDS
            return rows
        raise AssertionError("unreachable: the last combination returns or raises")

    async def _ask_fields(self, model: str) -> frozenset[str]:
        try:
            return await self.port.fields_get(model, sorted(READABLE[model]))
        except (NoAccess, Refused):
            self._refused[(model, ())] = self._clock() + REFUSED_FOR_SECONDS
            return frozenset()

    async def _ask_languages(self) -> dict[str, str]:
        rows = await self._or_nothing(
            self.port.search_read("res.lang", [("active", "=", True)], ["code"], limit=100, order="id")
        )
        codes = sorted(str(row["code"]) for row in rows if row.get("code"))
        # de_DE before de_AT, and en_US, which the source texts are in, before any other English.
        codes.sort(key=lambda code: code != "en_US" and code[:2].upper() != code[3:5])
        found: dict[str, str] = {}
        for code in codes:
            found.setdefault(code[:2].lower(), code)
        return found

    async def _ask_search(self, model: str, name: str) -> None:
        try:
            await self.port.search_read(model, [(name, "ilike", "a")], ["id"], limit=1, order="id")
        except (NoAccess, FieldMissing, Refused):
            self._refused[(model, (name,))] = self._clock() + REFUSED_FOR_SECONDS
        else:
            self._searchable.add((model, name))

    async def _ask_country_codes(self) -> dict[int, int]:
        rows = await self._or_nothing(self.port.search_read("res.country", [], ["phone_code"], limit=300, order="id"))
        return {row["id"]: int(row["phone_code"]) for row in rows if row.get("phone_code")}

    async def _or_nothing(self, question: Awaitable[Sequence[Record]]) -> Sequence[Record]:
        try:
            return await question
        except (NoAccess, FieldMissing, Refused):
            return []
