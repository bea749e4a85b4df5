"""A port that passes questions on to Odoo and notes what was asked, and after what: how many waves a tool call takes.

A question that was only asked once another had been answered waited for it, so it belongs to the next wave. ``metta
bench odoo`` shows calls and waves, and asks the noted questions again without the tool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from metta.integrations.odoo import OdooPort
from metta.integrations.odoo.port import Context, Domain, Record

_Answer = TypeVar("_Answer")
_TURNS_OF_THE_LOOP = 20
"""For so long nothing is answered, so that all that is asked together has been asked, however quick the server is."""


@dataclass(frozen=True)
class Asked:
    """One question.

    Attributes:
        model: the model that was asked.
        method: the port's method.
        named: its arguments by the names that Odoo has for them, without the context.
        context: Odoo's context.
        wave: 1 for what waited for no answer, one more for each answer that had to come first.
    """

    model: str
    method: str
    named: Mapping[str, Any]
    context: Mapping[str, Any]
    wave: int


@dataclass
class WavePort:
    """``OdooPort`` on another one, for one tool call at a time.

    Attributes:
        port: who answers.
        asked: the questions since the last ``start``.
    """

    port: OdooPort
    asked: list[Asked] = field(default_factory=list)
    _answered: int = 0

    def start(self) -> None:
        """Forget what was asked; a tool is about to be called."""
        self.asked, self._answered = [], 0

    @property
    def waves(self) -> int:
        """How many calls, at most, had to wait for one another."""
        return max((question.wave for question in self.asked), default=0)

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        order: str,
        context: Context | None = None,
    ) -> list[Record]:
        """See ``OdooPort.search_read``."""
        named = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order}
        answer = self.port.search_read(model, domain, fields, limit=limit, order=order, context=context)
        return await self._noted(model, "search_read", named, context, answer)

    async def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """See ``OdooPort.search_count``."""
        answer = self.port.search_count(model, domain, context=context)
        return await self._noted(model, "search_count", {"domain": list(domain)}, context, answer)

    async def fields_get(self, model: str, names: Sequence[str]) -> frozenset[str]:
        """See ``OdooPort.fields_get``."""
        named = {"allfields": list(names), "attributes": ["type"]}
        return await self._noted(model, "fields_get", named, None, self.port.fields_get(model, names))

    async def timezone(self) -> str:
        """See ``OdooPort.timezone``: known since the login, so it is a call where there was none yet."""
        return await self._noted("res.users", "context_get", {}, None, self.port.timezone())

    async def _noted(
        self, model: str, method: str, named: Mapping[str, Any], context: Context | None, answer: Awaitable[_Answer]
    ) -> _Answer:
        wave = self._answered + 1
        self.asked.append(Asked(model, method, named, context or {}, wave))
        for _ in range(_TURNS_OF_THE_LOOP):
            await asyncio.sleep(0)
        try:
            return await answer
        finally:
            self._answered = max(self._answered, wave)
