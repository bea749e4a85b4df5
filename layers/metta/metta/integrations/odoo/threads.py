"""Threads that do blocking work for event loops: the executor's job at half of its CPU (decision 0013).

``ThreadPoolExecutor`` has a future and a condition of its own for each job, beside the loop's. Here a job's answer goes
straight to the loop that waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class _Job(Generic[_Answer]):
    work: Callable[[], _Answer]
    answer: asyncio.Future[_Answer]
    loop: asyncio.AbstractEventLoop

    def do(self) -> None:
        """Work, unless nobody waits any more, and let the loop have what came of it."""
        if self.answer.cancelled():
            return
        try:
            done, error = self.work(), None
        except BaseException as raised:  # noqa: BLE001 - raised again where it is waited for
            done, error = None, raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self.loop.call_soon_threadsafe(self._settle, done, error)

    def _settle(self, done: Any, error: BaseException | None) -> None:
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(done)
        else:
            self.answer.set_exception(error)


class Threads:
    """Bound to no event loop: serves all that ask. A thread starts when all others are busy, and stays.

    They do not keep the process from ending.

    Args:
        most: how many there may be; further jobs wait.
        name: what their names begin with.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._unfinished = 0
        self._started = 0
        self._closed = False

    def run(self, work: Callable[[], _Answer]) -> asyncio.Future[_Answer]:
        """What ``work`` returns or raises, for the running loop; cancelled before it began, it never begins.

        Raises:
            RuntimeError: the threads were closed.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        with self._lock:
            if self._closed:
                raise RuntimeError("the threads were closed")
            self._unfinished += 1
            if self._unfinished > self._started < self._most:
                self._started += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._started}", daemon=True).start()
            self._jobs.put(job)
        return job.answer

    def close(self) -> None:
        """Let the threads end once they are done with what they have begun; what waits is cancelled."""
        with self._lock:
            self._closed = True
            with contextlib.suppress(queue.Empty):
                while job := self._jobs.get_nowait():
                    with contextlib.suppress(RuntimeError):
                        job.loop.call_soon_threadsafe(job.answer.cancel)
            for _ in range(self._started):
                self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            del job  # or its answer would live until the next
            with self._lock:
                self._unfinished -= 1
