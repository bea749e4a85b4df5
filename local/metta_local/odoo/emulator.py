"""The emulated server: the HTTP endpoints that odoorpc uses, with faults on demand.

Serve ``OdooEmulator().app`` with ``metta_local.serving.LoopbackServer`` and point ``ODOO_*`` at it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from metta_local.odoo import database, errors, orm
from metta_local.odoo.faults import Fault, FaultKind, Faults
from metta_local.odoo.schema import MODULES, models_of
from metta_local.odoo.world import Database

_TRANSPORT = "metta.transport"
_KEPT_CALLS = 10_000
_MAINTENANCE = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1><p>We will be back soon.</p></body></html>"


class _App(Starlette):
    """Starlette that remembers the connection, which uvicorn's ``send`` is bound to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


class OdooCall(NamedTuple):
    """One ORM call that was made, for tests and for people."""

    model: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class OdooEmulator:
    """An Odoo with a small shop in memory.

    Args:
        version: ``15.0`` to ``19.0``.
        modules: installed modules of ``schema.MODULES``; all of them unless given.
        denied: models that the bot's user may not read, for example ``stock.quant``.
        api_key: the key that is accepted.

    Attributes:
        app: the ASGI application.
        data: the database; tests may change rows and rights between requests.
        faults: trouble on demand.
        calls: the latest ORM calls, oldest first.
        logins: how often somebody logged in.
        busiest: the most requests that were under way at one time.
    """

    def __init__(
        self,
        version: str = "18.0",
        modules: Iterable[str] | None = None,
        *,
        denied: Iterable[str] = (),
        api_key: str = "emulated-odoo-key",
    ) -> None:
        self.version = version
        self.database = "acme"
        self.username = "metta@acme.example"
        self.api_key = api_key
        major = int(version.partition(".")[0])
        installed = MODULES if modules is None else frozenset(modules)
        self.data = Database(models_of(major, installed), database.tables(major), denied=set(denied))
        self.faults = Faults()
        self.calls: list[OdooCall] = []
        self.logins = 0
        self.busiest = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self.app = _App(
            routes=[
                Route("/web/webclient/version_info", self._version_info, methods=["POST"]),
                Route("/jsonrpc", self._jsonrpc, methods=["POST"]),
            ]
        )

    def revoke_key(self, new_key: str = "another-key") -> None:
        """Let the present key stop working, as after a revocation or when it expires."""
        self.api_key = new_key

    async def _version_info(self, request: Request) -> Response:
        body = await request.json()
        return _answer(body, {"result": self._version()})

    def _version(self) -> dict[str, Any]:
        major = int(self.version.partition(".")[0])
        return {
            "server_version": self.version,
            "server_version_info": [major, 0, 0, "final", 0, ""],
            "server_serie": self.version,
            "protocol_version": 1,
        }

    async def _jsonrpc(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return HTMLResponse("<h1>400 Bad Request</h1>", status_code=400)
        try:
            body = json.loads(await request.body())
            params = body["params"]
            service, method, args = params["service"], params["method"], list(params["args"])
        except (ValueError, KeyError, TypeError):
            return HTMLResponse("<h1>400 Bad Request</h1>", status_code=400)
        self._under_way += 1
        self.busiest = max(self.busiest, self._under_way)
        try:
            return await self._serve(request, body, service, method, args)
        finally:
            self._under_way -= 1

    async def _serve(
        self, request: Request, body: dict[str, Any], service: str, method: str, args: list[Any]
    ) -> Response:
        fault = self.faults.take(*_about(service, method, args))
        if fault is not None and (broken := await _broken(fault, body, request.scope)) is not None:
            return broken
        try:
            with self._lock:
                return _answer(body, {"result": self._dispatch(service, method, args)})
        except errors.OdooError as error:
            return _answer(body, {"error": error.body()})

    def _dispatch(self, service: str, method: str, args: list[Any]) -> Any:
        if service == "common":
            return self._common(method, args)
        if service != "object" or method not in ("execute", "execute_kw"):
            raise errors.OdooError("builtins.KeyError", f"{service}.{method}")
        name, uid, key, model, orm_method, *rest = args
        self._check(name)
        if uid != database.BOT_USER_ID or key != self.api_key:
            raise errors.access_denied()
        positional, named = (tuple(rest), {}) if method == "execute" else (tuple(rest[0]), dict((*rest, {})[1]))
        self.calls.append(OdooCall(model, orm_method, positional, named))
        del self.calls[:-_KEPT_CALLS]
        return orm.call(self.data, model, orm_method, positional, named)

    def _common(self, method: str, args: list[Any]) -> Any:
        if method == "version":
            return self._version()
        if method not in ("login", "authenticate"):
            raise errors.OdooError("builtins.AttributeError", f"Method not found: {method}")
        self._check(args[0])
        self.logins += 1
        accepted = args[1] == self.username and args[2] == self.api_key
        return database.BOT_USER_ID if accepted else False

    def _check(self, name: object) -> None:
        if name != self.database:
            raise errors.no_database(str(name))


def _about(service: str, method: str, args: list[Any]) -> tuple[str, str]:
    """ORM method and model that a request is about; service ``common`` has no model."""
    if service == "object" and len(args) > 4:
        return str(args[4]), str(args[3])
    return method, ""


def _answer(body: dict[str, Any], content: dict[str, Any]) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": body.get("id"), **content})


async def _broken(fault: Fault, body: dict[str, Any], scope: Scope) -> Response | None:
    """What is sent in place of the answer; None when the answer is only late."""
    match fault.kind:
        case FaultKind.DELAY:
            async for _ in _while_connected(scope, fault.seconds):
                pass
            return None
        case FaultKind.STATUS:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
            return HTMLResponse(f"<h1>{fault.status}</h1>", status_code=fault.status, headers=headers)
        case FaultKind.MAINTENANCE:
            return HTMLResponse(_MAINTENANCE)
        case FaultKind.BARE_ERROR:
            return _answer(body, {"error": {"code": 100, "message": "Odoo Session Expired"}})
        case FaultKind.NEITHER:
            return _answer(body, {})
        case FaultKind.LIST:
            return JSONResponse([])
        case _:
            return _BrokenConnection(fault)


class _BrokenConnection(Response):
    """Ends the connection without an answer, in its middle, or draws the answer out."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do to the connection what the fault says."""
        if self._fault.kind is FaultKind.RESET:
            await _close(scope, receive)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"jsonrpc"', "more_body": True})
        if self._fault.kind is FaultKind.DRIP:
            async for _ in _while_connected(scope, self._fault.seconds):
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await _close(scope, receive)


async def _while_connected(scope: Scope, seconds: float) -> AsyncIterator[None]:
    """A tick now and then for so many seconds, at most until the client goes away."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while (left := ends - loop.time()) > 0 and not scope[_TRANSPORT].is_closing():
        yield
        await asyncio.sleep(min(0.02, left))


async def _close(scope: Scope, receive: Receive) -> None:
    """Cut the connection below HTTP, which ASGI has no message for."""
    scope[_TRANSPORT].close()
    while (await receive())["type"] != "http.disconnect":
        pass
