"""Times the steps of a turn, failed ones included; each is a span of the turn's trace, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from metta.messages import Timing, Turn
from metta.observability import span

SPANS = {"guard_input": "validate_input", "guard_output": "validate_output"}
"""Steps whose span is called otherwise."""


class StepWatch(Protocol):
    """Sees every step of every turn of this process; it must not raise."""

    def __call__(self, turn: Turn, step: str, *, over: bool, text: str) -> None:
        """A step begins or is over.

        Args:
            turn: as it is now; it changes on.
            step: its name.
            over: whether it is over, failed or not.
            text: what the step is about, where nothing of the turn holds it (the reply as the model wrote it).
        """
        ...


_watch: StepWatch | None = None


def watch_steps(watch: StepWatch | None) -> None:
    """Let ``watch`` see the steps from now on; nobody with None. For whoever shows turns while they happen."""
    global _watch
    _watch = watch


@contextmanager
def timed(turn: Turn, step: str, *, text: str = "") -> Iterator[None]:
    """Record how long a step took, also when it fails; ``text`` is what it is about, for who looks on."""
    watch = _watch
    started, clock = datetime.now(UTC), time.perf_counter()
    if watch is not None:
        watch(turn, step, over=False, text=text)
    try:
        with span(SPANS.get(step, step)):
            yield
    finally:
        taken = (time.perf_counter() - clock) * 1000
        turn.timings.append(Timing(step=step, started_at=started, duration_ms=round(taken, 3)))
        if watch is not None:
            watch(turn, step, over=True, text="")
