"""Times the steps of a turn, failed ones included."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from metta.messages import Timing, Turn


@contextmanager
def timed(turn: Turn, step: str) -> Iterator[None]:
    """Record how long a step took, also when it fails."""
    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        yield
    finally:
        taken = (time.perf_counter() - clock) * 1000
        turn.timings.append(Timing(step=step, started_at=started, duration_ms=round(taken, 3)))
