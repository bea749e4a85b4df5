"""Checks the figures of a reply: an order, amount, date, tracking number or stock must come from somewhere.

Sources are this turn's tool results, the policy's facts, the customer's own words and the earlier conversation. Honest
small counts pass, and so do the same figure in another notation, a product or sum of known amounts, and a known date
plus a known number of days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from metta.guardrails.calendar import Day, find_dates, find_times
from metta.guardrails.figures import Figure, Sort, code_of, find_figures, tokens_with_digits
from metta.guardrails.hits import Hit
from metta.guardrails.normalise import View
from metta.guardrails.pii import find_pii
from metta.guardrails.rules import LONGEST_REPLY, action_of
from metta.messages import Author, MessageContext
from metta.policy import Policy

_NOT_A_CLAIM = re.compile(
    r"(?:https?://|www\.)[^\s<>)\]]{1,2000}"
    r"|(?<![\w.+\-])[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5}"
    r"|(?m:^[ \t]{0,8}\(?\d{1,2}[.)](?=\s))|\[[a-z]{3,8}\]"
)
_LONG_CODE = 8
_AROUND = 40
_ENOUGH = 20
"""Unsupported figures of one reply that are reported."""
_MOST_FACTORS = 99
_SUMMED = 12
"""More amounts in one reply than this are not added up."""


class Known:
    """What the turn's sources vouch for."""

    def __init__(self, sources: Iterable[str], today: date | None = None) -> None:
        self.numbers: set[Decimal] = set()
        """Every number, whatever it says."""
        self.bare: set[Decimal] = set()
        """Numbers without unit or currency."""
        self.amounts: set[Decimal] = set()
        """Numbers that may be amounts: with a currency, or bare."""
        self.measures: dict[str, set[Decimal]] = {}
        """Unit -> numbers that stand with it."""
        self.codes: set[str] = set()
        self.days: set[Day] = set()
        self.times: set[tuple[int, int]] = set()
        if today is not None:
            self.days |= {Day(d.year, d.month, d.day) for d in (today - timedelta(1), today, today + timedelta(1))}
        for text in sources:
            self._read(View(text))

    def _read(self, view: View) -> None:
        text, folded = view.text, view.folded
        places: list[tuple[int, int]] = []
        for dated in find_dates(folded, text):
            self.days.update(dated.readings)
            places.append((dated.start, dated.end))
        for timed in find_times(folded):
            self.times.update(timed.readings)
            places.append((timed.start, timed.end))
        folded = _blanked(folded, places)
        for figure in find_figures(_where_left(text, folded), folded):
            self.numbers.update(figure.values)
            if figure.sort is Sort.MEASURE:
                self.measures.setdefault(figure.unit, set()).update(figure.values)
                continue
            self.amounts.update(figure.values)
            if figure.sort is not Sort.AMOUNT:
                self.bare.update(figure.values)
        for token in tokens_with_digits(text):
            self.codes.add(code_of(token))
            self.codes.update(code_of(part) for part in re.split(r"[\-/_.]", token) if any(c.isdigit() for c in part))
        self.numbers.update(Decimal(day.year) for day in self.days if day.year)

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


class ClaimCheck:
    """Stops replies with figures that nothing vouches for.

    Args:
        policy: facts and action.
        today: the current date, which the model is told as well.
    """

    def __init__(self, policy: Policy, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._action = action_of(policy, "unsupported_claim")
        self._facts = (*policy.facts.values(), policy.company)
        self._today = today

    def __call__(self, view: View, context: MessageContext) -> list[Hit]:
        """One hit a figure. A context without tool results and customer text gives nothing to judge by: no hits."""
        if (not context.tool_results and not context.customer_text) or len(view.text) > LONGEST_REPLY:
            return []
        text, folded = _without_addresses(view)
        if not any(char.isdigit() for char in text):
            return []
        known = Known(_sources(context, self._facts), self._today())
        places = islice(_unsupported(text, folded, known), _ENOUGH)
        return [Hit("rules", "unsupported_claim", *view.span(*place), 0.95, self._action) for place in places]


def _without_addresses(view: View) -> tuple[str, str]:
    """Text and folded text with links, addresses, masks and list numbers blanked: other checks judge those."""
    folded = _NOT_A_CLAIM.sub(lambda match: " " * len(match.group()), view.folded)
    folded = _blanked(folded, [(found.start, found.end) for found in find_pii(view)])
    return _where_left(view.text, folded), folded


def _blanked(text: str, places: list[tuple[int, int]]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in sorted(places):
        if end > done:
            start = max(start, done)
            pieces += (text[done:start], " " * (end - start))
            done = end
    return "".join((*pieces, text[done:]))


def _where_left(text: str, folded: str) -> str:
    """``text`` with blanks wherever ``folded`` was blanked."""
    return "".join(char if other != " " else " " for char, other in zip(text, folded, strict=True))


def _sources(context: MessageContext, facts: tuple[str, ...]) -> Iterator[str]:
    yield from facts
    for result in context.tool_results:
        try:
            yield "\n".join(_leaves(json.loads(result)))
        except (ValueError, RecursionError):
            yield result
    yield context.customer_text
    yield from (entry.text for entry in context.history if entry.author is not Author.ASSISTANT)
    contact, identity = context.contact, context.identity
    yield "\n".join(filter(None, (contact.name, contact.phone, contact.email, identity.phone, identity.email)))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield format(Decimal(str(value)), "f") if abs(value) < 1e18 else str(value)


def _unsupported(text: str, folded: str, known: Known) -> Iterator[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for dated in find_dates(folded, text):
        places.append((dated.start, dated.end))
        if not known.has_day(dated.readings):
            yield places[-1]
    for timed in find_times(folded):
        places.append((timed.start, timed.end))
        if known.times.isdisjoint(timed.readings):
            yield places[-1]
    folded = _blanked(folded, places)
    figures = find_figures(_where_left(text, folded), folded)
    amounts = [f for f in figures if f.sort in (Sort.AMOUNT, Sort.NUMBER) and known.amounts.intersection(f.values)]
    for figure in figures:
        if not _is_supported(figure, figures, amounts, known, text):
            yield figure.start, figure.end


def _is_supported(figure: Figure, figures: list[Figure], amounts: list[Figure], known: Known, text: str) -> bool:
    if figure.sort is Sort.COUNT:
        return True
    if figure.sort is Sort.MEASURE:
        return _is_measured(figure, known)
    vouching = known.amounts if figure.sort is Sort.AMOUNT else known.numbers
    if vouching.intersection(figure.values):
        return True
    around = text[max(0, figure.start - _AROUND) : figure.end + _AROUND]
    if figure.sort in (Sort.CODE, Sort.NUMBER) and known.has_code(figure.text, around):
        return True
    if figure.sort is Sort.CODE:
        return False
    return (" " in figure.text and _all_parts_known(figure.text, known)) or _is_worked_out(
        figure, figures, amounts, known
    )


def _all_parts_known(text: str, known: Known) -> bool:
    """``12 345`` may be two numbers that only stand side by side."""
    return all(Decimal(part) in known.numbers for part in text.split() if part.isdigit())


_CONVERSIONS: dict[str, tuple[tuple[str, Decimal], ...]] = {
    "day": (("week", Decimal(7)), ("hour", 1 / Decimal(24))),
    "week": (("day", 1 / Decimal(7)),),
    "hour": (("day", Decimal(24)), ("minute", 1 / Decimal(60))),
    "month": (("day", 1 / Decimal(30)), ("year", Decimal(12))),
    "year": (("month", 1 / Decimal(12)),),
    "minute": (("hour", Decimal(60)),),
}
"""Unit -> units it may have been worked out from, and the factor."""


def _is_measured(figure: Figure, known: Known) -> bool:
    """The number stands with this unit (or with none) in a source, or follows from another unit."""
    same = known.measures.get(figure.unit, set()) | (known.bare if figure.unit != "percent" else set())
    if same.intersection(figure.values):
        return True
    if figure.unit == "hour" and any(value % 24 == hour for value in figure.values for hour, _ in known.times):
        return True
    return any(
        abs(value - other * factor) < Decimal("0.01")
        for unit, factor in _CONVERSIONS.get(figure.unit, ())
        for other in known.measures.get(unit, ())
        for value in figure.values
    )


def _is_worked_out(figure: Figure, figures: list[Figure], amounts: list[Figure], known: Known) -> bool:
    """A rounded amount, a quantity times a known price, or a sum of known amounts of the same reply."""
    whole = [value for value in figure.values if value == value.to_integral_value()]
    fractions = [n for n in known.amounts if n != n.to_integral_value()]
    if figure.sort is Sort.AMOUNT and any(value in (round(n), int(n)) for value in whole for n in fractions):
        return True
    counts = {int(v) for f in figures if f.sort is Sort.COUNT for v in f.values if 2 <= v <= _MOST_FACTORS}
    prices = [value for item in amounts for value in item.values if value in known.amounts]
    if any(value == count * price for value in figure.values for count in counts for price in (*prices, *fractions)):
        return True
    if not 2 <= len(prices) <= _SUMMED:
        return False
    pairs = {a + b for i, a in enumerate(prices) for b in prices[i + 1 :]} | {
        abs(a - b) for a in prices for b in prices
    }
    return any(value in pairs or value == sum(prices) for value in figure.values)
