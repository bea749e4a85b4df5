"""What is to be done when, on one thread that sleeps in between."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

log = logging.getLogger(__name__)

Deed = Callable[[], None]


class Agenda:
    """Does deeds in order of their time; a context manager. Deeds may add further ones, from any thread."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Deed, bool]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._busy = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name="chaos-agenda", daemon=True)
        self.failures: list[BaseException] = []
        """What deeds raised: a fault of the harness, never of the product."""

    def later(self, seconds: float, deed: Deed, *, matters: bool = True) -> None:
        """Do it after a while; what does not matter need not be waited for."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), deed, matters))
            self._changed.notify()

    @property
    def empty(self) -> bool:
        """Whether nothing that matters is left to do."""
        with self._changed:
            return not self._busy and not any(matters for *_, matters in self._due)

    def __enter__(self) -> Agenda:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (deed := self._next()) is not None:
            try:
                deed()
            except Exception as error:
                log.exception("the harness itself failed")
                self.failures.append(error)
            finally:
                with self._changed:
                    self._busy = False

    def _next(self) -> Deed | None:
        with self._changed:
            while not self._over:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
        return None
