"""The tool calls that ``metta bench odoo`` measures, and the ways in which the same is asked of Odoo without the tool.

``tool`` is the shop on the client, ``call_tool`` the same as the model gets it, with texts judged and the result
bounded. ``client`` asks the tool's questions of Metta's client alone, ``bare`` asks them as any program with an event
loop would: over JSON-RPC with odoorpc's ``execute_kw`` in threads, over JSON-2 with an ``httpx`` client that keeps its
connections; as many at a time as the tool asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import odoorpc

from metta.ai.tools import call_tool
from metta.integrations.odoo import OdooClient, OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import Policy
from metta.settings import OdooSettings
from metta_local.bench.waves import Asked, WavePort

_EMAIL, _PHONE = "lena@example.org", "+4915112345678"


@dataclass(frozen=True)
class ToolCall:
    """One call as a model makes it."""

    tool: str
    argument: str
    value: Any
    identity: Identity


CALLS: dict[str, ToolCall] = {
    "getProduct": ToolCall("getProduct", "productId", 1011, Identity()),
    "getProduct, with variants": ToolCall("getProduct", "productId", 1013, Identity()),
    "searchProducts": ToolCall("searchProducts", "query", "lamp", Identity()),
    "getOrder, by e-mail": ToolCall(
        "getOrder", "orderNumber", "S00042", Identity(level=IdentityLevel.VERIFIED, email=_EMAIL)
    ),
    "getOrder, by phone": ToolCall(
        "getOrder", "orderNumber", "S00042", Identity(level=IdentityLevel.VERIFIED, phone=_PHONE)
    ),
    "getOrder, claimed": ToolCall(
        "getOrder", "orderNumber", "S00042", Identity(level=IdentityLevel.CLAIMED, email=_EMAIL)
    ),
    "getOrdersByCustomer": ToolCall(
        "getOrdersByCustomer", "email", _EMAIL, Identity(level=IdentityLevel.VERIFIED, email=_EMAIL)
    ),
}
WAYS = ("tool", "call_tool", "client", "bare")


class Ways:
    """Every way of asking, on one server; must be used in one event loop.

    Args:
        settings: where the server is.
        policy: the shop's.
    """

    def __init__(self, settings: OdooSettings, policy: Policy) -> None:
        self.client = OdooClient(settings)
        self._settings = settings
        self._shop = OdooShop(self.client, policy=policy, odoo_url=settings.url)
        self._port = WavePort(self.client)
        self._watched_shop = OdooShop(self._port, policy=policy, odoo_url=settings.url)
        self._asked: dict[str, list[Asked]] = {}
        self._bare: Callable[[Sequence[Asked]], Awaitable[None]] | None = None
        self._http: httpx.AsyncClient | None = None

    async def watch(self, name: str) -> tuple[int, int]:
        """Calls and waves of one tool call once the process is warm; its questions are remembered."""
        for _ in range(2):
            self._port.start()
            await self._tool(self._watched_shop, CALLS[name])
        self._asked[name] = self._port.asked
        return len(self._port.asked), self._port.waves

    async def ask(self, way: str, name: str) -> None:
        """Ask once, in one of ``WAYS``; ``client`` and ``bare`` need the call watched before.

        Raises:
            RuntimeError: the answer is none, so that there is nothing to measure.
        """
        if way == "tool":
            await self._tool(self._shop, CALLS[name])
        elif way == "call_tool":
            call = CALLS[name]
            told = await call_tool(call.tool, {call.argument: call.value}, shop=self._shop, identity=call.identity)
            if not told["found"]:
                raise RuntimeError(f"{name} found nothing")
        elif way == "client":
            for wave in _waves(self._asked[name]):
                await asyncio.gather(*map(self._by_client, wave))
        else:
            if self._bare is None:
                self._bare = await self._open()
            await self._bare(self._asked[name])

    async def close(self) -> None:
        """Let go of connections and threads."""
        self.client.close()
        if self._http is not None:
            await self._http.aclose()

    async def _tool(self, shop: OdooShop, call: ToolCall) -> None:
        asked: dict[str, Callable[[], Awaitable[Any]]] = {
            "getProduct": lambda: shop.get_product(call.value),
            "searchProducts": lambda: shop.search_products(call.value),
            "getOrder": lambda: shop.get_order(call.value, identity=call.identity),
            "getOrdersByCustomer": lambda: shop.get_orders_by_customer(call.value, identity=call.identity),
        }
        if not (await asked[call.tool]()).found:
            raise RuntimeError(f"{call.tool} found nothing")

    def _by_client(self, question: Asked) -> Awaitable[Any]:
        if question.method == "search_count":
            return self.client.search_count(question.model, question.named["domain"], context=question.context)
        named = dict(question.named)
        domain, fields = named.pop("domain"), named.pop("fields")
        return self.client.search_read(question.model, domain, fields, context=question.context, **named)

    async def _open(self) -> Callable[[Sequence[Asked]], Awaitable[None]]:
        """The bare client for the protocol that Metta's client speaks with this server, logged in."""
        settings, key = self._settings, self._settings.api_key.get_secret_value()
        version, protocol = await self.client.connection()
        if protocol == "json2":
            headers = {"Authorization": f"bearer {key}", "X-Odoo-Database": settings.database}
            http = self._http = httpx.AsyncClient(base_url=settings.url, headers=headers)

            async def post(question: Asked) -> None:
                body = {**question.named, "context": question.context}
                answer = await http.post(f"/json/2/{question.model}/{question.method}", json=body)
                answer.raise_for_status().json()

            async def by_httpx(asked: Sequence[Asked]) -> None:
                for wave in _waves(asked):
                    await asyncio.gather(*map(post, wave))

            return by_httpx
        address = urlsplit(settings.url)
        odoo = odoorpc.ODOO(address.hostname, port=address.port, version=version.name)
        odoo.login(settings.database, settings.username, key)

        def execute(question: Asked) -> None:
            named = dict(question.named)
            domain, options = named.pop("domain"), {**named, "context": question.context}
            odoo.execute_kw(question.model, question.method, [domain], options)

        async def by_odoorpc(asked: Sequence[Asked]) -> None:
            for wave in _waves(asked):
                await asyncio.gather(*(asyncio.to_thread(execute, question) for question in wave))

        return by_odoorpc


def _waves(asked: Sequence[Asked]) -> list[list[Asked]]:
    """The questions by wave, in order."""
    return [
        [question for question in asked if question.wave == wave]
        for wave in range(1, 1 + max(question.wave for question in asked))
    ]
