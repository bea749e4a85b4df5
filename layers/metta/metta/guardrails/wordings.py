"""Judges numbers whose digits are words, or some of them letters of their shape; ``pii`` asks.

Arithmetic comes first where letters stand for digits, since many words look like that.
"""

from __future__ import annotations

from collections.abc import Iterator

from metta.guardrails.called import around, called
from metta.guardrails.cards import find_cards
from metta.guardrails.found import Found
from metta.guardrails.naming import CARD, CODE, NOTHING, NUMBER, PHONE, SSN
from metta.guardrails.normalise import View
from metta.guardrails.numbers import is_ssn
from metta.guardrails.spelled import Spelled, is_counting
from metta.guardrails.stretches import Number

_DIALLED = range(9, 14)
"""Digits of a phone number, letters in the place of some of them."""


def in_words(view: View, found: Spelled) -> Iterator[Found]:
    """Cards, SSNs and phone numbers whose digits are words."""
    folded = view.folded
    before, after = around(folded, found.start, found.end)
    digits = "".join([run[2] for run in found.runs])
    number = Number(found.start, found.end, digits, found.runs, spelled=True)
    named = called(before, after)
    if named.kind == CODE or is_counting(digits):
        return
    if len(digits) >= 12 and (cards := list(find_cards(number, named.kind, whole=False))):
        yield from cards
    elif named.kind == SSN and is_ssn(digits):
        yield Found("SSN", found.start, found.end, 0.95, digits)
    elif named.kind in (PHONE, NUMBER) and 7 <= len(digits) <= 15:
        yield Found("PHONE", found.start, found.end, 0.9, digits)
    elif found.words > 1 and not named.kind and 9 <= len(digits) <= 14:
        yield Found("PHONE", found.start, found.end, 0.75, digits)


def lettered(view: View, found: Spelled) -> Iterator[Found]:
    """Cards and SSNs with letters in the place of some digits; arithmetic first, since many words look like that."""
    folded = view.folded
    number = Number(found.start, found.end, " " * (found.end - found.start), found.runs)
    ssn = is_ssn(number.digits)
    cards = [] if ssn else list(find_cards(number, CARD, whole=False))
    if not ssn and not cards and number.size not in _DIALLED:
        return
    before, after = around(folded, found.start, found.end)
    named = called(before, after)
    if ssn and named.kind == SSN:
        yield Found("SSN", found.start, found.end, 0.95, number.digits)
    elif named.kind == PHONE and named.gap <= 1 and number.size in _DIALLED:
        if sum(map(view.text[found.start : found.end].count, "0123456789")) * 2 > number.size:
            yield Found("PHONE", found.start, found.end, 0.85, number.digits)
    elif named.kind == CARD:
        yield from cards
    elif not named.kind:
        yield from find_cards(number._replace(spelled=True), NOTHING, whole=False)
