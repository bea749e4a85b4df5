"""Reads spans of time such as ``in 2 days`` or ``within two to four working days``, with which a reply names a day."""

from __future__ import annotations

import re
from typing import NamedTuple

from metta.guardrails.patterns import regex

_SMALL = (
    "one two three four five six seven eight nine ten",
    "ein zwei drei vier funf sechs sieben acht neun zehn",
    "un dos tres cuatro cinco seis siete ocho nueve diez",
    "une deux trois quatre cinq six sept huit neuf dix",
    "um dois tres quatro cinco seis sete oito nove dez",
    "un due tre quattro cinque sei sette otto nove dieci",
    "een twee drie vier vijf zes zeven acht negen tien",
    "a - - - - - - - - -",
    "einem duas - - - - - - - -",
    "einer uma - - - - - - - -",
    "an una - - - - - - - -",
)
_VALUES = {word: value for line in _SMALL for value, word in enumerate(line.split(), 1) if word != "-"} | {
    "una": 1,
    "uma": 1,
    "duas": 2,
}
_UNITS = {
    "hour": "hours?|stunden?|horas?|heures?|ore|ora|uren|uur",
    "day": "days?|tage?n?|dias?|jours?|giorn[oi]|dag(?:en)?|werktage?n?|arbeitstage?n?|werkdag(?:en)?",
    "week": "weeks?|wochen?|semanas?|semaines?|settiman[ae]|we[e]?k(?:en)?",
}
_HOURS = {"hour": 1, "day": 24, "week": 168}
_AHEAD = "in|within|innerhalb(?: von)?|binnen|en|dentro de|dans|sous|em|entro|fra|tra|over|after|nach|apres"
_LOOSE = (
    "the next|the|less than|under|about|around|just|only|at most|den nachsten|etwa|weniger als|unos|menos de"
    "|los proximos|environ|moins de|les|cerca de|os proximos|circa|meno di|i prossimi|ongeveer|minder dan|de komende"
)
_NUMBER = rf"(?:\d{{1,3}}|{'|'.join(sorted(_VALUES, key=len, reverse=True))})"
_LENGTH = (
    rf"(?P<low>{_NUMBER})(?:(?: ?[-–] ?| (?:to|or|bis|oder|a|o|ou|tot|of) )(?P<high>{_NUMBER}))?[ -]"
    r"(?:(?:working|business|full|more|short|volle|weitere) )?"
    rf"(?:{'|'.join(f'(?P<{unit}>{words})' for unit, words in _UNITS.items())})(?![^\W_])"
)
_SPAN = regex(rf"(?<![^\W_]){_LENGTH}")
_NAMES = re.compile(r"\?P<\w+>")
SPAN = rf"(?:{_AHEAD}) (?:(?:{_LOOSE}) )?{_NAMES.sub('?:', _LENGTH)}"
"""A pattern, without groups of a name, for a span that says when something will be."""


class Span(NamedTuple):
    """A length of time."""

    low: int
    """Hours at least."""
    high: int
    """Hours at most."""

    def is_said_by(self, other: Span) -> bool:
        """Whether this is ``other``, or its upper end alone ("within 4 days" of "2 to 4 days")."""
        return self == other or (self.low == self.high == other.high)


def find_spans(folded: str) -> list[Span]:
    """All spans of time in a folded text."""
    spans = []
    for match in _SPAN.finditer(folded):
        hours = next(hours for unit, hours in _HOURS.items() if match[unit])
        low = _value(match["low"]) * hours
        spans.append(Span(low, _value(match["high"]) * hours if match["high"] else low))
    return spans


def _value(number: str) -> int:
    return int(number) if number.isdigit() else _VALUES[number]
