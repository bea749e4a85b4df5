"""The CPU ledger: each moment of each thread belongs to the step whose work it is, whoever waits or interrupts."""

from __future__ import annotations

import asyncio
import gc
import threading
import types
from asyncio.events import Handle
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from metta_local.bench.ledger import COLLECTION, Ledger
from metta_local.bench.steps import MODEL_SDK, REASONS, STEPS

MODULE = "tests_support.shop"


class Clock:
    """CPU clocks that only ``work`` moves: one for each thread."""

    def __init__(self) -> None:
        self._of: dict[int, float] = {}

    def __call__(self) -> float:
        return self._of.get(threading.get_ident(), 0.0)

    def work(self, seconds: float) -> None:
        self._of[threading.get_ident()] = self() + seconds


@pytest.fixture(autouse=True)
def _no_garbage_is_collected_in_between() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(clock)


@contextmanager
def kept(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, **steps: Callable[..., Any]) -> Iterator[Any]:
    """Keep the ledger with the functions of a made-up module as steps of their own names."""
    module = types.ModuleType(MODULE)
    vars(module).update(steps)
    monkeypatch.setitem(__import__("sys").modules, MODULE, module)
    with ledger.kept({name: (f"{MODULE}:{name}",) for name in steps}):
        yield module


def run(work: Coroutine[Any, Any, Any]) -> None:
    with asyncio.Runner() as runner:
        runner.run(work)


def test_of_nested_steps_the_innermost_counts(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def inner() -> None:
        clock.work(2)

    def outer() -> None:
        clock.work(1)
        shop.inner()
        clock.work(4)

    with kept(ledger, monkeypatch, inner=inner, outer=outer) as shop:
        clock.work(100)
        shop.outer()
        clock.work(100)
        shop.inner()
    assert ledger.seconds() == {"outer": 5, "inner": 4}
    assert ledger.calls() == {"outer": 1, "inner": 2}


def test_a_step_that_fails_ends_all_the_same(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        clock.work(2)
        raise ValueError("boom")

    def outer() -> None:
        with pytest.raises(ValueError, match="boom"):
            shop.failing()
        clock.work(1)

    with kept(ledger, monkeypatch, failing=failing, outer=outer) as shop:
        shop.outer()
        clock.work(50)
    assert ledger.seconds() == {"failing": 2, "outer": 1}


def test_a_coroutine_that_waits_is_not_charged_for_what_others_do(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow() -> None:
        for _ in range(3):
            clock.work(10)
            await asyncio.sleep(0)
        clock.work(10)

    async def quick() -> None:
        for _ in range(5):
            clock.work(1)
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(shop.slow(), shop.quick(), shop.quick())

    with kept(ledger, monkeypatch, slow=slow, quick=quick) as shop:
        run(both())
    assert ledger.seconds() == {"slow": 40, "quick": 10}
    assert ledger.calls() == {"slow": 1, "quick": 2}


def test_a_coroutine_gives_its_thread_back_to_the_step_around_it(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call() -> None:
        clock.work(1)
        await asyncio.sleep(0)
        clock.work(1)

    async def turn() -> None:
        await shop.call()
        clock.work(5)
        await asyncio.sleep(0)
        clock.work(5)

    with kept(ledger, monkeypatch, call=call, turn=turn) as shop:
        run(shop.turn())
    assert ledger.seconds() == {"call": 2, "turn": 10}


def test_tasks_and_callbacks_that_a_step_starts_are_its_work(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.Task[None]] = []

    async def background() -> None:
        clock.work(3)
        await asyncio.sleep(0)
        clock.work(3)

    async def sdk() -> None:
        loop = asyncio.get_running_loop()
        started.append(loop.create_task(background()))
        loop.call_soon(clock.work, 7)

    async def whole() -> None:
        await shop.sdk()
        await asyncio.gather(*started)

    with kept(ledger, monkeypatch, sdk=sdk) as shop:
        run(whole())
    assert ledger.seconds() == {"sdk": 13}


def test_other_threads_have_accounts_of_their_own(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocking() -> None:
        clock.work(2)

    async def turn() -> None:
        clock.work(1)
        await asyncio.to_thread(shop.blocking)
        clock.work(1)

    def on_the_way() -> None:
        clock.work(1000)  # of no step
        run(shop.turn())

    with kept(ledger, monkeypatch, blocking=blocking, turn=turn) as shop, ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(on_the_way) for _ in range(3)]:
            done.result()
    assert ledger.seconds() == {"blocking": 6, "turn": 6}


def test_collecting_garbage_is_nobodys_work_but_its_own(
    ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collecting() -> None:
        clock.work(1)
        gc.collect()
        clock.work(1)

    def watch(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            clock.work(30)

    gc.collect()
    with kept(ledger, monkeypatch, collecting=collecting) as shop:
        gc.callbacks.append(watch)
        shop.collecting()
        gc.callbacks.remove(watch)
    assert ledger.seconds() == {"collecting": 2, COLLECTION: 30}


def test_afterwards_everything_is_as_it_was(ledger: Ledger) -> None:
    from agents import Runner
    from openai import AsyncOpenAI

    def state() -> tuple[Any, ...]:
        return Handle._run, vars(Runner)["run"], "post" in vars(AsyncOpenAI), AsyncOpenAI.post, list(gc.callbacks)

    before = state()
    with ledger.kept(STEPS):
        during = state()
        assert all(now is not then for now, then in zip(during[:2], before[:2], strict=True))
        assert isinstance(during[1], classmethod)
        assert (during[2], before[2]) == (True, False)
    assert state() == before


def test_a_function_that_is_not_there_is_an_error_and_nothing_stays_changed(ledger: Ledger) -> None:
    from metta.guardrails import Guardrails

    before = Guardrails.validate_input
    steps = {
        "a": ("metta.guardrails.engine:Guardrails.validate_input",),
        "b": ("metta.guardrails.engine:Guardrails.no",),
    }
    with pytest.raises(AttributeError, match="no"), ledger.kept(steps):
        pass
    assert Guardrails.validate_input is before


def test_every_step_named_in_reasons_is_one_and_the_model_needs_none() -> None:
    assert set(REASONS) <= set(STEPS)
    assert MODEL_SDK not in REASONS
    assert all(len(reason.split()) > 5 for reason in REASONS.values())
