"""The tools against every emulated Odoo over every protocol that it speaks, and against a real one where it is named.

A real server is named by ``METTA_TEST_ODOO_URL``, ``_DB``, ``_USERNAME`` and ``_API_KEY``. What its shop holds is told
by further variables, each of which lets the tests that need it run:

- ``METTA_TEST_ODOO_EMAIL``, ``METTA_TEST_ODOO_ORDER``: a customer's address and one of their confirmed orders
- ``METTA_TEST_ODOO_PHONE``: the same customer's phone, +4915112345678
- ``METTA_TEST_ODOO_OTHER_EMAIL``, ``METTA_TEST_ODOO_OTHER_ORDER``: the same of another customer
- ``METTA_TEST_ODOO_QUERY``: words that find a product for sale; ``METTA_TEST_ODOO_REFERENCE``: a product's reference

Nothing is written. Set them in the environment and run ``pytest tests/contract``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from metta.ai.tools import call_tool
from metta.integrations.odoo import OdooClient, OdooShop
from metta.messages import Identity, IdentityLevel
from metta.policy import Policy
from metta.settings import OdooSettings
from metta_local.odoo import OdooEmulator
from metta_local.serving import LoopbackServer

PREFIX = "METTA_TEST_ODOO_"
REAL = "real server"
WAYS = ("15.0", "16.0", "17.0", "18.0", "saas~18.2", "19.0", "19.0 rpc", "saas~19.1", REAL)


@dataclass(frozen=True)
class Known:
    """What a server's shop is known to hold; None where nobody said."""

    email: str | None = None
    phone: str | None = None
    order: str | None = None
    other_email: str | None = None
    other_order: str | None = None
    query: str | None = None
    reference: str | None = None

    def need(self, *names: str) -> tuple[str, ...]:
        """These facts; the test is skipped where one is not told."""
        missing = [f"{PREFIX}{name.upper()}" for name in names if getattr(self, name) is None]
        if missing:
            pytest.skip(f"not set: {', '.join(missing)}")
        return tuple(getattr(self, name) for name in names)


EMULATED = Known(
    email="lena@example.org",
    phone="+4915112345678",
    order="S00042",
    other_email="marco@example.com",
    other_order="S00043",
    query="lamp",
    reference="LAMP-AUR",
)


@dataclass
class Server:
    """A server with the real client and the real tools on top."""

    client: OdooClient
    shop: OdooShop
    runner: asyncio.Runner
    known: Known

    def tool(self, name: str, argument: Any, identity: Identity | None = None, **options: Any) -> dict[str, Any]:
        """The result of a tool as the model gets it."""
        names = {
            "getProduct": "productId",
            "searchProducts": "query",
            "getOrder": "orderNumber",
            "getOrdersByCustomer": "email",
        }
        return self.runner.run(
            call_tool(name, {names[name]: argument}, shop=self.shop, identity=identity or Identity(), **options)
        )

    def run(self, work: Any) -> Any:
        return self.runner.run(work)


def verified(email: str | None = None, phone: str | None = None) -> Identity:
    return Identity(level=IdentityLevel.VERIFIED, email=email, phone=phone)


def claimed(email: str) -> Identity:
    return Identity(level=IdentityLevel.CLAIMED, email=email)


@pytest.fixture(scope="session", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server of each kind for all tests, which change nothing on it."""
    with asyncio.Runner() as runner:
        if request.param == REAL:
            client, known = real_server()
            yield from serving(client, known, runner)
            return
        version, _, only_rpc = request.param.partition(" ")
        emulator = OdooEmulator(version)
        with LoopbackServer(without_json2(emulator.app) if only_rpc else emulator.app) as served:
            key = SecretStr(emulator.api_key)
            settings = OdooSettings(served.url, emulator.database, emulator.username, key)
            yield from serving(OdooClient(settings), EMULATED, runner)


def serving(client: OdooClient, known: Known, runner: asyncio.Runner) -> Iterator[Server]:
    yield Server(client, OdooShop(client, policy=Policy()), runner, known)
    client.close()


def real_server() -> tuple[OdooClient, Known]:
    given = {name: os.environ.get(f"{PREFIX}{name}") for name in ("URL", "DB", "USERNAME", "API_KEY")}
    if not given["URL"]:
        pytest.skip(f"not set: {PREFIX}URL")
    if missing := [f"{PREFIX}{name}" for name, value in given.items() if not value]:
        pytest.fail(f"not set: {', '.join(missing)}")
    settings = OdooSettings(
        str(given["URL"]), str(given["DB"]), str(given["USERNAME"]), SecretStr(str(given["API_KEY"]))
    )
    known = Known(**{name: os.environ.get(f"{PREFIX}{name.upper()}") or None for name in Known.__dataclass_fields__})
    return OdooClient(settings), known


def without_json2(app: Any) -> Any:
    """A proxy that lets RPC through alone."""

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith("/json/"):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    return proxy
