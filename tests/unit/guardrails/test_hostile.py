"""Time grows with a text's length only, whatever the text is made of; no pattern makes the guardrails hang.

Only ratios within one process are compared. Four times the text may cost eight times the time, where a quadratic check
takes sixteen times; what is hardly dearer than an honest text of the same length needs no second look.
"""

from __future__ import annotations

import random

import pytest

from metta_local.fuzz import Work, works
from metta_local.fuzz_growth import TIMES, growth, seconds_for, suspects
from metta_local.fuzz_patterns import guardrail_patterns
from metta_local.fuzz_properties import Subject
from metta_local.fuzz_shapes import SHAPES, Shape, repeated

WORKS = works(Subject())
LENGTH = 700
DEAR = 4
"""Times the cost of an honest text, from which the growth is measured."""
HONEST = repeated("Where is my parcel? It should have come on Monday, and nobody answers the phone. ")
SIDES = ("input", "output", "text from the shop")


def honest_seconds(work: Work) -> float:
    text = HONEST(LENGTH * TIMES, random.Random(0))
    return min(seconds_for(work, text) for _ in range(3))


HONEST_SECONDS = {side: honest_seconds(WORKS[side]) for side in SIDES}


def not_linear(name: str, shape: Shape) -> list[str]:
    """The sides on which the shape's time grows faster than its length."""
    found = []
    for side in SIDES:
        long = shape(LENGTH * TIMES, random.Random(name))
        if seconds_for(WORKS[side], long) > DEAR * HONEST_SECONDS[side]:
            grown = growth(name, shape, WORKS[side], LENGTH, "hostile")
            if not grown.linear:
                found.append(f"{side}: x{grown.ratio:.1f}")
    return found


@pytest.mark.parametrize("side", SIDES)
def test_an_honest_text_costs_what_its_length_costs(side: str) -> None:
    assert growth("honest", HONEST, WORKS[side], 4 * LENGTH, "honest").linear


@pytest.mark.parametrize("name", SHAPES)
def test_a_hostile_text_costs_what_its_length_costs(name: str) -> None:
    assert not not_linear(name, SHAPES[name])


def test_what_one_pattern_is_slowest_on_costs_the_guardrails_what_its_length_costs() -> None:
    slowest = suspects(guardrail_patterns(), random.Random(5), length=LENGTH, pieces=4)
    assert not {name: sides for _, name, shape in slowest[:16] if (sides := not_linear(name, shape))}
