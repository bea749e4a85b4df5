"""A port on loopback that can be closed and opened again: while it is closed, connections are refused."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

_HARD = struct.pack("ii", 1, 0)


class Listening:
    """The listening side of a proxy; used from one event loop.

    Attributes:
        port: known once it is open, and the same ever after.
    """

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    def make(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        raise NotImplementedError

    async def open(self) -> None:
        """Accept connections."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self.make, "127.0.0.1", self.port, backlog=256)
            self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Refuse connections and cut those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for transport in list(self._open):
            reset(transport)

    def opened(self, transport: asyncio.BaseTransport) -> None:
        """A connection was made."""
        self._open.add(transport)

    def ended(self, transport: asyncio.BaseTransport) -> None:
        """A connection is over."""
        self._open.discard(transport)


def reset(transport: Any) -> None:
    """Cut a connection so that the other side sees a reset, not an orderly end."""
    if transport.is_closing():
        return
    own = transport.get_extra_info("socket")
    if own is not None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD)
    transport.abort()
