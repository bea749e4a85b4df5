"""A connection for one piece of work with a bound: it waits for a server that wakes up, and is broken off in time.

For migrations at deploy, where somebody waits for an answer. A turn's statements have ``pool`` instead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from types import TracebackType

import psycopg

PAUSE_SECONDS = 1.0
"""Between two tries to connect; a suspended Neon needs a second or two, one that is restarted longer."""
CANCEL_SECONDS = 3.0
"""How long the server may take to hear that the statement is to end."""
_HOPELESS = ("password authentication failed", "does not exist", "certificate", "name or service not known")
"""Parts of libpq's text that name what no waiting mends."""


def connect_awake(conninfo: str, *, wake_seconds: float) -> psycopg.Connection:
    """Connect, and try again for ``wake_seconds`` while the server may only be asleep or starting.

    Raises:
        psycopg.Error: the last try's, or at once one that no waiting mends.
    """
    until = time.monotonic() + wake_seconds
    while True:
        try:
            return psycopg.connect(conninfo, prepare_threshold=None)
        except psycopg.OperationalError as error:
            hopeless = any(part in str(error).lower() for part in _HOPELESS)
            if hopeless or time.monotonic() + PAUSE_SECONDS >= until:
                raise
        time.sleep(PAUSE_SECONDS)


class BrokenOffInTime:
    """Ends what a connection does once its time is over, here and on the server, so that no lock stays behind.

    Args:
        connection: whose work is bounded; after the bound it is of no more use.
        seconds: the bound; None sets none.

    Attributes:
        over: whether the time ran out.
    """

    def __init__(self, connection: psycopg.Connection, seconds: float | None) -> None:
        self._connection = connection
        self._timer = None if seconds is None else threading.Timer(max(0.0, seconds), self._break_off)
        self.over = False

    def __enter__(self) -> BrokenOffInTime:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _break_off(self) -> None:
        self.over = True
        # A server in the middle of a statement does not see that its client went away: it has to be told first.
        with contextlib.suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CANCEL_SECONDS)
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._connection.fileno())) as end,
        ):
            end.shutdown(socket.SHUT_RDWR)
