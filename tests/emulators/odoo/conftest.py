"""The emulator behind a real odoorpc client, as a script of an Odoo user would have it, and behind plain HTTP."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import odoorpc
import pytest
from odoorpc.error import RPCError

from metta_local.odoo import OdooEmulator
from metta_local.odoo.rights import OPERATIONS
from metta_local.serving import LoopbackServer


class Switch:
    """An ASGI application whose inner one can be changed while it is served."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@dataclass
class Client:
    """An emulator and odoorpc logged in to it."""

    emulator: OdooEmulator
    url: str
    odoo: odoorpc.ODOO

    def __call__(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.odoo.execute_kw(model, method, list(args), kwargs)

    def ids(self, model: str, *domain: Any, **kwargs: Any) -> list[int]:
        found: list[int] = self(model, "search", list(domain), **kwargs)
        return found

    def error(self, model: str, method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The ``data`` of the server error that a call gives."""
        with pytest.raises(RPCError) as caught:
            self(model, method, *args, **kwargs)
        assert caught.value.info["code"] == 200
        assert caught.value.info["message"] == "Odoo Server Error"
        data: dict[str, Any] = caught.value.info["data"]
        assert data["debug"].startswith("Traceback")
        return data


Connect = Callable[..., Client]


@pytest.fixture(scope="session")
def _switch() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with LoopbackServer(switch) as server:
        yield switch, server.url


@pytest.fixture
def connect(_switch: tuple[Switch, str]) -> Connect:
    """Makes a client; keywords go to the emulator."""
    switch, url = _switch

    def make(version: str = "18.0", **kwargs: Any) -> Client:
        emulator = OdooEmulator(version, **kwargs)
        switch.app = emulator.app
        opener = urllib.request.build_opener()
        odoo = odoorpc.ODOO("127.0.0.1", port=urlsplit(url).port, timeout=5, opener=opener)
        odoo.login(emulator.database, emulator.username, emulator.api_key)
        return Client(emulator, url, odoo)

    return make


@dataclass
class Http:
    """An emulator and a client that keeps its connection, with the bot's key in its headers."""

    emulator: OdooEmulator
    session: httpx.Client

    def post(self, model: str, method: str, body: Any = None, **headers: str) -> httpx.Response:
        """One JSON-2 call; ``headers`` are written with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.post(f"/json/2/{model}/{method}", json={} if body is None else body, headers=named)

    def __call__(self, model: str, method: str, **named: Any) -> Any:
        answer = self.post(model, method, named)
        assert answer.status_code == 200, answer.text
        return answer.json()


Over = Callable[..., Http]


@pytest.fixture
def http(_switch: tuple[Switch, str]) -> Iterator[Over]:
    """Makes a plain HTTP client; keywords go to the emulator."""
    switch, url = _switch
    opened: list[httpx.Client] = []

    def make(version: str = "19.0", **kwargs: Any) -> Http:
        emulator = OdooEmulator(version, **kwargs)
        switch.app = emulator.app
        session = httpx.Client(
            base_url=url, timeout=5, trust_env=False, headers={"Authorization": f"bearer {emulator.api_key}"}
        )
        opened.append(session)
        return Http(emulator, session)

    yield make
    for session in opened:
        session.close()


@dataclass
class Asker:
    """One server asked over one of the two protocols, with named arguments.

    Over JSON-RPC the ids and a search's domain go by their place: Odoo 15 has another name for the latter.
    """

    emulator: OdooEmulator
    protocol: str
    _client: Client | Http

    def __call__(self, model: str, method: str, *, ids: list[int] | None = None, **named: Any) -> Any:
        if isinstance(self._client, Client):
            return self._client(model, method, *self._placed(method, ids, named), **named)
        return self._client(model, method, **named | ({} if ids is None else {"ids": ids}))

    def error(self, model: str, method: str, *, ids: list[int] | None = None, **named: Any) -> dict[str, Any]:
        """What the server says of a call that fails, in the shape that both protocols share."""
        if isinstance(self._client, Client):
            return self._client.error(model, method, *self._placed(method, ids, named), **named)
        answer = self._client.post(model, method, named | ({} if ids is None else {"ids": ids}))
        assert answer.status_code >= 400, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def may(self, model: str) -> set[str]:
        """What the server says that the bot may do with a model, asked as its version wants it."""
        if self.emulator.data.version >= 18:
            return {each for each in OPERATIONS if self(model, "has_access", ids=[], operation=each)}
        named = {"raise_exception": False}
        return {each for each in OPERATIONS if self(model, "check_access_rights", operation=each, **named)}

    def _placed(self, method: str, ids: list[int] | None, named: dict[str, Any]) -> list[Any]:
        if method in ("search", "search_count") and "domain" in named:
            return [named.pop("domain")]
        return [] if ids is None else [ids]


WAYS = [
    *((version, "jsonrpc") for version in ("15.0", "16.0", "17.0", "18.0", "19.0")),
    ("19.0", "json2"),
    ("saas~19.1", "json2"),
]
"""The versions, each with the protocols that it speaks."""


@pytest.fixture
def ask(connect: Connect, http: Over) -> Callable[..., Asker]:
    """Makes an asker for ``version`` and ``protocol``; keywords go to the emulator."""

    def make(version: str = "19.0", protocol: str = "json2", **kwargs: Any) -> Asker:
        client = http(version, **kwargs) if protocol == "json2" else connect(version, **kwargs)
        return Asker(client.emulator, protocol, client)

    return make


@pytest.fixture(params=WAYS, ids=lambda way: "-".join(way))
def every_way(request: pytest.FixtureRequest, ask: Callable[..., Asker]) -> Callable[..., Asker]:
    """Makes an asker for each version over each of its protocols in turn."""
    version, protocol = request.param
    return lambda **kwargs: ask(version, protocol, **kwargs)


@pytest.fixture
def client(connect: Connect) -> Client:
    """An Odoo 18 with every module."""
    return connect()
