"""Counts round trips: how often a client spoke after the server had."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class RoundTrips:
    """Passes connections on to a server on loopback, one at a time, and counts.

    Args:
        server_port: the server's.

    Attributes:
        port: where to connect to.
        number: round trips so far.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.number = 0
        self._server_spoke = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> RoundTrips:
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
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if from_client and self._server_spoke:
                    self.number += 1
                self._server_spoke = not from_client
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other direction, which may still be reading
            end.close()
