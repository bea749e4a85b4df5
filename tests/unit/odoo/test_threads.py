"""Blocking work for event loops: as much at a time as allowed, nothing for who went away, and an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from metta.integrations.odoo.threads import Threads

MOST = 4
PATIENCE = 10


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(MOST, "under-test")
    yield threads
    threads.close()


def alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("under-test")]


def test_answers_and_errors_come_back_to_whichever_loop_asked(threads: Threads) -> None:
    async def ask(number: int) -> float:
        return await threads.run(lambda: 1 / number)

    assert [asyncio.run(ask(1)), asyncio.run(ask(2))] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(0))
    assert asyncio.run(ask(4)) == 0.25


def test_one_after_the_other_takes_one_thread(threads: Threads) -> None:
    async def several() -> set[str]:
        return {await threads.run(lambda: threading.current_thread().name) for _ in range(20)}

    assert len(asyncio.run(several())) <= 2, "the next may come before the last thread is free again"


def test_as_many_as_allowed_work_at_a_time_and_no_more(threads: Threads) -> None:
    met = threading.Barrier(MOST)

    async def crowd() -> list[int]:
        return await asyncio.gather(*(threads.run(lambda: met.wait(PATIENCE)) for _ in range(3 * MOST)))

    assert sorted(asyncio.run(crowd())) == sorted(3 * list(range(MOST)))
    assert len(alive()) == MOST


def test_who_goes_away_before_the_work_began_is_not_worked_for(threads: Threads) -> None:
    let, done = threading.Event(), []

    async def crowded_out() -> None:
        busy = [threads.run(lambda: let.wait(PATIENCE)) for _ in range(MOST)]
        waiting = threads.run(lambda: done.append("in vain"))
        waiting.cancel()
        let.set()
        await asyncio.gather(*busy)
        await threads.run(lambda: done.append("next"))

    asyncio.run(crowded_out())

    assert done == ["next"]


def test_who_goes_away_meanwhile_leaves_no_error_behind() -> None:
    one = Threads(1, "under-test")
    let, met, errors = threading.Event(), threading.Barrier(2), []

    def work() -> bool:
        met.wait(PATIENCE)
        return let.wait(PATIENCE)

    async def gives_up() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        begun = one.run(work)
        met.wait(PATIENCE)
        begun.cancel()
        let.set()
        await one.run(lambda: "the answer to the first came before")

    asyncio.run(gives_up())
    one.close()

    assert errors == []


def test_an_answer_that_nobody_waits_for_any_more_does_no_harm(threads: Threads) -> None:
    let = threading.Event()

    async def gone() -> None:
        for _ in range(MOST):
            threads.run(lambda: let.wait(PATIENCE) and 1 / 0)

    asyncio.run(gone())  # its loop is closed before the answers come
    let.set()

    async def next_one() -> str:
        return await asyncio.wait_for(threads.run(lambda: "served"), PATIENCE)

    assert asyncio.run(next_one()) == "served"


def test_closed_they_end_and_what_waits_is_cancelled() -> None:
    threads, let, met = Threads(MOST, "under-test"), threading.Event(), threading.Barrier(MOST + 1)

    def work() -> bool:
        met.wait(PATIENCE)
        return let.wait(PATIENCE)

    async def close() -> list[object]:
        begun = [threads.run(work) for _ in range(MOST)]
        waiting = threads.run(lambda: "too late")
        met.wait(PATIENCE)
        threads.close()
        let.set()
        with pytest.raises(RuntimeError):
            threads.run(lambda: "closed")
        return await asyncio.gather(*begun, waiting, return_exceptions=True)

    *begun, waiting = asyncio.run(close())

    assert begun == [True] * MOST
    assert isinstance(waiting, asyncio.CancelledError)
    for thread in alive():
        thread.join(PATIENCE)
    assert alive() == []
