"""Passes connections on to a server on loopback; counts round trips: how often a client spoke after the server had."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class Relay:
    """Passes connections on to a server on loopback.

    Args:
        server_port: the server's.

    Attributes:
        port: where to connect to.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def passes(self, connection: int, *, from_client: bool) -> bool:
        """Whether a piece that came goes on; else its connection ends.

        Args:
            connection: number of the connection, from 0.
            from_client: which way the piece goes.
        """
        del connection, from_client
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take no further connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            number, self._connections = self._connections, self._connections + 1
            for source, target, from_client in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, target, number, from_client), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, number: int, from_client: bool) -> None:
        with suppress(OSError):
            while (data := source.recv(65536)) and self.passes(number, from_client=from_client):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other direction, which may still be reading
            end.close()


class RoundTrips(Relay):
    """Counts, of one connection at a time.

    Attributes:
        number: round trips so far.
    """

    def __init__(self, server_port: int) -> None:
        self.number = 0
        self._server_spoke = True
        super().__init__(server_port)

    def passes(self, connection: int, *, from_client: bool) -> bool:
        """Counts what a client says after the server has spoken."""
        del connection
        if from_client and self._server_spoke:
            self.number += 1
        self._server_spoke = not from_client
        return True
