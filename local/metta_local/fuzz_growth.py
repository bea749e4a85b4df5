"""Measures how time grows with the length of a text: four times the text may cost about four times the time."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from metta_local.fuzz_patterns import pieces_of
from metta_local.fuzz_shapes import ENDS, Shape, repeated

TIMES = 4
"""The longer text is this many times as long."""
MOST = 8.0
"""Growth from which time is not linear: linear time gives 4 or less, quadratic time comes near 16."""
_TRIES = 3
_STEPS = 3
"""Lengths, each four times the one before, that must all look bad: a step, where another way is taken, comes once."""
_FLOOR = 0.0005
"""Seconds below which the clock and the caches tell more than the text."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a shape cost at two lengths."""

    shape: str
    length: int
    """Characters of the longer text."""
    ratio: float
    seconds: float
    """Of the longer text."""

    @property
    def linear(self) -> bool:
        """Whether time grows with the length only."""
        return self.ratio <= MOST

    @property
    def microseconds_a_character(self) -> float:
        """Of the longer text."""
        return self.seconds / max(1, self.length) * 1e6


def growth(name: str, shape: Shape, work: Callable[[str], object], length: int, seed: str) -> Growth:
    """The growth between ``length`` characters and four times as many; where it looks bad, the lowest of more tries.

    Each try makes texts of its own, so that what a check remembers of an earlier one does not count.
    """
    tries: list[Growth] = []
    for step in range(_STEPS):
        size = length * TIMES**step
        for attempt in range(_TRIES if step == 0 else 1):
            dice = random.Random(f"{seed}:{name}:{step}:{attempt}")
            short, long = shape(size, dice), shape(size * TIMES, dice)
            before, after = seconds_for(work, short), seconds_for(work, long)
            tries.append(Growth(name, len(long), after / max(before, _FLOOR), after))
            if tries[-1].linear:
                return tries[-1]
    return min(tries, key=lambda found: found.ratio)


def seconds_for(work: Callable[[str], object], text: str) -> float:
    """CPU seconds of this process that ``work`` takes."""
    began = time.process_time()
    work(text)
    return time.process_time() - began


def suspects(
    patterns: Mapping[str, re.Pattern[str]], dice: random.Random, *, length: int, pieces: int
) -> list[tuple[float, str, Shape]]:
    """The shapes on which a pattern alone takes longest, worst first: seconds, name, shape; one a pattern.

    Where a pattern is only ever used on short or bounded texts, that is no fault: what the guardrails as a whole take
    for the shape decides.

    Args:
        patterns: name -> pattern.
        dice: choose among the pieces.
        length: characters of the texts that are tried.
        pieces: how many pieces of each pattern are tried.
    """
    worst: dict[str, tuple[float, str, Shape]] = {}
    for name, pattern in patterns.items():
        found = pieces_of(pattern, dice)
        for piece in dice.sample(found, min(pieces, len(found))):
            shape = repeated(piece, end=dice.choice(ENDS))
            seconds = seconds_for(pattern.findall, shape(length, dice))
            if name not in worst or seconds > worst[name][0]:
                worst[name] = (seconds, f"{piece!a} of {name}", shape)
    return sorted(worst.values(), key=lambda item: -item[0])
