"""Runs the areas' checks side by side, each bounded in time; one that breaks or hangs never stops the others.

Each area has a thread of its own with a loop of its own. Clients of AWS and PostgreSQL block, and a name server that
does not answer blocks whoever asks; such a thread is left behind, together with those it started. All are daemons, so
that the command ends all the same.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from metta_local.doctor.check import Check, fail

Tell = Callable[[Check], None]
"""Takes a finding at once, so that it is not lost when time runs out."""
_BROKEN = "look at the other lines first; if it stays, report this line as a fault of Metta's"


@dataclass(frozen=True)
class Work:
    """What one area has to do.

    Attributes:
        area: its name.
        look: does it, telling what it finds.
        seconds: after which no more is waited for.
    """

    area: str
    look: Callable[[Tell], Awaitable[None]]
    seconds: float


def run(works: Sequence[Work], done: Callable[[str], None] = lambda _area: None) -> list[Check]:
    """All that was found, in the order of ``works``.

    Args:
        works: the areas.
        done: called with each area that has ended, in this thread.
    """
    begun = time.monotonic()
    ended = threading.Condition()
    running = [_Running(work, ended) for work in works]
    for each in running:
        each.start()
    waiting = list(running)
    while waiting:
        with ended:
            over = [each for each in waiting if each.over(time.monotonic() - begun)]
            if not over:
                soonest = min(each.work.seconds for each in waiting)
                ended.wait(max(0.01, begun + soonest - time.monotonic()))
        for each in over:
            waiting.remove(each)
            done(each.work.area)
    return [found for each in running for found in each.findings()]


class _Running:
    """One area's thread and what it has told so far."""

    def __init__(self, work: Work, ended: threading.Condition) -> None:
        self.work = work
        self._ended = ended
        self._told: list[Check] = []
        self._finished = False
        self._given_up = False

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"doctor-{self.work.area}", daemon=True).start()

    def over(self, seconds: float) -> bool:
        self._given_up = not self._finished and seconds >= self.work.seconds
        return self._finished or self._given_up

    def findings(self) -> list[Check]:
        if not self._given_up:
            return self._told
        found = f"no more is known: the checks took longer than {self.work.seconds:g} s and were given up"
        fix = "see which server does not answer this machine (address, firewall, name server), then try again"
        return [*self._told, fail(f"{self.work.area}.time", found, fix)]

    def _tell(self, check: Check) -> None:
        if not self._given_up:
            self._told.append(check)

    def _run(self) -> None:
        try:
            asyncio.run(self._look())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other areas have their say
            self._tell(fail(f"{self.work.area}.doctor", f"the check itself broke ({type(error).__name__})", _BROKEN))
        with self._ended:
            self._finished = True
            self._ended.notify_all()

    async def _look(self) -> None:
        asyncio.get_running_loop().set_default_executor(_Daemons())
        await self.work.look(self._tell)


class _Daemons(ThreadPoolExecutor):
    """A thread per call that nobody waits for at the end; the usual executor's would hold up the whole process."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*given, **named))
            except BaseException as error:  # noqa: BLE001 - it is the future's
                future.set_exception(error)

        threading.Thread(target=work, name="doctor-call", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is waited for."""
