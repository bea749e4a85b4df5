"""Finds SSNs, cards and phone numbers whose groups are parted by signs that no usual form has ("[219] [09] [9998]").

``pii`` asks for them. The same signs stand in sums, lists and keys, so a word must name the number, and all its gaps
must be alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from metta.guardrails.found import Found
from metta.guardrails.naming import CARD, NOTHING, PHONE, SSN, Named, named_before
from metta.guardrails.numbers import is_card, is_ssn
from metta.guardrails.patterns import regex

_UNUSUAL = regex(r"[0-9] ?[+=#&;!?'\"<>\[\]{}\\]|[0-9][^\w\n]{4}")
_ROW = regex(r"(?<![^\W_])[0-9]{1,8}(?:[^\w\n]{1,5}[0-9]{1,8}){2,18}+")
_RUN = regex(r"[0-9]+")
_USUAL = frozenset("-./,:|*~_\u00b7()")
_MONEY = frozenset("$€£¥%@")
_BEFORE = 48
_WIDEST = 3
"""Characters between two groups that the usual search bridges."""
_SSN_DIGITS, _CARD_DIGITS = 9, 12


def find_parted(text: str, folded: str) -> Iterator[Found]:
    """Named numbers in groups of the same unusual gaps; none overlapping."""
    if _UNUSUAL.search(text) is None:
        return
    for row in _ROW.finditer(text):
        start, end = row.span()
        if text[end : end + 1].isalnum():
            continue
        runs = [run.span() for run in _RUN.finditer(text, start, end)]
        gaps = [text[a[1] : b[0]] for a, b in pairwise(runs)]
        if len({gap.replace(" ", "") for gap in gaps}) > 1 or not _MONEY.isdisjoint(gaps[0]) or _is_usual(gaps):
            continue
        digits = "".join([text[first:last] for first, last in runs])
        named = named_before(folded[max(0, start - _BEFORE) : start])
        if kind := _kind(digits, named, gaps):
            yield Found(kind, start, end, 0.9, digits)


def _is_usual(gaps: list[str]) -> bool:
    return all(len(gap) <= _WIDEST and _USUAL.issuperset(gap.replace(" ", "")) for gap in gaps)


def _kind(digits: str, named: Named, gaps: list[str]) -> str:
    """What a row is; nothing when no word says so, except that a usual issuer's card needs no word."""
    size = len(digits)
    if size >= _CARD_DIGITS and named.kind in (CARD, NOTHING) and is_card(digits, named=named.kind == CARD):
        return "CARD"
    if size == _SSN_DIGITS and named.kind == SSN and is_ssn(digits):
        return "SSN"
    listed = any(";" in gap and " " in gap for gap in gaps)
    return "PHONE" if named.kind == PHONE and named.gap <= 1 and 7 <= size <= 15 and not listed else ""
