"""The one event loop: clients stay on it, time runs out cleanly, nothing is left for a later invocation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from metta.errors import Retry
from metta.queue.loop import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread()
    yield made
    made.close()


def test_all_threads_share_one_loop(loop: LoopThread) -> None:
    async def where() -> int:
        await asyncio.sleep(0.01)
        return id(asyncio.get_running_loop())

    with ThreadPoolExecutor(5) as threads:
        assert len(set(threads.map(lambda _: loop.run(where()), range(10)))) == 1


def test_when_time_runs_out_the_work_is_cancelled_and_has_cleaned_up_before_the_error_is_seen(loop: LoopThread) -> None:
    cleaned = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            cleaned.set()

    async def others() -> int:
        return len(asyncio.all_tasks()) - 1

    with pytest.raises(Retry) as error:
        loop.run(slow(), seconds=0.05)
    assert error.value.counts, "a turn that always runs out of time is tried a bounded number of times"
    assert cleaned.is_set()
    assert loop.run(others()) == 0


def test_a_timeout_inside_the_work_is_the_works_own(loop: LoopThread) -> None:
    async def own() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        loop.run(own(), seconds=5)


def test_many_blocking_calls_run_at_the_same_time(loop: LoopThread) -> None:
    together = threading.Barrier(20, timeout=10)

    async def calls() -> None:
        await asyncio.gather(*(asyncio.to_thread(together.wait) for _ in range(20)))

    loop.run(calls(), seconds=10)


def test_closing_twice_is_harmless(loop: LoopThread) -> None:
    async def nothing() -> None:
        return None

    loop.run(nothing())
    loop.close()
    loop.close()
