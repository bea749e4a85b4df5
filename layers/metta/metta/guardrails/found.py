"""What a recogniser of personal data found; shared by ``pii`` and those it asks."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """Personal data in the view's text."""

    kind: str
    start: int
    end: int
    score: float
    value: str
    """Comparable form: digits, or the address in lower case."""
