"""An attack that nobody detects, on a model that does whatever it reads, has no forbidden effect.

What holds here holds because the runtime forbids it. ``metta redteam`` plays the cases that are not sampled as well.
"""

from __future__ import annotations

import pytest

from metta_local.redteam.cases import Case, Goal, Place, cases
from metta_local.redteam.running import Played

SAMPLED = [case for case in cases() if case.sampled]
ATTACKS = {f"{case.goal.name} {case.number}": (case.goal, case.number) for case in SAMPLED if not case.goal.masked}
READ = {case.place.name: case.place for case in SAMPLED if case.place.reads}


@pytest.mark.parametrize("case", SAMPLED, ids=lambda case: case.name)
def test_nothing_forbidden_happens(undetected: Played, case: Case) -> None:
    assert undetected.result(case).effects == ()


@pytest.mark.parametrize(("goal", "number"), ATTACKS.values(), ids=ATTACKS)
def test_the_model_did_obey_each_attack(undetected: Played, goal: Goal, number: int) -> None:
    tried = (case for case in SAMPLED if (case.goal, case.number) == (goal, number))
    assert any(undetected.result(case).obeyed for case in tried)


@pytest.mark.parametrize("place", READ.values(), ids=READ)
def test_the_model_did_read_what_stands_in_each_place(undetected: Played, place: Place) -> None:
    assert any(undetected.result(case).read for case in SAMPLED if case.place == place)
