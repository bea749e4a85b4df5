"""Shortens over-long customer text, so that what was not judged does not go on."""

from __future__ import annotations

from typing import NamedTuple

TAIL = 2000
"""Characters kept of the end, where a customer usually says what they want."""
GAP = "\n[...]\n"


def shorten(text: str, head: int) -> str:
    """The first ``head`` characters and the last 2,000 of a text longer than both (idempotent)."""
    return _shortened(text, head, TAIL)


_MARGIN = 46
"""Characters that are judged beyond those that go on, so that what the cut divides is seen whole."""


class Excerpt(NamedTuple):
    """What of an over-long text is judged: its two ends with the gap between them."""

    text: str
    cut: int
    """Where the gap stands."""
    left_out: int
    """How many characters more the whole text has."""

    def place(self, at: int) -> int:
        """The place in the whole text of one in the excerpt; of one in the gap, where the gap begins."""
        if at <= self.cut:
            return at
        return at + self.left_out if at >= self.cut + len(GAP) else self.cut


def excerpt(text: str, head: int) -> Excerpt | None:
    """What is judged in place of a text that is longer than what goes on of it; None when all of it is."""
    judged = _shortened(text, head + _MARGIN, TAIL + _MARGIN)
    return None if judged == text else Excerpt(judged, head + _MARGIN, len(text) - len(judged))


def _shortened(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail + len(GAP):
        return text
    return text[:head] + GAP + text[-tail:]
