"""Keeps calls to Odoo apart where its owner asks for that: one at a time, and only so many a second.

Odoo Online's terms allow about one call a second and none in parallel. A process keeps that for itself; several
processes know nothing of each other (docs/odoo.md says what follows).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from metta.errors import OdooDown

LONGEST_WAIT_SECONDS = 30.0
"""A call that would wait longer than this is better tried again later, when fewer wait."""


class Waiting(Protocol):
    """What a call tells the pace about itself."""

    @property
    def aborted(self) -> bool:
        """Whether nobody waits for the answer any more."""
        ...

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Time that does not count against the call."""
        ...


class Pace:
    """Lets calls through one by one, in the order in which they came.

    Args:
        per_second: calls begun in a second, at most.
    """

    def __init__(self, per_second: float) -> None:
        self._apart = 1.0 / per_second
        self._next_at = 0.0
        self._busy = False
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, call: Waiting) -> Iterator[None]:
        """Wait for the turn in this thread, and hold it.

        Raises:
            OdooDown: too many wait already; says when to come back.
            TimeoutError: the caller has gone away.
        """
        with call.paused():
            self._wait(call)
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _wait(self, call: Waiting) -> None:
        ticket = object()
        with self._changed:
            expected = max(0.0, self._next_at - time.monotonic()) + len(self._queue) * self._apart
            if expected > LONGEST_WAIT_SECONDS:
                raise OdooDown("too many questions wait for Odoo's pace", after_seconds=expected)
            self._queue.append(ticket)
            try:
                while (left := self._left(ticket)) > 0:
                    if call.aborted:
                        raise TimeoutError
                    self._changed.wait(min(left, 0.2))  # an aborted call wakes nobody, so it looks now and then
                self._busy = True
                self._next_at = time.monotonic() + self._apart
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _left(self, ticket: object) -> float:
        """Seconds to wait before the next look; 0 when it is this ticket's turn."""
        if self._busy or self._queue[0] is not ticket:
            return self._apart
        return max(0.0, self._next_at - time.monotonic())
