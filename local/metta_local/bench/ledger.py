"""A ledger of CPU time by step, kept across threads and an event loop: whose work each moment of a thread was.

Exact where a sampler guesses: each thread has one step at a time, and its CPU clock (``time.thread_time``) is read
whenever that changes. A step begins where a function of it is called and ends where it returns; inside, the innermost
step counts. A coroutine that waits gives its thread away: tasks and callbacks carry their step in a context variable,
and the event loop's handles take it up again, also in tasks and threads that a step starts. Time at the beginning and
end of a thread, and of the loop between two handles, belongs to no step.
"""

from __future__ import annotations

import functools
import gc
import importlib
import inspect
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

COLLECTION = "garbage collection"
_step: ContextVar[str | None] = ContextVar("step", default=None)


@dataclass
class Account:
    """One thread's share of the ledger."""

    since: float
    """The thread's CPU clock at the latest change, seconds."""
    current: str | None = None
    seconds: dict[str | None, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)


class Ledger:
    """Seconds of CPU and calls by step, over all threads.

    Args:
        clock: CPU seconds of the calling thread.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._own = threading.local()
        self._accounts: list[Account] = []

    def enter(self, step: str | None) -> str | None:
        """From now on this thread works for ``step`` (None: for none); gives the one before, to come back to."""
        account: Account | None = getattr(self._own, "account", None)
        now = self._clock()
        if account is None:
            account = self._own.account = Account(now)
            self._accounts.append(account)
        before = account.current
        account.seconds[before] = account.seconds.get(before, 0.0) + now - account.since
        account.since, account.current = now, step
        return before

    def called(self, step: str) -> str | None:
        """As ``enter``, and counts a call."""
        before = self.enter(step)
        self._own.account.calls[step] += 1
        return before

    def seconds(self) -> dict[str, float]:
        """CPU seconds by step."""
        total: dict[str, float] = {}
        for account in list(self._accounts):
            for step, seconds in list(account.seconds.items()):
                if step is not None:
                    total[step] = total.get(step, 0.0) + seconds
        return total

    def calls(self) -> dict[str, int]:
        """Calls by step, from whichever other step."""
        return dict(sum((account.calls for account in list(self._accounts)), Counter()))

    def watched(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, whose work counts for ``step``; for plain functions and coroutine functions."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waiting(*args: Any, **kwargs: Any) -> Any:
                token, before = _step.set(step), self.called(step)
                try:
                    return await function(*args, **kwargs)
                finally:
                    self.enter(before)
                    _step.reset(token)

            return waiting

        @functools.wraps(function)
        def at_once(*args: Any, **kwargs: Any) -> Any:
            token, before = _step.set(step), self.called(step)
            try:
                return function(*args, **kwargs)
            finally:
                self.enter(before)
                _step.reset(token)

        return at_once

    @contextmanager
    def kept(self, steps: Mapping[str, Sequence[str]]) -> Iterator[None]:
        """Keep the ledger for a block.

        Args:
            steps: step -> functions that are its work, as ``module:name`` or ``module:Class.name``.

        Raises:
            AttributeError, ModuleNotFoundError: a function is not where it is said to be.
        """
        with ExitStack() as undo:
            for step, names in steps.items():
                for name in names:
                    undo.callback(_replace(name, functools.partial(self.watched, step)))
            undo.callback(self._watch_loop())
            undo.callback(self._watch_collector())
            yield

    def _watch_loop(self) -> Callable[[], None]:
        def accounted(run: Callable[..., Any]) -> Callable[..., Any]:
            def run_handle(handle: Any) -> None:
                before = self.enter(handle._context.get(_step))
                try:
                    run(handle)
                finally:
                    self.enter(before)

            return run_handle

        return _replace("asyncio.events:Handle._run", accounted)

    def _watch_collector(self) -> Callable[[], None]:
        interrupted = threading.local()

        def watch(phase: str, _info: dict[str, int]) -> None:
            if phase == "start":
                interrupted.step = self.called(COLLECTION)
            elif hasattr(interrupted, "step"):
                self.enter(interrupted.step)

        gc.callbacks.append(watch)
        return lambda: gc.callbacks.remove(watch)


def _replace(name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[[], None]:
    """Put a wrapped function in the place of the one called ``name``; gives what undoes it."""
    module, _, path = name.partition(":")
    *outer, last = path.split(".")
    owner: Any = functools.reduce(getattr, outer, importlib.import_module(module))
    found = inspect.getattr_static(owner, last)
    is_own = last in vars(owner)
    if isinstance(found, classmethod | staticmethod):
        setattr(owner, last, type(found)(wrap(found.__func__)))
    else:
        setattr(owner, last, wrap(found))

    def undo() -> None:
        if is_own:
            setattr(owner, last, found)
        else:
            delattr(owner, last)

    return undo
