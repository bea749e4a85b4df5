"""``GET /events``: one page's stream of events, bounded in time, so that a page that stopped reading is let go."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from metta_local.playground.board import Board, Page

ALIVE_SECONDS = 15.0
"""Between two signs of life."""
SLOW_SECONDS = 20.0
"""A page that takes nothing for so long is dropped; its browser connects anew and is told everything."""
_AGAIN = b"retry: 1000\n\n"
"""After how many milliseconds a browser connects again."""


class EventStream:
    """An ASGI answer.

    Args:
        board: where the events come from.
        page: as ``board.join`` gave it; it leaves with the connection.
        slow_seconds: how long one piece may take to be taken.
    """

    def __init__(self, board: Board, page: Page, *, slow_seconds: float = SLOW_SECONDS) -> None:
        self._board = board
        self._page = page
        self._slow_seconds = slow_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serve until the page leaves or everything is stopped."""
        telling = asyncio.ensure_future(self._tell(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((telling, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._board.leave(self._page)
            for task in (telling, leaving):
                task.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        with contextlib.suppress(TimeoutError, OSError):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send(send, _AGAIN)
            while True:
                try:
                    async with asyncio.timeout(ALIVE_SECONDS):
                        news = await self._page.next()
                except TimeoutError:
                    await self._send(send, b": still here\n\n")
                    continue
                for kind, text in news:
                    await self._send(send, f"event: {kind}\ndata: {text}\n\n".encode())
                if self._page.closed:
                    break
            await send({"type": "http.response.body", "body": b""})

    async def _send(self, send: Send, piece: bytes) -> None:
        async with asyncio.timeout(self._slow_seconds):
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
