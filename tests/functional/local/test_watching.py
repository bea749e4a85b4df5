"""The watchdog's thread beside a local worker: when it looks, what it survives, how it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest

from metta.errors import SettingsError
from metta_local.watching import LOOK_SECONDS, WatchdogThread


class Dog:
    """A watchdog that does what the test says and notes when it looked."""

    def __init__(self, does: Callable[[], None] = lambda: None) -> None:
        self.does = does
        self.looks = threading.Semaphore(0)
        self.given: list[float] = []
        self.stopped = False

    def run(self, seconds: float) -> None:
        self.given.append(seconds)
        self.looks.release()
        self.does()

    def stop(self) -> None:
        self.stopped = True


def thread(dog: Dog, seconds: float) -> WatchdogThread:
    return WatchdogThread(dog, seconds)  # type: ignore[arg-type]


def test_it_looks_at_once_and_then_again_and_again() -> None:
    dog = Dog()
    watching = thread(dog, 0.01)
    watching.start()

    assert all(dog.looks.acquire(timeout=5) for _ in range(3))
    assert watching.stop()
    assert set(dog.given) == {LOOK_SECONDS}


@pytest.mark.parametrize("error", [SettingsError("IDEMPOTENCY_TABLE: no index 'watch'"), RuntimeError("unforeseen")])
def test_a_look_that_fails_is_logged_and_not_the_last_one(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise error

    dog = Dog(fail)
    watching = thread(dog, 0.01)
    with caplog.at_level(logging.ERROR):
        watching.start()
        assert all(dog.looks.acquire(timeout=5) for _ in range(2))
        assert watching.stop()

    assert "could not look" in caplog.text
    assert str(error) in caplog.text


def test_stopping_does_not_wait_for_the_next_look() -> None:
    dog = Dog()
    watching = thread(dog, 3600)
    watching.start()
    assert dog.looks.acquire(timeout=5)

    began = time.monotonic()
    assert watching.stop()

    assert time.monotonic() - began < 5
    assert dog.stopped, "a look under way would go on with the next conversation"


def test_a_look_that_does_not_end_is_said() -> None:
    release = threading.Event()
    dog = Dog(lambda: (release.wait(10), None)[1])
    watching = thread(dog, 3600)
    watching.start()
    assert dog.looks.acquire(timeout=5)

    assert watching.stop(seconds=0.05) is False
    release.set()
    assert watching.stop()


def test_one_that_was_never_started_is_stopped() -> None:
    assert thread(Dog(), 3600).stop()
