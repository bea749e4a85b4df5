"""HTTP to one Odoo server: kept-alive connections, a deadline that holds, and a pace where its owner asks for one.

odoorpc opens a connection per call and counts its timeout per socket operation only, so that a server that sends one
byte now and then keeps a thread busy for ever. Here each question knows the socket it works on; when its time is up
the socket is shut, and the blocked thread comes back. Both protocols, odoorpc's and JSON-2, travel over this.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from metta.errors import SettingsError
from metta.integrations.odoo.pace import Pace

KEPT_CONNECTIONS = 80
"""Idle connections that are kept: as many as questions are asked at a time, or a rush would begin with handshakes."""
KEPT_SECONDS = 20.0
"""How long an idle connection is trusted; by the wall clock, which goes on while Lambda freezes the process."""
MAX_ANSWER_BYTES = 4_000_000
"""An answer to our bounded questions takes a few hundred thousand; what is longer is none."""
_GONE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


class HttpStatusError(Exception):
    """An answer whose status is not 200.

    Attributes:
        status: the HTTP status.
        body: what came with it; may hold anything, so it is never told.
        wait: the value of ``Retry-After``; empty without one.
    """

    def __init__(self, status: int, body: bytes = b"", wait: str = "") -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.wait = wait


class Call:
    """The time that one question to Odoo may take, retry and login included; waiting for the pace does not count.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._paused_at: float | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._aborted = threading.Event()

    @property
    def aborted(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._aborted.is_set()

    def remaining(self) -> float:
        """Seconds left, 0.0 when none are or when the caller has gone away."""
        if self.aborted:
            return 0.0
        now = self._paused_at
        return max(0.0, self._ends - (time.monotonic() if now is None else now))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Time that does not count."""
        self._paused_at = time.monotonic()
        try:
            yield
        finally:
            self._ends += time.monotonic() - self._paused_at
            self._paused_at = None

    def pause(self, seconds: float) -> None:
        """Wait in this thread, or until the caller goes away."""
        self._aborted.wait(seconds)

    def adopt(self, used: socket.socket) -> None:
        """Work on this socket from now on."""
        with self._lock:
            self._socket = used
        if self.aborted:
            self.abort()

    def release(self) -> bool:
        """Be done with the socket; whether somebody else may go on with it."""
        with self._lock:
            self._socket = None
            return not self.aborted

    def abort(self) -> None:
        """Shut the socket in use, so that whoever waits on it comes back at once. From any thread."""
        self._aborted.set()
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@dataclass(frozen=True)
class Address:
    """Where Odoo is."""

    host: str
    """As ``http.client`` takes it: an IPv6 address without brackets."""
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in ``ODOO_URL``.

        Raises:
            SettingsError: it is none that both protocols can use.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise SettingsError("ODOO_URL: the port is not a number from 1 to 65535") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError("ODOO_URL: must look like https://odoo.example.com")
        if parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password:
            raise SettingsError("ODOO_URL: only scheme, host and port, for example https://odoo.example.com")
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls)

    @property
    def is_loopback(self) -> bool:
        """Whether nobody can listen on the way."""
        return self.host in ("localhost", "127.0.0.1", "::1")


@dataclass
class _Idle:
    connection: http.client.HTTPConnection
    since: float = field(default_factory=time.time)

    def is_old(self) -> bool:
        """Whether it is not trusted any more."""
        return not 0 <= time.time() - self.since <= KEPT_SECONDS

    def usable(self) -> bool:
        """Whether the server has not closed it meanwhile; what can be read now is its end, or nothing we asked for."""
        if self.is_old() or self.connection.sock is None:
            return False
        poll = select.poll()
        poll.register(self.connection.sock, select.POLLIN)
        return not poll.poll(0)


class Wire:
    """Sends requests to one server; used from many threads at a time.

    Args:
        address: the server.
        pace: keeps calls apart; None where the server need not be spared.
    """

    def __init__(self, address: Address, pace: Pace | None = None) -> None:
        self.address = address
        self._pace = pace
        self._tls = ssl.create_default_context() if address.tls else None
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()

    def request(
        self, call: Call, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of the answer.

        Redirects are failures: a redirected POST would lose its body, and the address is a setting anyway.

        Raises:
            HttpStatusError: the status is not 200.
            OverflowError: the answer is too long to be one.
            OSError, http.client.HTTPException: the connection failed; ``TimeoutError`` when the call's time is up.
        """
        if self._pace is None:
            return self._exchange(call, method, path, body, headers or {})
        with self._pace.turn(call):
            return self._exchange(call, method, path, body, headers or {})

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept, self._idle = self._idle, []
        for idle in kept:
            idle.connection.close()

    def _exchange(self, call: Call, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        while (kept := self._kept()) is not None:
            try:
                return self._on(kept, call, method, path, body, headers)
            except _GONE:
                if not call.remaining():
                    raise
                # The server had closed it: that is no failure of this question, and reading twice does no harm.
        return self._on(self._new(call), call, method, path, body, headers)

    def _kept(self) -> http.client.HTTPConnection | None:
        """The connection that was used last and still lives."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                idle = self._idle.pop()
            if idle.usable():
                return idle.connection
            idle.connection.close()

    def _new(self, call: Call) -> http.client.HTTPConnection:
        left = call.remaining()
        if left <= 0:
            raise TimeoutError
        connection = (
            http.client.HTTPConnection(self.address.host, self.address.port, timeout=left)
            if self._tls is None
            else http.client.HTTPSConnection(self.address.host, self.address.port, timeout=left, context=self._tls)
        )
        connection.set_debuglevel(0)  # whatever others set on the class: it prints headers, and with them the key
        return connection

    def _on(
        self,
        connection: http.client.HTTPConnection,
        call: Call,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> bytes:
        """One request and its answer; the connection is kept when it can be used again, else closed."""
        keep = False
        try:
            left = call.remaining()
            if left <= 0:
                raise TimeoutError
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(left)
            call.adopt(connection.sock)
            connection.request(method, path, body, {"User-Agent": "metta", **headers})
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES + 1)
            if len(content) > MAX_ANSWER_BYTES:
                raise OverflowError
            if response.length:  # read() says so by itself, read(n) does not
                raise http.client.IncompleteRead(content, response.length)
            keep = call.release() and not response.will_close
            if response.status != http.client.OK:
                raise HttpStatusError(response.status, content, response.headers.get("Retry-After", ""))
            return content
        finally:
            call.release()
            self._put_back(connection, keep=keep)

    def _put_back(self, connection: http.client.HTTPConnection, *, keep: bool) -> None:
        surplus = [connection]
        with self._lock:
            if keep and len(self._idle) < KEPT_CONNECTIONS:
                self._idle.append(_Idle(connection))
                surplus.clear()
            while self._idle and self._idle[0].is_old():  # the first was used least recently
                surplus.append(self._idle.pop(0).connection)
        for each in surplus:
            each.close()
