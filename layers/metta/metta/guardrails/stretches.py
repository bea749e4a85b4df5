"""Cuts a text into stretches of digits and separators, and those into the numbers, dates and lists they consist of."""

from __future__ import annotations

import re
from typing import NamedTuple

from metta.guardrails.patterns import regex

STRETCH = regex(r"[0-9](?:[^\w+=@#$€£¥%\"'<>\[\]{}°&;?!]{0,3}_?[0-9]){6,}+")
RUN = regex(r"[0-9]+")
LISTING = regex(r"[,;\n|]")
"""What stands between the parts of a list."""
PARTING = regex(r"[,;\n|]| [/\-\u00b7] ")
"""The same, and what may stand inside a number as well."""
DATE = regex(
    r"(?:(?:19|20)\d\d([-./ ])[01]?\d\1[0-3]?\d|[0-3]?\d([-./ ]|\. )[0-3]?\d\2(?:19|20)\d\d|"
    r"[0-3]?\d([-./])[0-3]?\d\3\d\d(?!\d)|20\d\d[01]\d[0-3]\d(?:\d{4}|\d{6})?)(?!\d|[-./]\d)"
)
LEAST = 7
"""Digits below which there is no number that identifies anybody."""
MANY = 64
"""Groups beyond which a stretch is a table or hostile: only cards in groups of three digits and more are looked for."""


class Number(NamedTuple):
    """A stretch of digits and separators in the view."""

    start: int
    end: int
    text: str
    runs: tuple[tuple[int, int, str], ...]
    """Start and end in the view, and the digits."""
    spelled: bool = False
    """Whether the digits were words."""

    @property
    def digits(self) -> str:
        """All its digits."""
        return "".join([run[2] for run in self.runs])

    @property
    def size(self) -> int:
        """How many digits it has."""
        return sum([len(run[2]) for run in self.runs])


def _is_latin(char: str) -> bool:
    return char.isalnum() and char < "\u0250"


def read(text: str, start: int, end: int) -> Number:
    """The number at a place, with the sign or bracket in front of it."""
    runs = tuple([(m.start(), m.end(), m.group()) for m in RUN.finditer(text, start, end)])
    while start and (text[start - 1] == "(" or (text[start - 1] == "+" and not _is_latin(text[max(0, start - 2)]))):
        start -= 1
    if start > 1 and text[start - 1] == " " and text[start - 2] == "+":
        start -= 2
    return Number(start, end, text[start:end], runs)


def split(number: Number, between: re.Pattern[str]) -> list[Number]:
    """The numbers of a list: parted by commas or lines, each long enough to be a number by itself."""
    if len(number.runs) < 2 or between.search(number.text) is None:
        return [number]
    base = number.start
    cuts = [
        i
        for i in range(len(number.runs) - 1)
        if between.search(number.text[number.runs[i][1] - base : number.runs[i + 1][0] - base])
    ]
    parts, first = [], 0
    for cut in (*cuts, len(number.runs) - 1):
        runs = number.runs[first : cut + 1]
        start = number.start if first == 0 else runs[0][0]
        parts.append(Number(start, runs[-1][1], number.text[start - base : runs[-1][1] - base], runs))
        first = cut + 1
    return parts


def undated(number: Number) -> Number | None:
    """The number without a date that stands before it; None when it is nothing but a date."""
    date = DATE.match(number.text.lstrip("("))
    if date is None:
        return number
    end = number.start + len(number.text) - len(number.text.lstrip("(")) + date.end()
    runs = tuple(run for run in number.runs if run[0] >= end)
    while (
        runs and len(runs[0][2]) <= 2 and number.text[runs[0][1] - number.start : runs[0][1] - number.start + 1] == ":"
    ):
        runs = runs[2:]
    if sum([len(run[2]) for run in runs]) < 7 or DATE.match(number.text[runs[0][0] - number.start :]):
        return None
    return Number(runs[0][0], number.end, number.text[runs[0][0] - number.start :], runs)
