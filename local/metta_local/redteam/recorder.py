"""An ASGI app around another that keeps what it answered, since what a server gave out is what counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Recorder:
    """Passes everything through.

    Args:
        app: an ASGI application.

    Attributes:
        bodies: of the answers so far, as text.
        meanwhile: what else happens once, while the next request is under way.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.bodies: list[str] = []
        self.meanwhile: Callable[[], object] | None = None

    def clear(self) -> None:
        """Forget them, and what has not happened yet."""
        self.bodies.clear()
        self.meanwhile = None

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        """Answer as the app does."""
        pieces: list[bytes] = []
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()

        async def kept(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    self.bodies.append(b"".join(pieces).decode("utf-8", "replace"))
            await send(message)

        await self._app(scope, receive, kept)
