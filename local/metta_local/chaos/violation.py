"""A broken promise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """What was found that may not be."""

    promise: str
    """Which one: lost, doubled, after_takeover, stale, order, no_end, audit, handoff, retries, paid_twice, ..."""
    conversation: int | None
    what: str
    """In words, with ids and times."""

    def __str__(self) -> str:
        where = "" if self.conversation is None else f" in conversation {self.conversation}"
        return f"{self.promise}{where}: {self.what}"
