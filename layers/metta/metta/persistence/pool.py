"""A few lazily opened connections for the turns of one process, and how a statement survives a stale one.

Small on purpose: a Lambda environment works on ten conversations at most and holds a connection for milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection

from metta.errors import AuditDown
from metta.persistence.connection import audit_down

Connection = AsyncConnection[Any]
T = TypeVar("T")

MAX_IDLE_SECONDS = 60.0
"""A connection unused for longer is not trusted: Lambda freezes, Neon suspends, gateways forget."""
RETRY_SECONDS = 0.2
"""Pause before the one retry when a new connection failed: a server that wakes up or restarts needs a moment."""
_PASSING_STATES = frozenset(
    {
        "57P01",  # terminated by the administrator: how a stale connection shows itself at its first statement
        "57P02",  # another backend crashed
        "57P03",  # starting up or shutting down
        "53300",  # too many connections
        "40001",  # serialization failure
        "40P01",  # deadlock
        "25006",  # read-only: a connection to what is no longer the primary
    }
)


class Connections:
    """Runs work on a connection, retrying it once on a fresh one when the failure may pass.

    Args:
        conninfo: as ``audit_conninfo`` gives it.
        limit: connections open at the same time; further work waits.
        seconds: bound of one statement, and of waiting for a free connection. The clock is ours: a session setting
            would not survive a pooler, and the server's own timeout does not see a network that went away.
    """

    def __init__(self, conninfo: str, *, limit: int, seconds: float) -> None:
        self._conninfo = conninfo
        self._seconds = seconds
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[tuple[Connection, float]] = []

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run ``work``, which must be safe to repeat.

        Raises:
            AuditDown: it failed twice, or in a way that a retry does not help.
        """
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise AuditDown(f"audit database: no free connection within {self._seconds:g} s") from None
        try:
            used = await self._take_idle()
            try:
                return await self._attempt(work, used)
            except (psycopg.Error, OSError) as error:
                if not _may_pass(error):
                    raise audit_down(error) from None
            await self._discard_idle()  # what made one connection stale made the others so
            if used is None:
                await asyncio.sleep(RETRY_SECONDS)
            try:
                return await self._attempt(work, None)
            except (psycopg.Error, OSError) as error:
                raise audit_down(error) from None
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Close what is open; the next ``run`` opens anew."""
        await self._discard_idle()

    async def _attempt(self, work: Callable[[Connection], Awaitable[T]], used: Connection | None) -> T:
        connection = used or await AsyncConnection.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        overdue = _Overdue(connection)
        timer = asyncio.get_running_loop().call_later(self._seconds, overdue.sever)
        try:
            done = await work(connection)
        except BaseException as error:
            await connection.close()
            if overdue.severed and isinstance(error, psycopg.Error):
                raise AuditDown(f"audit database: no answer within {self._seconds:g} s") from None
            raise
        finally:
            timer.cancel()
        self._idle.append((connection, time.time()))
        return done

    async def _take_idle(self) -> Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            # Wall clock: the monotonic one may stand still while Lambda has the process frozen.
            if not connection.closed and 0 <= time.time() - since <= MAX_IDLE_SECONDS:
                return connection
            await connection.close()
        return None

    async def _discard_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            await connection.close()


class _Overdue:
    """Ends the connection under a statement that does not come back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.severed = False

    def sever(self) -> None:
        """Shut the socket down: the waiting statement then fails at once, as if the server had hung up.

        Cancelling the task instead would have psycopg ask the server to cancel, and wait for it.
        """
        self.severed = True
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._connection.fileno())) as end,
        ):
            end.shutdown(socket.SHUT_RDWR)


def _may_pass(error: psycopg.Error | OSError) -> bool:
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return False  # it took its time already; the queue retries later
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return error.sqlstate in _PASSING_STATES or error.sqlstate.startswith("08")
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | OSError)
