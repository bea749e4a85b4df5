"""Reads dates and clock times as seven languages write them, so that a reply can be compared with its sources."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from metta.guardrails.patterns import regex

_MONTHS = (
    "january jan janvier janv januar janner enero ene janeiro gennaio gen januari",
    "february feb fevrier fevr februar febrero fevereiro fev febbraio februari",
    "march mar mars marz maerz marzo marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maio maggio mag mei",
    "june jun juin juni junio junho giugno giu",
    "july jul juillet juil juli julio julho luglio lug",
    "august aug aout agosto ago augustus",
    "september sep sept septembre septiembre setembro settembre set",
    "october oct octobre oktober okt octubre outubro out ottobre ott",
    "november nov novembre noviembre novembro",
    "december dec decembre dezember dez diciembre dic dezembro dicembre",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_NAME = "(?:" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + r")"

_ISO = regex(r"(?<![\d\-])(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = regex(r"(?<![\d./\-])(\d{1,2})([./-]) ?(\d{1,2})\2 ?(\d{4}|\d{2})(?![\d])")
_SHORT = regex(r"(?<![\d./])(\d{1,2})\. ?(\d{1,2})\.(?! ?\d)")
_SLASHED = regex(r"\b(?:on|by|until|before|from|since|am|vom|bis|el|le|em|il|op|dia|for) (\d{1,2})/(\d{1,2})(?![\d/])")
_DAY_FIRST = regex(
    rf"(?<![\d.,])(\d{{1,2}})(?:st|nd|rd|th|er|e|o|\.)? ?(?:de |of |d'|di )?({_NAME})\b"
    rf"(?:\.?,? (?:de |del |di )?(\d{{4}})(?!\d))?"
)
_MONTH_FIRST = regex(
    rf"\b({_NAME})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?(?![\d.,]\d|\d|[:%€$]| ?(?:eur|usd|€))(?:,? (\d{{4}})(?!\d))?"
)
_MONTH_ONLY = regex(rf"\b({_NAME})\b\.? (?:de |del |di )?((?:19|20)\d\d)(?!\d)")
_CLOCK = regex(r"(?<![\d:.,])(\d{1,2})[:h](\d{2})(?::\d{2}(?:\.\d{1,6})?)?(?!\d|:\d)(?: ?([ap])\.?m\b)?")
_HOUR = regex(r"(?<![\d:.,])(\d{1,2}) ?(?:([ap])\.?m\b|uhr\b|o'clock\b|heures?\b|uur\b)")


class Day(NamedTuple):
    """A date that may lack the year or the day."""

    year: int | None
    month: int
    day: int | None

    def agrees(self, other: Day) -> bool:
        """Whether both can mean one date; what one leaves out the other may fill."""
        return (
            self.month == other.month
            and (self.day is None or other.day is None or self.day == other.day)
            and (self.year is None or other.year is None or self.year == other.year)
        )

    def as_date(self) -> date | None:
        """The calendar date, when it is complete and exists."""
        if self.year is None or self.day is None:
            return None
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None


class Dated(NamedTuple):
    """A stretch of text that names a date, with all ways to read it."""

    start: int
    end: int
    readings: tuple[Day, ...]


class Timed(NamedTuple):
    """A stretch of text that names a clock time, with all ways to read it (hour, minute)."""

    start: int
    end: int
    readings: tuple[tuple[int, int], ...]


def _days(*readings: tuple[int | None, int, int | None]) -> tuple[Day, ...]:
    return tuple(
        Day(year, month, day) for year, month, day in readings if 1 <= month <= 12 and (day is None or 1 <= day <= 31)
    )


def _year(text: str | None) -> int | None:
    if not text:
        return None
    return int(text) + (2000 if len(text) == 2 else 0)


def find_dates(folded: str, text: str) -> list[Dated]:
    """Dates in a folded text, by place, none overlapping. ``text`` is the same with its capitals."""
    found: list[Dated] = []
    if not any(char.isdigit() for char in folded):
        return found
    for m in _ISO.finditer(folded):
        found.append(Dated(*m.span(), _days((int(m[1]), int(m[2]), int(m[3])))))
    for m in _NUMERIC.finditer(folded):
        first, second, year = int(m[1]), int(m[3]), _year(m[4])
        found.append(Dated(*m.span(), _days((year, second, first), (year, first, second))))
    for m in _SHORT.finditer(folded):
        found.append(Dated(*m.span(), _days((None, int(m[2]), int(m[1])))))
    for m in _SLASHED.finditer(folded):
        first, second = int(m[1]), int(m[2])
        found.append(Dated(m.start(1), m.end(), _days((None, second, first), (None, first, second))))
    for m in _DAY_FIRST.finditer(folded):
        found.append(Dated(*m.span(), _days((_year(m[3]), _MONTH_OF[m[2]], int(m[1])))))
    for m in _MONTH_FIRST.finditer(folded):
        if m[1] not in ("may", "mar", "out", "set", "ago", "dic") or text[m.start()].isupper():
            found.append(Dated(*m.span(), _days((_year(m[3]), _MONTH_OF[m[1]], int(m[2])))))
    for m in _MONTH_ONLY.finditer(folded):
        found.append(Dated(*m.span(), _days((int(m[2]), _MONTH_OF[m[1]], None))))
    return list(_apart(found))


def _apart(found: list[Dated]) -> Iterator[Dated]:
    done = 0
    for item in sorted((f for f in found if f.readings), key=lambda f: (f.start, -f.end)):
        if item.start >= done:
            done = item.end
            yield item


def find_times(folded: str) -> list[Timed]:
    """Clock times in a folded text."""
    found: list[Timed] = []
    for m in _CLOCK.finditer(folded):
        found.append(Timed(*m.span(), _clock(int(m[1]), int(m[2]), m[3])))
    for m in _HOUR.finditer(folded):
        found.append(Timed(*m.span(), _clock(int(m[1]), 0, m[2])))
    return [item for item in found if item.readings]


def _clock(hour: int, minute: int, half: str | None) -> tuple[tuple[int, int], ...]:
    if hour > 24 or minute > 59:
        return ()
    if half == "p":
        return ((hour % 12 + 12, minute),)
    if half == "a":
        return ((hour % 12, minute),)
    return ((hour % 24, minute), ((hour + 12) % 24, minute)) if hour <= 12 else ((hour % 24, minute),)
