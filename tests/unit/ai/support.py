"""A shop that behaves, a customer, and the agent with its emulated model, for the tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from metta.ai.agent import MettaAgent
from metta.messages import (
    AgentReply,
    AgentWork,
    Attachment,
    Contact,
    ConversationKey,
    HistoryEntry,
    Identity,
    IdentityLevel,
    IncomingMessage,
    MessageContext,
)
from metta.policy import Limits, Policy, load_policy
from metta.settings import ModelSettings
from metta_local.model import ModelEmulator
from metta_local.serving import LoopbackServer

MODEL = "gpt-5.6-luna"
KEY = ConversationKey(account_id=3, conversation_id=77)
LENA = Contact(id=901, name="Lena Vogt", email="lena@example.org", phone="+4915112345678")
VERIFIED = Identity(level=IdentityLevel.VERIFIED, email="lena@example.org")
CLAIMED = Identity(level=IdentityLevel.CLAIMED, email="lena@example.org")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

T = TypeVar("T")


class Result(BaseModel):
    """The shop's results have camelCase names and any fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow", serialize_by_alias=True)

    found: bool = True


NOT_FOUND = Result(found=False, nextStep="Ask for the number.")  # type: ignore[call-arg]


class FakeShop:
    """Two customers with an order each, and two lamps. ``failure`` is raised by whatever is asked next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Identity | None, str]] = []
        self.failure: BaseException | None = None
        self.delay = 0.0
        self.owners = {"S00042": "lena@example.org", "S00043": "marco@example.com"}
        self.note = "Thank you for your order."

    async def _ask(self, name: str, argument: Any, identity: Identity | None, language: str) -> None:
        self.asked.append((name, argument, identity, language))
        await asyncio.sleep(self.delay)
        if self.failure is not None:
            raise self.failure

    def _order(self, number: str) -> dict[str, Any]:
        parcel = {"status": "shipped", "carrier": "DHL", "trackingNumber": "JD014600003RH"}
        return {
            "orderNumber": number,
            "status": "confirmed order",
            "delivery": "fully shipped",
            "total": "129.90 EUR",
            "items": [{"name": "Aurora Desk Lamp", "quantity": 2}],
            "parcels": [parcel],
            "note": self.note,
        }

    async def get_product(self, product_id: object, *, language: str = "en") -> BaseModel:
        await self._ask("getProduct", product_id, None, language)
        if product_id != 1015:
            return NOT_FOUND
        return Result(
            productId=1015, name="Aurora Desk Lamp", listPrice="49.90 EUR", availability="in stock", quantityAvailable=7
        )

    async def search_products(self, query: object, *, language: str = "en") -> BaseModel:
        await self._ask("searchProducts", query, None, language)
        if "lamp" not in query.lower():
            return NOT_FOUND
        lamps = [
            {"productId": 1015, "name": "Aurora Desk Lamp", "listPrice": "49.90 EUR", "availability": "in stock"},
            {"productId": 1016, "name": "Luna Floor Lamp", "listPrice": "89.00 EUR", "availability": "out of stock"},
        ]
        return Result(products=lamps)

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        await self._ask("getOrder", order_number, identity, language)
        owner = self.owners.get(order_number)
        return Result(**self._order(order_number)) if owner and owner == identity.email else NOT_FOUND

    async def get_orders_by_customer(self, email: object, *, identity: Identity, language: str = "en") -> BaseModel:
        await self._ask("getOrdersByCustomer", email, identity, language)
        if identity.level is not IdentityLevel.VERIFIED or email != identity.email:
            return NOT_FOUND
        own = [number for number, owner in self.owners.items() if owner == email]
        return Result(orders=[self._order(number) for number in own], totalOrders=len(own))


def message(text: str, *, id_: int = 5001, attachments: tuple[Attachment, ...] = ()) -> IncomingMessage:
    return IncomingMessage(
        key=KEY, message_id=id_, inbox_id=11, text=text, created_at=NOW, contact=LENA, attachments=attachments
    )


def context(
    text: str = "",
    *,
    identity: Identity = VERIFIED,
    language: str = "en",
    history: tuple[HistoryEntry, ...] = (),
    conversation: int = 77,
) -> MessageContext:
    return MessageContext(
        key=ConversationKey(account_id=3, conversation_id=conversation),
        inbox_id=11,
        channel="Channel::WebWidget",
        contact=LENA,
        identity=identity,
        language=language,
        history=history,
        customer_text=text,
    )


def policy(**limits: Any) -> Policy:
    packaged = load_policy()
    return packaged.model_copy(update={"limits": Limits(**{**packaged.limits.model_dump(), **limits})})


@contextmanager
def served(emulator: ModelEmulator | None = None) -> Iterator[tuple[ModelEmulator, str]]:
    """The emulator on loopback and its base URL."""
    emulator = emulator or ModelEmulator()
    with LoopbackServer(emulator.app) as server:
        yield emulator, f"{server.url}/v1"


class Desk:
    """An agent at work: emulator, shop and agent, driven from a plain test function."""

    def __init__(self, emulator: ModelEmulator, url: str) -> None:
        self.emulator = emulator
        self.url = url
        self.shop = FakeShop()
        self.work = AgentWork()

    def agent(
        self,
        policy_: Policy | None = None,
        *,
        key: str | None = None,
        model: str = MODEL,
        transport: httpx2.AsyncBaseTransport | None = None,
        own_network: bool = False,
        **more: Any,
    ) -> MettaAgent:
        """An agent; unless it shall bring its ``own_network``, its transport skips loading certificates (slow)."""
        if transport is None and not own_network:
            transport = httpx2.AsyncHTTPTransport(verify=False)
        settings = ModelSettings(SecretStr(key or self.emulator.api_key), self.url, model)
        return MettaAgent(settings, policy_ or policy(), self.shop, http_transport=transport, **more)

    @asynccontextmanager
    async def open(self, agent: MettaAgent | None = None) -> AsyncIterator[MettaAgent]:
        agent = agent or self.agent()
        try:
            yield agent
        finally:
            await agent.aclose()

    def ask(
        self,
        text: str,
        *,
        agent: MettaAgent | None = None,
        seconds: float = 20,
        attachments: tuple[Attachment, ...] = (),
        **about: Any,
    ) -> AgentReply:
        """One run from beginning to end, on a loop of its own; what it did is in ``work``."""

        async def once() -> AgentReply:
            async with self.open(agent) as opened:
                given = context(text, **about)
                return await opened.run([message(text, attachments=attachments)], given, self.work, seconds=seconds)

        return asyncio.run(once())

    def sent(self, index: int = -1) -> dict[str, Any]:
        """The body of a request that reached the model."""
        body = self.emulator.requests[index].body
        assert isinstance(body, dict)
        return body

    @property
    def called(self) -> list[tuple[str, dict[str, Any]]]:
        return [(call.name, call.arguments) for call in self.work.tool_calls]


def run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(make())
