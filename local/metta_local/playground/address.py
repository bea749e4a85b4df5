"""The page's address: taken before anything starts, or a clear word on who has it."""

from __future__ import annotations

import errno
import http.client

from starlette.types import ASGIApp

from metta_local.console import CommandError
from metta_local.playground.gate import MARK
from metta_local.serving import LoopbackServer

PORT = 8765
"""Where the page is unless the command says otherwise."""
_ASKING_SECONDS = 3.0


def serve_at(app: ASGIApp, port: int) -> LoopbackServer:
    """Serve ``app`` on loopback from now on.

    Args:
        app: the page's server.
        port: 0 for any free one.

    Raises:
        CommandError: the port is in use, by a stack like this one or by another program.
    """
    try:
        return LoopbackServer(app, port).start()
    except OSError as error:
        if error.errno == errno.EACCES:
            raise CommandError(f"port {port} is not open to you; choose one from 1024 on with --port") from None
        if error.errno != errno.EADDRINUSE:
            raise CommandError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None
        if _is_a_page(port):
            raise CommandError(
                f"a stack is running already at http://127.0.0.1:{port}; open it, or stop it with Ctrl-C where it "
                "runs, or start another beside it with --port 0"
            ) from None
        raise CommandError(f"port {port} is in use by another program; choose another with --port") from None


def _is_a_page(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=_ASKING_SECONDS)
    try:
        asking.request("GET", "/api/state")
        return asking.getresponse().getheader(MARK) is not None
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
