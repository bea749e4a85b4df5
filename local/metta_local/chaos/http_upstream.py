"""Connections to one HTTP server, kept alive and used again by every proxy in front of it."""

from __future__ import annotations

import asyncio
import time

from metta_local.chaos.http_wire import BrokenMessageError, Message, Reader

IDLE_SECONDS = 2.0
"""A connection unused for longer is not trusted: servers close idle ones after five seconds, and a proxy must not add
failures that nobody decided on."""


class UpstreamError(Exception):
    """The server could not be reached or broke off; whether it did what was asked is unknown."""


class Upstream:
    """One server; used from one event loop.

    Args:
        host, port: where it is.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._idle: list[tuple[_Connection, float]] = []

    async def exchange(self, request: Message) -> Message:
        """Send a request and wait for its whole response.

        Raises:
            UpstreamError: no whole response came.
        """
        connection = self._take_idle() or await self._connect()
        response = await connection.exchange(request)
        if not response.closes and not connection.lost:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close what is kept."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    async def _connect(self) -> _Connection:
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(_Connection, self.host, self.port)
        except OSError as error:
            raise UpstreamError(f"{self.host}:{self.port} cannot be reached: {error}") from error
        return protocol

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.lost and time.monotonic() - since <= IDLE_SECONDS:
                return connection
            connection.close()
        return None


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._reader = Reader(requests=False)
        self._waiting: asyncio.Future[Message] | None = None
        self._bodiless = False

    async def exchange(self, request: Message) -> Message:
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._bodiless = request.start.startswith(b"HEAD ")
        self._transport.write(request.encoded())
        try:
            return await self._waiting
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._advance(ended=False)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._advance(ended=True)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(UpstreamError(f"broke off: {error}"))

    def _advance(self, *, ended: bool) -> None:
        if self._waiting is None or self._waiting.done():
            return
        try:
            message = self._reader.next(ended=ended, bodiless=self._bodiless)
        except BrokenMessageError as error:
            self._waiting.set_exception(UpstreamError(str(error)))
            return
        if message is not None:
            self._waiting.set_result(message)
