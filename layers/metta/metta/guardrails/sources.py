"""Sorts what tool results hold by what it may vouch for in a reply.

Somebody else wrote the free text of a result (names, descriptions, notes), maybe in order to have it repeated. Only
fields with a type of their own say what something costs, when it comes and how many there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from metta.guardrails.patterns import regex

_BARE = ""
"""Stands for the name of a field that holds a number and no text."""
_OURS = frozenset(
    ("status", "delivery", "invoice", "payment", "kind", "availability", "nextStep", "priceNote", "taxNote")
)
"""Fields with words of our own or of Odoo's own making."""
_NAMES = frozenset(("name", "carrier", "unit"))
_CODES = ("number", "reference")
"""Ends of the names of fields that hold a code."""
_ADDRESSES = ("phone", "mobile", "email")
_FREE = frozenset((*_NAMES, "description", "note"))
_TYPED = regex(
    r"-?\d{1,15}(?:[.,]\d{1,6})? ?(?:[A-Z]{3}|[$€£¥])?|[$€£¥] ?-?\d{1,15}(?:[.,]\d{1,6})?"
    r"|\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?"
)
_ADDRESS = regex(r"\+?[\d ()./-]{6,24}|[^\s@]{1,64}@[^\s@]{1,190}")
_CODE = regex(r"(?=[^\d]{0,40}\d)[A-Za-z0-9#][\w\-/.#+]{0,39}(?:[ ,;]{1,2}[A-Za-z]{0,4}\d[\w\-/.]{0,39}){0,7}")


@dataclass(frozen=True, slots=True)
class Told:
    """What the tools of a turn told."""

    typed: list[str] = field(default_factory=list)
    """Amounts, dates and the like: they vouch for whatever they say."""
    counts: list[str] = field(default_factory=list)
    """Bare numbers, such as quantities: they vouch for numbers, never for an amount of money."""
    codes: list[str] = field(default_factory=list)
    """Order, tracking and article numbers, phone numbers and addresses: they vouch for themselves."""
    names: list[str] = field(default_factory=list)
    """Names of goods and carriers: they may be repeated as they stand."""
    free: list[str] = field(default_factory=list)
    """Free text, names included: it vouches for what goods are like, and for nothing that a customer could claim."""


def read_told(tool_results: Iterable[str]) -> Told:
    """The fields of the results (JSON texts), sorted. What is no JSON is free text."""
    told = Told()
    for result in tool_results:
        try:
            leaves = list(_leaves(json.loads(result), ""))
        except (ValueError, RecursionError):
            told.free.append(result)
            continue
        for name, text in leaves:
            if name == _BARE:
                told.counts.append(text)
            else:
                _sort(told, name, text)
    return told


def _sort(told: Told, name: str, text: str) -> None:
    if name in _OURS or (name not in _FREE and _TYPED.fullmatch(text) and not name.lower().endswith(_CODES)):
        told.typed.append(text)
    elif (name.lower().endswith(_CODES) and _CODE.fullmatch(text)) or (
        name.lower().endswith(_ADDRESSES) and _ADDRESS.fullmatch(text)
    ):
        told.codes.append(text)
    elif not name.lower().endswith(("link", "url")):
        told.free.append(text)
        if name in _NAMES:
            told.names.append(text)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each text or number with the name of its field; a list's entries have the list's."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str):
        yield name, value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # a number is no text that somebody wrote, whatever its field is called
        yield _BARE, format(Decimal(str(value)), "f") if abs(value) < 1e18 else str(value)
