"""Reads digits that are written as words ("four one five ...") in seven languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.normalise import View

_NAMES = (
    "zero oh cero null nul",
    "one uno una un um uma eins ein een",
    "two dos deux zwei due dois duas twee",
    "three tres trois drei tre drie",
    "four cuatro quatre vier quattro quatro",
    "five cinco cinq funf cinque vijf",
    "six seis sechs sei zes",
    "seven siete sept sieben sette sete zeven",
    "eight ocho huit acht otto oito",
    "nine nueve neuf neun nove negen",
)
_DIGIT = {name: str(digit) for digit, names in enumerate(_NAMES) for name in names.split()}
_NAME = "(?:" + "|".join(sorted(_DIGIT, key=len, reverse=True)) + r"|\d{1,4})"
_SPELLED = re.compile(rf"\b{_NAME}(?:[ ,.\-]{{1,3}}{_NAME}\b){{6,40}}+")
_PART = re.compile(r"[a-z]+|\d+")
_LIKELY = frozenset(_DIGIT) - {"un", "una", "um", "uma", "ein", "een", "sei", "null", "oh"}


def spelled_numbers(view: View) -> Iterator[tuple[int, int, str]]:
    """Start, end (in the view) and digits of every stretch of seven or more digits of which most are words."""
    if len(view.words & _LIKELY) < 2:
        return
    for match in _SPELLED.finditer(view.folded):
        parts = _PART.findall(match.group())
        named = sum(part in _DIGIT for part in parts)
        if named * 2 > len(parts):
            yield match.start(), match.end(), "".join(_DIGIT.get(part, part) for part in parts)
