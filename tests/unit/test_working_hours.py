"""When the team is there, and what a customer who is handed over is told about it, in seven languages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from metta.guardrails import FixedText, fixed_text, handoff_word
from metta.policy import WorkingHours

BERLIN = WorkingHours.model_validate(
    {
        "time_zone": "Europe/Berlin",
        "days": {
            **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), "9:00-17:00"),
            "friday": ["9:00-12:00", "13:00-15:30"],
            "sunday": "closed",
        },
        "holidays": ["2026-12-25"],
    }
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25T08:00", None),
        ("2026-11-25T07:59", "2026-11-25T09:00+01:00"),
        ("2026-11-25T16:00", "2026-11-26T09:00+01:00"),
        ("2026-11-27T11:30", "2026-11-27T13:00+01:00"),
        ("2026-11-27T14:30", "2026-11-30T09:00+01:00"),
        ("2026-12-24T17:00", "2026-12-28T09:00+01:00"),
        ("2026-12-25T10:00", "2026-12-28T09:00+01:00"),
        ("2026-07-01T07:00", None),
        ("2026-07-01T06:59", "2026-07-01T09:00+02:00"),
    ],
)
def test_the_next_opening_is_found_over_nights_weekends_and_holidays(now: str, opens: str | None) -> None:
    found = BERLIN.opens_next(at(now))
    assert (found and found.isoformat(timespec="minutes")) == opens
    assert BERLIN.is_open(at(now)) is (opens is None)


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("en", "on Monday, 30 November, from 9:00 (CET)"),
        ("de", "am Montag, dem 30. November, ab 9:00 Uhr (CET)"),
        ("es", "el lunes 30 de noviembre a partir de las 9:00 (CET)"),
        ("fr", "le lundi 30 novembre à partir de 9:00 (CET)"),
        ("pt", "na segunda-feira, 30 de novembro, a partir das 9:00 (CET)"),
        ("it", "lunedì 30 novembre dalle 9:00 (CET)"),
        ("nl", "op maandag 30 november vanaf 9:00 uur (CET)"),
        ("xx", "on Monday, 30 November, from 9:00 (CET)"),
    ],
)
def test_outside_of_the_hours_the_customer_learns_when_somebody_is_there(language: str, word: str) -> None:
    assert word in handoff_word(language, BERLIN, at("2026-11-28T10:00"))


def test_on_the_same_day_the_time_is_enough() -> None:
    assert "back today from 9:00 (CET)" in handoff_word("en", BERLIN, at("2026-11-25T05:00"))


def test_within_the_hours_or_without_any_nothing_is_said_about_them() -> None:
    plain = fixed_text(FixedText.HANDOFF_WORD, "en")
    assert handoff_word("en", BERLIN, at("2026-11-25T10:00")) == plain
    assert handoff_word("en", None, at("2026-11-28T10:00")) == plain


def test_a_team_that_is_away_for_months_is_not_promised() -> None:
    away = [date(2026, 8, 1) + timedelta(days=day) for day in range(90)]
    closed = WorkingHours.model_validate({"days": {"monday": "9:00-17:00"}, "holidays": away})
    assert handoff_word("en", closed, at("2026-08-01T10:00")) == fixed_text(FixedText.HANDOFF_WORD, "en")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"monday": "9-17"}, "no period like 9:00-17:00"),
        ({"monday": "17:00-9:00"}, "must begin before it ends"),
        ({"monday": "9:60-10:00"}, "must begin before it ends"),
        ({"monday": "22:00-25:00"}, "must begin before it ends"),
        ({"monday": ["9:00-12:00", "11:00-15:00"]}, "overlap"),
        ({"monday": "closed"}, "at least one day must be open"),
        ({"monday": 540}, "must be closed, a period"),
        ({}, "at least 1 item"),
    ],
)
def test_hours_that_make_no_sense_are_refused(days: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        WorkingHours.model_validate({"days": days})
