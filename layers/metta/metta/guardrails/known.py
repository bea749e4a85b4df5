"""What the sources of a turn vouch for: the figures, codes, dates and times that stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from metta.guardrails.calendar import Day, find_dates, find_times
from metta.guardrails.figures import Sort, code_of, find_figures, tokens_with_digits
from metta.guardrails.normalise import View

_LONG_CODE = 8


class Known:
    """What the turn's sources vouch for.

    Args:
        sources: texts whose every figure is known.
        today: known with its neighbours.
        codes: texts that hold nothing but codes.
        counts: bare numbers that are no amounts.
    """

    def __init__(
        self,
        sources: Iterable[str],
        today: date | None = None,
        *,
        codes: Iterable[str] = (),
        counts: Iterable[str] = (),
    ) -> None:
        self.numbers: set[Decimal] = set()
        """Every number, whatever it says."""
        self.bare: set[Decimal] = set()
        """Numbers without unit or currency."""
        self.amounts: set[Decimal] = set()
        """Numbers that may be amounts: with a currency, or bare and not small."""
        self.measures: dict[str, set[Decimal]] = {}
        """Unit -> numbers that stand with it."""
        self.codes: set[str] = set()
        self.days: set[Day] = set()
        self.times: set[tuple[int, int]] = set()
        if today is not None:
            self.days |= {Day(d.year, d.month, d.day) for d in (today - timedelta(1), today, today + timedelta(1))}
        for text in sources:
            self._read(View(text))
        for text in codes:
            self._read_codes(text)
        for text in counts:
            self.numbers.add(Decimal(text).normalize())
            self.bare.add(Decimal(text).normalize())
            self._read_codes(text)

    def _read(self, view: View) -> None:
        text, folded = view.text, view.folded
        places: list[tuple[int, int]] = []
        for dated in find_dates(folded, text):
            self.days.update(dated.readings)
            places.append((dated.start, dated.end))
        for timed in find_times(folded):
            self.times.update(timed.readings)
            places.append((timed.start, timed.end))
        folded = blanked(folded, places)
        for figure in find_figures(where_left(text, folded), folded):
            self.numbers.update(figure.values)
            if figure.sort is Sort.MEASURE:
                self.measures.setdefault(figure.unit, set()).update(figure.values)
                continue
            if figure.sort is not Sort.COUNT:
                self.amounts.update(figure.values)
            if figure.sort is not Sort.AMOUNT:
                self.bare.update(figure.values)
        self._read_codes(text)
        self.numbers.update(Decimal(day.year) for day in self.days if day.year)

    def _read_codes(self, text: str) -> None:
        for token in tokens_with_digits(text):
            self.codes.add(code_of(token))
            self.codes.update(code_of(part) for part in re.split(r"[\-/_.]", token) if any(c.isdigit() for c in part))

    def has_code(self, token: str, around: str) -> bool:
        """Whether a code is known, also without its letters or leading zeros, or written in groups."""
        code = code_of(token)
        if code in self.codes:
            return True
        digits = code.lstrip("0")
        if code.isdigit():
            if any(known.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ").lstrip("0") == digits for known in self.codes):
                return True
            if len(code) >= 4 and any(known.endswith(code) for known in self.codes):
                return True
        squashed = code_of(around)
        return any(code in known and known in squashed for known in self.codes if len(known) >= _LONG_CODE)

    def has_day(self, readings: Iterable[Day]) -> bool:
        """Whether a date is known, or lies a known number of days behind one that is."""
        for reading in readings:
            if any(reading.agrees(day) for day in self.days):
                return True
            exact = reading.as_date()
            spans = self.measures.get("day", ())
            for day in self.days if exact and spans else ():
                start = day.as_date()
                if start and exact and (exact - start).days in spans:
                    return True
        return False


def blanked(text: str, places: list[tuple[int, int]]) -> str:
    """``text`` with blanks at these places."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(places):
        if end > done:
            start = max(start, done)
            pieces += (text[done:start], " " * (end - start))
            done = end
    return "".join((*pieces, text[done:]))


def where_left(text: str, folded: str) -> str:
    """``text`` with blanks wherever ``folded`` was blanked."""
    return "".join(char if other != " " else " " for char, other in zip(text, folded, strict=True))
