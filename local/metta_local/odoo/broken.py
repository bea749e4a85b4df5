"""Answers that are late, cut off, drawn out or none at all: what ``faults.py`` describes, done to a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from metta_local.odoo.faults import Fault, FaultKind

TRANSPORT = "metta.transport"
_MAINTENANCE = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1><p>We will be back soon.</p></body></html>"


class ConnectionApp(Starlette):
    """Starlette that remembers the connection, which uvicorn's ``send`` is bound to."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


async def broken(fault: Fault, scope: Scope, odd: Callable[[FaultKind], Response]) -> Response | None:
    """What is sent in place of the answer; None when the answer is only late.

    Args:
        fault: what is to go wrong.
        scope: the request's.
        odd: makes the protocol's own malformed answers.
    """
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
        case FaultKind.BARE_ERROR | FaultKind.NEITHER | FaultKind.LIST:
            return odd(fault.kind)
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
    while (left := ends - loop.time()) > 0 and not scope[TRANSPORT].is_closing():
        yield
        await asyncio.sleep(min(0.02, left))


async def _close(scope: Scope, receive: Receive) -> None:
    """Cut the connection below HTTP, which ASGI has no message for."""
    scope[TRANSPORT].close()
    while (await receive())["type"] != "http.disconnect":
        pass
