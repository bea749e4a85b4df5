"""The arithmetic of metta bench guardrails, against values worked out by hand."""

from __future__ import annotations

import pytest

from metta_local.bench.guardrails_stats import Counts, Rate, Span, matched, percentile, total, wilson


def test_an_interval_is_wilsons() -> None:
    # 10 of 100, as in textbooks: 0.0552 to 0.1744
    low, high = wilson(10, 100)
    assert low == pytest.approx(0.05523, abs=1e-4)
    assert high == pytest.approx(0.17437, abs=1e-4)


def test_nothing_found_in_many_still_leaves_room_above() -> None:
    low, high = wilson(0, 100)
    assert low == 0.0
    assert high == pytest.approx(0.03699, abs=1e-4)


def test_all_found_reaches_one_and_leaves_room_below() -> None:
    low, high = wilson(20, 20)
    assert high == 1.0
    assert low == pytest.approx(0.83887, abs=1e-4)


def test_of_nothing_everything_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert Rate(0, 0).value == 0.0


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (Span(10, 20, "PHONE"), 1),
        (Span(15, 20, "PHONE"), 1),  # half of the longer one
        (Span(16, 20, "PHONE"), 0),
        (Span(10, 30, "PHONE"), 1),
        (Span(10, 31, "PHONE"), 0),  # a span over the whole text must not pass for everything in it
        (Span(20, 30, "PHONE"), 0),
        (Span(10, 20, "CARD"), 0),
    ],
)
def test_an_entity_is_found_by_type_and_half_overlap(found: Span, right: int) -> None:
    counts = total(matched([Span(10, 20, "PHONE")], [found]).values())
    assert counts == Counts(right=right, wrong=1 - right, missed=1 - right)


def test_one_finding_answers_for_one_entity_only() -> None:
    gold = [Span(0, 10, "EMAIL"), Span(2, 12, "EMAIL")]
    assert matched(gold, [Span(0, 12, "EMAIL")]) == {"EMAIL": Counts(right=1, missed=1)}


def test_the_same_finding_twice_counts_once() -> None:
    assert matched([Span(0, 5, "SSN")], [Span(0, 5, "SSN"), Span(0, 5, "SSN")]) == {"SSN": Counts(right=1)}


def test_f1_is_the_harmonic_mean() -> None:
    counts = Counts(right=6, wrong=2, missed=4)
    assert (counts.precision.value, counts.recall.value) == (0.75, 0.6)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)


def test_f1_where_nothing_was_there_is_zero() -> None:
    assert Counts().f1 == 0.0


def test_percentiles_are_interpolated() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([1, 2, 3], 1.0) == 3
    assert percentile([7], 0.99) == 7


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
