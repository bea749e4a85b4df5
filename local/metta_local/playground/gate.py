"""Who may talk to the page's server: the page itself and programs of this machine, by a loopback name, within bounds.

A web page of somebody else reaches loopback too. It cannot read answers (no CORS header is ever sent), but it could
post; and by a name that it resolves to 127.0.0.1 it would be of the same origin. So names, origins and content types
are checked before anything else is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from metta_local.asgi import read_body, replayed

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
MOST_BYTES = 2**20
"""Of a request's body: the longest text that Chatwoot takes, in any script."""
BODY_SECONDS = 10.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
MARK = "x-metta-page"
"""The header by which a second ``metta up`` knows this one."""
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    MARK: "1",
}


def refusal(status: int, sentence: str, field: str | None = None) -> JSONResponse:
    """An error as pages are told it."""
    return JSONResponse({"error": sentence, "field": field}, status)


class Gate:
    """Wraps an ASGI app.

    Args:
        app: answers whatever passes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            return

        async def marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        headers = Headers(scope=dict(scope))
        refused = _refused(scope["method"], headers)
        if refused is None and scope["method"] == "POST":
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await read_body(receive, most=MOST_BYTES)
            except TimeoutError:
                body, refused = b"", refusal(408, f"the request did not come within {BODY_SECONDS:.0f} s")
            if body is None:
                refused = refusal(413, f"the request is larger than {MOST_BYTES // 2**20} MB; write less at once")
            else:
                receive = replayed(body, receive)
        await (refused or self._app)(scope, receive, marked)


def _refused(method: str, headers: Headers) -> JSONResponse | None:
    hosts = headers.getlist("host")
    if len(hosts) != 1 or _name(hosts[0]) not in HOSTS:
        return refusal(403, "this page is served by the names 127.0.0.1, localhost and [::1] only")
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{hosts[0].lower()}":
        return refusal(403, "only this page itself may ask for that, not a page of another origin")
    if method == "POST" and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return refusal(403, "send JSON, with Content-Type: application/json")
    return None


def _name(host: str) -> str:
    """A Host header without its port."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() and (not name or name[-1] == "]" or ":" not in name) else host.lower()
