"""The arithmetic behind ``metta bench guardrails``: rates with intervals, entities matched by overlap, percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_Z = 1.959963984540054
"""Two-sided 95 %."""
_OVERLAP = 0.5


@dataclass(frozen=True)
class Rate:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; everything is possible where nothing was counted."""
        return wilson(self.hits, self.of)


@dataclass(frozen=True, order=True)
class Span:
    """A typed place in a text, in code points, end exclusive."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Counts:
    """What was found, what was found for nothing and what was missed; of one class."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> Rate:
        """Of what was found."""
        return Rate(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Rate:
        """Of what was there."""
        return Rate(self.right, self.right + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 0 where nothing was there and nothing found."""
        whole = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / whole if whole else 0.0


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of ``hits`` out of ``of``."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, _Z * _Z
    middle = share + z2 / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = (middle - half) / (1 + z2 / of), (middle + half) / (1 + z2 / of)
    return (0.0 if hits == 0 else max(0.0, low)), (1.0 if hits == of else min(1.0, high))


def overlaps(gold: Span, found: Span) -> bool:
    """Whether both are of one type and share at least half of the longer one."""
    shared = min(gold.end, found.end) - max(gold.start, found.start)
    return (
        gold.type == found.type
        and shared > 0
        and shared >= _OVERLAP * max(gold.end - gold.start, found.end - found.start)
    )


def matched(gold: Iterable[Span], found: Iterable[Span]) -> dict[str, Counts]:
    """Counts per type. A found span answers for one that was there, and each for one only."""
    counts: dict[str, Counts] = {}
    left = sorted(set(found))
    for span in sorted(set(gold)):
        answer = next((one for one in left if overlaps(span, one)), None)
        if answer is not None:
            left.remove(answer)
        _count(counts, span.type, Counts(right=1) if answer is not None else Counts(missed=1))
    for span in left:
        _count(counts, span.type, Counts(wrong=1))
    return counts


def _count(counts: dict[str, Counts], type_: str, one: Counts) -> None:
    counts[type_] = counts.get(type_, Counts()) + one


def total(counts: Iterable[Counts]) -> Counts:
    """All of them together."""
    return sum(counts, Counts())


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` do not exceed, by linear interpolation.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
