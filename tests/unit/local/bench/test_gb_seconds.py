"""What a reply costs in a batch, beside one of its own."""

from __future__ import annotations

import pytest

from metta_local.bench.cold import first_turns
from metta_local.bench.command import gb_seconds


def test_ten_replies_of_a_batch_share_its_seconds() -> None:
    result = gb_seconds(2.0, 2.5)

    assert result["gb_seconds"] == {"alone": 2.0, "together": 0.25}
    assert result["ratio"] == pytest.approx(0.125)


def test_a_batch_that_is_answered_one_after_the_other_misses_the_target() -> None:
    result = gb_seconds(2.0, 20.0)

    assert result["ratio"] > result["target"]


def test_the_first_turn_is_set_beside_turns_that_are_warm() -> None:
    result = first_turns({"worker": [[0.09, 0.07, 0.04, 0.05, 0.06]], "webhook": [[0.002, 0.001, 0.001, 0.001]]})

    assert result["functions"]["worker"] == {"first": 90.0, "warm": 50.0, "ratio": 1.8}
    assert result["ratio"] == 2.0
