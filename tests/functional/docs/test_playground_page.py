"""docs/playground.md names what the page offers: every fault, every moment to kill at, every sample, every request."""

from __future__ import annotations

import pytest

from metta_local.playground.faults import Faults
from metta_local.playground.greeting import KILL_POINTS, SAMPLES
from metta_local.stack import LocalStack

from .blocks import text_of

PAGE = text_of("docs/playground.md")
FAULTS = [fault.title for fault in Faults(LocalStack(environ={}), None)._all()]


@pytest.mark.parametrize("name", [*FAULTS, *KILL_POINTS.values()])
def test_each_switch_and_each_moment_has_its_row(name: str) -> None:
    assert f"\n| {name} |" in PAGE


@pytest.mark.parametrize("label", SAMPLES)
def test_each_sample_is_named(label: str) -> None:
    assert label in " ".join(PAGE.split())
