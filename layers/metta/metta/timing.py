"""Times the steps of a turn, failed ones included; each is a span of the turn's trace, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from metta.messages import Timing, Turn
from metta.observability import span

SPANS = {"guard_input": "validate_input", "guard_output": "validate_output"}
"""Steps whose span is called otherwise."""


@contextmanager
def timed(turn: Turn, step: str) -> Iterator[None]:
    """Record how long a step took, also when it fails."""
    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        with span(SPANS.get(step, step)):
            yield
    finally:
        taken = (time.perf_counter() - clock) * 1000
        turn.timings.append(Timing(step=step, started_at=started, duration_ms=round(taken, 3)))
