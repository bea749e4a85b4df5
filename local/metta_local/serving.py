"""Serves an ASGI app on loopback from a thread; every emulator and the local receiver run this way."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn


class LoopbackServer:
    """A uvicorn server on ``127.0.0.1`` in a thread of its own.

    Args:
        app: any ASGI application.
        port: 0 picks a free one.
    """

    def __init__(self, app: Any, port: int = 0) -> None:
        # the protocol is named, or asyncio leaves Nagle's algorithm on and every second answer waits 40 ms
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # without a log_config of its own: setting one up makes every server at work chatty for a moment
        config = uvicorn.Config(
            app, log_config=None, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"serve-{self.port}", daemon=True
        )

    def start(self) -> LoopbackServer:
        """Start serving; returns when connections are accepted (the socket listens at once)."""
        self._socket.listen(256)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and wait for the thread to end."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._socket.close()

    def __enter__(self) -> LoopbackServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
