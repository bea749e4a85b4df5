"""Checks the figures of a reply: an order, amount, date, tracking number or stock must come from somewhere.

Sources are this turn's tool results, the policy's facts, the customer's own words and the earlier conversation. Honest
small counts pass, and so do the same figure in another notation, a product or sum of known amounts, and a known date
plus a known number of days. Free text of the shop vouches for no more than ``metta.guardrails.described`` says, and the
customer's words for no more than ``metta.guardrails.echoed`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from metta.guardrails.asked import action_of
from metta.guardrails.calendar import find_dates, find_times
from metta.guardrails.described import may_be_hours, may_describe, places_of
from metta.guardrails.echoed import may_echo, may_echo_day
from metta.guardrails.figures import Figure, Sort, amounts_in_words, find_figures
from metta.guardrails.hits import Hit
from metta.guardrails.known import Known, blanked, where_left
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.guardrails.pii import find_pii
from metta.guardrails.rules import LONGEST_REPLY
from metta.guardrails.sources import Told, read_told
from metta.guardrails.worded import counts
from metta.messages import Author, MessageContext
from metta.policy import Policy

_NOT_A_CLAIM = regex(
    r"(?:https?://|www\.)[^\s<>)\]]{1,2000}"
    r"|(?<![\w.+\-])[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5}"
    r"|(?m:^[ \t]{0,8}\(?\d{1,2}[.)](?=\s))|\[[a-z]{3,8}\]"
)
_WRAPPED = regex(r"(?<=[^\n.:])\n(?=[^\W\d_])")
"""A line break within a sentence; before a list's next entry, or after a sentence or heading, it is none."""
_FOR_EXAMPLE = regex(
    r"\b(?:for example|for instance|e\.g\.|such as|looks? like|zum beispiel|z\. ?b\.|por ejemplo|par exemple"
    r"|por exemplo|ad esempio"
    r"|bijvoorbeeld)[,:]? ?[\"']?#?$"
)
"""A code behind these shows what codes look like."""
_DOTTED_TIME = regex(r"(?<![\d.,])(\d{1,2})\.([0-5]\d)(?![\d%$€£]|[.,]\d| ?(?:[$€£%]|eur|usd|gbp|chf)\b)")
_AROUND = 40
_ENOUGH = 20
"""Unsupported figures of one reply that are reported."""
_MOST_FACTORS = 99
_SUMMED = 12
"""More amounts in one reply than this are not added up."""


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
        if not any(char.isdigit() for char in text) and not amounts_in_words(folded):
            return []
        told = read_told(context.tool_results)
        names = [View(name).folded for name in told.names if any(char.isdigit() for char in name)]
        folded = blanked(folded, places_of(names, folded))
        text = where_left(text, folded)
        sources = tuple(_ours(context, self._facts, told))
        ours = Known(sources, self._today(), codes=told.codes, counts=told.counts)
        known = Known((*sources, *_theirs(context)), self._today(), codes=told.codes, counts=told.counts)
        places = islice(_unsupported(text, folded, Sources(ours, known, Known(told.free))), _ENOUGH)
        return [Hit("rules", "unsupported_claim", *view.span(*place), 0.95, self._action) for place in places]


def _without_addresses(view: View) -> tuple[str, str]:
    """Text and folded text with links, addresses, masks and list numbers blanked: other checks judge those."""
    folded = _NOT_A_CLAIM.sub(lambda match: " " * len(match.group()), view.folded)
    folded = blanked(folded, [(found.start, found.end) for found in find_pii(view)])
    return where_left(view.text, folded), folded


class Sources(NamedTuple):
    """What a reply may be vouched for by."""

    ours: Known
    """Tools, facts, the team's words: they vouch for whatever they say."""
    known: Known
    """The same and the customer's words."""
    described: Known
    """Free text of the shop."""


def _ours(context: MessageContext, facts: tuple[str, ...], told: Told) -> Iterator[str]:
    yield from facts
    yield "\n".join(told.typed)
    yield from (entry.text for entry in context.history if entry.author is Author.AGENT)
    contact, identity = context.contact, context.identity
    yield "\n".join(filter(None, (contact.name, contact.phone, contact.email, identity.phone, identity.email)))


def _theirs(context: MessageContext) -> Iterator[str]:
    yield context.customer_text
    yield from (entry.text for entry in context.history if entry.author is Author.CUSTOMER)


def _unsupported(text: str, folded: str, sources: Sources) -> Iterator[tuple[int, int]]:
    ours, known, described = sources
    folded = _WRAPPED.sub(" ", folded)
    places: list[tuple[int, int]] = []
    for dated in find_dates(folded, text):
        places.append((dated.start, dated.end))
        if not (ours.has_day(dated.readings) or (known.has_day(dated.readings) and may_echo_day(*places[-1], folded))):
            yield places[-1]
    for timed in find_times(folded):
        places.append((timed.start, timed.end))
        vouched = not ours.times.isdisjoint(timed.readings)
        if not vouched and may_echo_day(*places[-1], folded):
            vouched = not known.times.isdisjoint(timed.readings)
        if not vouched and may_be_hours(*places[-1], folded):
            vouched = not described.times.isdisjoint(timed.readings)
        if not vouched:
            yield places[-1]
    for match in _DOTTED_TIME.finditer(folded):
        if (int(match[1]), int(match[2])) in ours.times:
            places.append(match.span())
    folded = blanked(folded, places)
    figures = find_figures(where_left(text, folded), folded)
    shown = {figure.start for figure in figures if figure.sort is Sort.CODE and _is_example(figure, folded)}
    in_words = counts(folded)
    for figure in figures:
        if figure.start in shown:
            continue
        vouched = _is_supported(figure, figures, ours, text) or _is_multiple(figure, in_words, ours)
        vouched = vouched or (may_echo(figure, folded) and _is_supported(figure, figures, known, text))
        if not vouched and not (may_describe(figure, folded) and _is_supported(figure, figures, described, text)):
            yield figure.start, figure.end


def _is_supported(figure: Figure, figures: list[Figure], known: Known, text: str) -> bool:
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
    return (" " in figure.text and _all_parts_known(figure.text, known)) or _is_worked_out(figure, figures, known)


def _is_example(figure: Figure, folded: str) -> bool:
    return _FOR_EXAMPLE.search(folded[max(0, figure.start - _AROUND) : figure.start]) is not None


def _is_multiple(figure: Figure, quantities: set[int], known: Known) -> bool:
    """Whether an amount is a known price times a quantity that the reply says in words."""
    if figure.sort is not Sort.AMOUNT:
        return False
    return any(value / count in known.amounts for value in figure.values for count in quantities)


def _all_parts_known(text: str, known: Known) -> bool:
    """``12 345`` may be two numbers that only stand side by side."""
    parts = [part for part in text.split() if part.isdigit()]
    return bool(parts) and all(Decimal(part) in known.numbers for part in parts)


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


def _is_worked_out(figure: Figure, figures: list[Figure], known: Known) -> bool:
    """A rounded amount, a quantity times a known price, or a sum of known amounts of the same reply."""
    amounts = [f for f in figures if f.sort in (Sort.AMOUNT, Sort.NUMBER) and known.amounts.intersection(f.values)]
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
