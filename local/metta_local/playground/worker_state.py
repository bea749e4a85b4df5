"""What a page is told of the worker's process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from metta.messages import JsonObject


def now() -> str:
    """The moment, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class WorkerState:
    """What a page is told of the worker."""

    state: str = "starting"
    """starting, ready, killed or stopped."""
    pid: int | None = None
    kills: int = 0
    armed: str | None = None
    since: str = ""
    note: str = ""

    def shown(self) -> JsonObject:
        """As JSON."""
        return dict(vars(self))
