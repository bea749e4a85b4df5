"""The worker's way to PostgreSQL, which can be cut: connections are passed on, or refused and broken off."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CONNECT_SECONDS = 5.0
_PIECE = 65536


class DatabaseCut:
    """A relay on loopback in a few threads; a context manager, or ``start`` and ``stop``.

    Args:
        url: connection string of the server that stands behind it, without encryption.
    """

    def __init__(self, url: str) -> None:
        parts = conninfo_to_dict(url)
        self._target = (str(parts["host"]), int(parts["port"] or 5432))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._cut = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.url = make_conninfo(url, host="127.0.0.1", port=self._listening.getsockname()[1])
        """The same database through this relay."""

    @property
    def cut(self) -> bool:
        """Whether nobody gets through."""
        return self._cut

    @cut.setter
    def cut(self, cut: bool) -> None:
        self._cut = cut
        if cut:
            self._break_off()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._accept, name="database-cut", daemon=True).start()

    def stop(self) -> None:
        """End, and break off what is connected."""
        self._cut = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._break_off()

    def _break_off(self) -> None:
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                came, _ = self._listening.accept()
            except OSError:
                return
            try:
                if self._cut:
                    came.close()
                    continue
                server = socket.create_connection(self._target, _CONNECT_SECONDS)
            except OSError:
                came.close()
                continue
            server.settimeout(None)
            for one in (came, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {came, server}
            if self._cut:  # it was cut in between
                self._break_off()
            for ends in ((came, server), (server, came)):
                threading.Thread(target=self._pass_on, args=ends, name="database-cut", daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket) -> None:
        try:
            while piece := source.recv(_PIECE):
                to.sendall(piece)
        except OSError:
            pass
        for one in (source, to):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()
