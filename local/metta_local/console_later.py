"""The console of ``metta up``, built when it is asked for first: it needs the agent, which takes seconds to load."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.types import Receive, Scope, Send

from metta.settings import Settings

if TYPE_CHECKING:
    from metta.bootstrap.console import Console


class ConsoleLater:
    """An ASGI app.

    Args:
        settings: the stack's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._console: Console | None = None
        self._app: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, after the console was built."""
        app = self._app or await anyio.to_thread.run_sync(self._built)
        await app(scope, receive, send)

    def close(self) -> None:
        """Close what was built."""
        if self._console is not None:
            self._console.close()

    def _built(self) -> Any:
        from metta.bootstrap.console import build_console
        from metta_local.console_server import ConsoleServer

        with self._lock:
            if self._app is None:
                self._console = build_console(self._settings)
                self._app = ConsoleServer(self._console).app
            return self._app
