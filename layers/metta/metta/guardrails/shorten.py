"""Shortens over-long customer text, so that what was not judged does not go on."""

from __future__ import annotations

TAIL = 2000
"""Characters kept of the end, where a customer usually says what they want."""
GAP = "\n[...]\n"


def shorten(text: str, head: int) -> str:
    """The first ``head`` characters and the last 2,000 of a text longer than both (idempotent)."""
    if len(text) <= head + TAIL + len(GAP):
        return text
    return text[:head] + GAP + text[-TAIL:]
