"""One loopback server for all Odoo tests; each test puts an emulator of its own behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from metta.integrations.odoo import OdooClient, OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import IdentityPolicy, Limits, Policy
from metta.settings import OdooSettings
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer


class Switch:
    """An ASGI application whose inner one can be changed while it is served; notes when each request began."""

    def __init__(self) -> None:
        self.app: Any = None
        self.requests: list[tuple[float, str]] = []
        """Seconds, monotonic, and path."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append((time.monotonic(), scope["path"]))
        await self.app(scope, receive, send)


@dataclass
class Bench:
    """An emulator, the real adapter that points at it over loopback, and the shop on top."""

    emulator: OdooEmulator
    rpc: OdooClient
    shop: OdooShop
    switch: Switch

    def run(self, work: Coroutine[Any, Any, BaseModel]) -> dict[str, Any]:
        """The result of a tool as the model would get it."""
        return asyncio.run(work).model_dump(mode="json")

    def product(self, product_id: Any, **kwargs: Any) -> dict[str, Any]:
        return self.run(self.shop.get_product(product_id, **kwargs))

    def search(self, query: Any, **kwargs: Any) -> dict[str, Any]:
        return self.run(self.shop.search_products(query, **kwargs))

    def order(self, number: Any, identity: Identity, **kwargs: Any) -> dict[str, Any]:
        return self.run(self.shop.get_order(number, identity=identity, **kwargs))

    def orders(self, address: Any, identity: Identity) -> dict[str, Any]:
        return self.run(self.shop.get_orders_by_customer(address, identity=identity))

    def asked(self, model: str) -> list[Any]:
        """The calls on a model so far."""
        return [call for call in self.emulator.calls if call.model == model]


Serve = Callable[..., Bench]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., Any]]:
    """Runs coroutines one after the other in one loop."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def _switch() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with LoopbackServer(switch) as server:
        yield switch, server.url


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metta.integrations.odoo.client.RETRY_PAUSE_SECONDS", 0.01)


@pytest.fixture
def serve(_switch: tuple[Switch, str]) -> Iterator[Serve]:
    """Makes a bench; keywords go to the emulator, except those of adapter and policy."""
    opened: list[OdooClient] = []
    switch, url = _switch

    def make(
        version: str = "18.0",
        *,
        timeout_seconds: float = 8,
        database: str | None = None,
        calls_per_second: float | None = None,
        company_orders: bool = False,
        result_chars: int = 6000,
        **kwargs: Any,
    ) -> Bench:
        emulator = OdooEmulator(version, **kwargs)
        switch.app = emulator.app
        switch.requests.clear()
        settings = OdooSettings(url, database or emulator.database, emulator.username, SecretStr(emulator.api_key))
        rpc = OdooClient(settings, timeout_seconds=timeout_seconds, calls_per_second=calls_per_second)
        opened.append(rpc)
        policy = Policy(
            limits=Limits(tool_result_chars=result_chars), identity=IdentityPolicy(company_orders=company_orders)
        )
        return Bench(emulator, rpc, OdooShop(rpc, policy=policy, odoo_url="https://shop.example"), switch)

    yield make
    for rpc in opened:
        rpc.close()


@pytest.fixture
def bench(serve: Serve) -> Bench:
    """An Odoo 18 with every module."""
    return serve()


def verified(email: str | None = None, phone: str | None = None, partner_id: int | None = None) -> Identity:
    return Identity(level=IdentityLevel.VERIFIED, email=email, phone=phone, partner_id=partner_id)


def claimed(email: str | None = None, phone: str | None = None, partner_id: int | None = None) -> Identity:
    return Identity(level=IdentityLevel.CLAIMED, email=email, phone=phone, partner_id=partner_id)


@pytest.fixture
def lena() -> Identity:
    return verified("lena@example.org")


@pytest.fixture
def marco() -> Identity:
    return verified("marco@example.com")


@pytest.fixture
def prove() -> Callable[..., Identity]:
    return verified


@pytest.fixture
def claim() -> Callable[..., Identity]:
    return claimed
