"""HTTP under odoorpc with a deadline that holds: odoorpc's own timeout counts per socket operation only.

A server that sends one byte now and then keeps a blocking call, and so a thread, busy for ever. Here each call knows
the sockets it opened; when its time is up they are shut, and the blocked thread comes back.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

_running = threading.local()


class Call:
    """The time that one question to Odoo may take, retry and login included.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._aborted = threading.Event()

    def remaining(self) -> float:
        """Seconds left, 0.0 when none are or when the caller has gone away."""
        return 0.0 if self._aborted.is_set() else max(0.0, self._ends - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Wait in this thread, or until the caller goes away."""
        self._aborted.wait(seconds)

    def adopt(self, opened: socket.socket) -> None:
        """Take note of a socket that works for this call."""
        with self._lock:
            self._sockets.append(opened)
        if self._aborted.is_set():
            self.abort()

    def abort(self) -> None:
        """Shut every socket of the call, so that whoever waits on one comes back at once. From any thread."""
        self._aborted.set()
        with self._lock:
            for opened in self._sockets:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(opened, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def in_this_thread(self) -> Iterator[None]:
        """Let connections that this thread opens belong to the call; they are closed at the end."""
        _running.call = self
        try:
            yield
        finally:
            _running.call = None
            with self._lock:
                for opened in self._sockets:
                    with contextlib.suppress(OSError):
                        opened.close()
                self._sockets.clear()


def _begin(connection: http.client.HTTPConnection) -> None:
    """Give a connection no more time than its call has."""
    call: Call | None = getattr(_running, "call", None)
    if call is not None:
        left = call.remaining()
        if left <= 0:
            raise TimeoutError
        connection.timeout = left


def _opened(connection: http.client.HTTPConnection) -> None:
    call: Call | None = getattr(_running, "call", None)
    if call is not None:
        call.adopt(connection.sock)


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        _begin(self)
        super().connect()
        _opened(self)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        _begin(self)
        super().connect()
        _opened(self)


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, request)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._tls = context

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, request, context=self._tls)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would lose its body and its address is a setting anyway: report it instead."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def opener(*, tls: bool) -> urllib.request.OpenerDirector:
    """An opener whose connections obey the running ``Call``; without cookies, since every question stands alone."""
    handlers: list[urllib.request.BaseHandler] = [_HttpHandler(), _NoRedirects()]
    if tls:
        handlers.append(_HttpsHandler(ssl.create_default_context()))
    return urllib.request.build_opener(*handlers)
