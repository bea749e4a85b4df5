"""JSON-RPC as odoorpc speaks it: the services ``common`` and ``object`` at ``/jsonrpc``, every error with HTTP 200."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from metta_local.odoo import database, errors, methods
from metta_local.odoo.faults import FaultKind
from metta_local.odoo.server import OdooCall, Server, not_found


class JsonRpc:
    """The endpoint.

    Args:
        server: whose database is served.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, request: Request) -> Response:
        """Answer one call; without RPC services the path is not there."""
        self._server.count_connection(request)
        if not self._server.rpc:
            return not_found()
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return HTMLResponse("<h1>400 Bad Request</h1>", status_code=400)
        try:
            body = json.loads(await request.body())
            params = body["params"]
            service, method, args = params["service"], params["method"], list(params["args"])
        except (ValueError, KeyError, TypeError):
            return HTMLResponse("<h1>400 Bad Request</h1>", status_code=400)
        with self._server.busy():
            return await self._serve(request, body, service, method, args)

    async def _serve(
        self, request: Request, body: dict[str, Any], service: str, method: str, args: list[Any]
    ) -> Response:
        broken = await self._server.trouble(request, *_about(service, method, args), lambda kind: _odd(kind, body))
        if broken is not None:
            return broken
        try:
            with self._server.lock:
                return answer(body, {"result": self._dispatch(service, method, args)})
        except errors.OdooError as error:
            return answer(body, {"error": error.body()})
        except (IndexError, TypeError, ValueError) as error:
            return answer(body, {"error": errors.OdooError(f"builtins.{type(error).__name__}", str(error)).body()})

    def _dispatch(self, service: str, method: str, args: list[Any]) -> Any:
        if service == "common":
            return self._common(method, args)
        if service != "object" or method not in ("execute", "execute_kw"):
            raise errors.OdooError("builtins.KeyError", f"{service}.{method}")
        name, uid, key, model, orm_method, *rest = args
        self._check(name)
        if uid != database.BOT_USER_ID or not self._server.accepts(key):
            raise errors.access_denied()
        positional, named = (tuple(rest), {}) if method == "execute" else (tuple(rest[0]), dict((*rest, {})[1]))
        self._server.record(OdooCall(model, orm_method, positional, named))
        return methods.execute(self._server.data, model, orm_method, positional, named)

    def _common(self, method: str, args: list[Any]) -> Any:
        if method == "version":
            return self._server.release.about()
        if method not in ("login", "authenticate"):
            raise errors.OdooError("builtins.AttributeError", f"Method not found: {method}")
        self._check(args[0])
        self._server.logins += 1
        accepted = args[1] == self._server.username and self._server.accepts(args[2])
        return database.BOT_USER_ID if accepted else False

    def _check(self, name: object) -> None:
        if name != self._server.database:
            raise errors.no_database(str(name))


def answer(body: dict[str, Any], content: dict[str, Any]) -> Response:
    """The answer to the request ``body``, with ``result`` or ``error``."""
    return JSONResponse({"jsonrpc": "2.0", "id": body.get("id"), **content})


def _about(service: str, method: str, args: list[Any]) -> tuple[str, str]:
    """ORM method and model that a request is about; service ``common`` has no model."""
    if service == "object" and len(args) > 4:
        return str(args[4]), str(args[3])
    return method, ""


def _odd(kind: FaultKind, body: dict[str, Any]) -> Response:
    if kind is FaultKind.BARE_ERROR:
        return answer(body, {"error": {"code": 100, "message": "Odoo Session Expired"}})
    return answer(body, {}) if kind is FaultKind.NEITHER else JSONResponse([])
