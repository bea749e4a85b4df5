"""One long-lived event loop in a thread of its own; every coroutine of the process runs there.

Cached async clients belong to the loop that first used them, so a loop per invocation would break them. Group threads
hand a coroutine over and wait for it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from metta.errors import Retry

T = TypeVar("T")

EXECUTOR_THREADS = 32
"""For blocking calls (odoorpc, boto3) made from coroutines; the default of CPU + 4 is too few for ten turns."""


class LoopThread:
    """Starts its loop on first use, so that nothing exists before a snapshot is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(EXECUTOR_THREADS, "blocking"))
                self._thread = threading.Thread(target=loop.run_forever, name="metta-loop", daemon=True)
                self._thread.start()
                self._loop = loop
            return self._loop

    def run(self, work: Coroutine[Any, Any, T], *, seconds: float | None = None) -> T:
        """Run ``work`` on the loop and wait for its result.

        Args:
            work: the coroutine.
            seconds: after this it is cancelled, and given a moment to clean up.

        Raises:
            Retry: time ran out.
        """
        return asyncio.run_coroutine_threadsafe(_within(work, seconds), self._running()).result()

    def close(self) -> None:
        """Stop the loop and its threads; safe to call twice."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join(timeout=5)
        loop.close()


async def _within(work: Coroutine[Any, Any, T], seconds: float | None) -> T:
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return await work
    except TimeoutError:
        if timeout.expired():
            raise Retry("the deadline came before the work was done") from None
        raise
