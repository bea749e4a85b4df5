"""What stands between a server and an ASGI app needs of the protocol: a body, read and handed on as if unread."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.types import Receive


async def read_body(receive: Receive, *, most: int | None = None) -> bytes | None:
    """The body, as much of it as came before the client hung up; None when it has more than ``most`` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if most is not None and len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Gives ``body`` once, in one piece, and goes on with what comes after it."""
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again
