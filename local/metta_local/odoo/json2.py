"""JSON-2, which replaces the RPC services from Odoo 19: ``POST /json/2/<model>/<method>`` with a bearer key.

Named arguments only; HTTP statuses tell errors apart. The checks come in the server's order: database (no page without
one), content type, key, body, model, method, ``ids``, signature.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from metta_local.odoo import errors, methods
from metta_local.odoo.faults import FaultKind
from metta_local.odoo.server import OdooCall, Server, not_found

SINCE = 19
_BEARER = re.compile(r"bearer\s+(.+)", re.IGNORECASE)
_NO_KEY = "User not authenticated, use an API Key with a Bearer Authorization header."


class Json2:
    """The endpoint.

    Args:
        server: whose database is served.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, request: Request) -> Response:
        """Answer one call; before Odoo 19 the path is not there, and neither is it without a database."""
        self._server.count_connection(request)
        asked_for = request.headers.get("x-odoo-database", self._server.database)
        if self._server.release.major < SINCE or asked_for != self._server.database:
            return not_found()
        body = await request.body()
        if body and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _wrong_type(request.url.path)
        path = request.path_params
        with self._server.busy():
            broken = await self._server.trouble(request, path.get("method", ""), path.get("model", ""), _odd)
            if broken is not None:
                return broken
            try:
                with self._server.lock:
                    return JSONResponse(self._call(request, body))
            except errors.OdooError as error:
                headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
                return JSONResponse(error.data(), status_code=error.status, headers=headers)

    def _call(self, request: Request, body: bytes) -> Any:
        if request.method != "POST" or "method" not in request.path_params:
            raise errors.http_error("NotFound", "Did you mean POST /json/2/<model>/<method>?")
        self._check_key(request.headers.get("authorization", ""))
        model, method = request.path_params["model"], request.path_params["method"]
        named = _arguments(body)
        self._server.record(OdooCall(model, method, (), dict(named), "json2"))
        return methods.call_named(self._server.data, model, method, named)

    def _check_key(self, header: str) -> None:
        found = _BEARER.fullmatch(header)
        if found is None:
            raise errors.http_error("Unauthorized", _NO_KEY)
        if not self._server.accepts(found[1]):
            raise errors.http_error("Unauthorized", "Invalid apikey")


def _arguments(body: bytes) -> dict[str, Any]:
    """The named arguments; a server takes a body that is JSON but no object for none at all."""
    if not body:
        return {}
    try:
        named = json.loads(body)
    except ValueError as error:
        raise errors.http_error("BadRequest", f"could not parse the body as json: {error}") from None
    return named if isinstance(named, dict) else {}


def _wrong_type(path: str) -> Response:
    return HTMLResponse(
        "<!doctype html>\n<html lang=en>\n<title>415 Unsupported Media Type</title>\n<h1>Unsupported Media Type</h1>\n"
        f"<p>Request inferred type is compatible with http but {path} is type=json2.</p>\n",
        status_code=415,
    )


def _odd(kind: FaultKind) -> Response:
    if kind is FaultKind.BARE_ERROR:
        return JSONResponse({"message": "Internal Server Error"}, status_code=500)
    return Response(media_type="application/json") if kind is FaultKind.NEITHER else JSONResponse("")
