"""Keeps instructions that hide in the shop's texts away from the model: what gives orders is replaced by fixed words.

Names, descriptions, order lines, carriers and references come out of Odoo, where staff, suppliers and importers wrote
them. ``call_tool`` passes every result through here, so the model and ``metta tool`` see the same.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

from metta.guardrails import ForeignTextCheck
from metta.guardrails.normalise import View
from metta.guardrails.pii import MASKS, find_pii
from metta.messages import JsonObject
from metta.policy import load_policy

WITHHELD = "[text withheld: it contained instructions]"
"""Stands in the place of a text that the model must not read; never text of the shop itself."""
_OUR_WORDS = frozenset(
    ("nextStep", "priceNote", "status", "delivery", "invoice", "payment", "availability", "error", "reason")
)
"""Fields with words of our own; every other text is taken for the shop's."""
_FIGURE = re.compile(r"-?\d[\d.,:\- T]{0,30}(?:[A-Z]{3})?")
"""An amount or a date: nobody's words."""
_SEAM = 160
"""Characters at the end of a text in which an order may go on into the next."""

_NEVER_READ = ("CARD", "SSN")
_MANY_DIGITS = re.compile(r"(?:\d\D{0,4}){9}")
_CODES = ("number", "reference", "link", "url", "id")
"""Ends of the names of fields that hold a code: a tracking number may look like a card's."""

IsInstruction = Callable[[str], bool]


@functools.cache
def packaged_check() -> ForeignTextCheck:
    """The check with the packaged policy, for callers who have none of their own."""
    return ForeignTextCheck(load_policy())


def withhold(result: JsonObject, is_instruction: IsInstruction) -> JsonObject:
    """``result`` with ``WITHHELD`` in the place of each text that gives orders.

    An order may be spread over several fields or lines: where only the texts together give one, all of them are
    withheld.
    """
    texts = _texts(result)
    flagged = {text for text in texts if is_instruction(text)}
    # what is one word, such as a reference, stands between the parts of an order without breaking it up
    rest = [text for text in texts if text not in flagged and " " in text]
    if len(rest) > 1 and is_instruction("\n".join(_ends(text) for text in rest)):
        flagged.update(rest)
    if not flagged:
        return result
    clean: JsonObject = _without(result, flagged)
    return clean


def without_cards(result: JsonObject) -> JsonObject:
    """``result`` with masks in the place of card and social security numbers, which no model and no log may see.

    Somebody may have noted a customer's in an order line or a description.
    """
    clean: JsonObject = _masked(result)
    return clean


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return value if name.lower().endswith(_CODES) or not _MANY_DIGITS.search(value) else _mask(value)
    if isinstance(value, dict):
        return {key: _masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    return value


def _mask(text: str) -> str:
    view = View(text)
    for found in sorted(find_pii(view), key=lambda one: -one.start):
        if found.kind in _NEVER_READ:
            start, end = view.span(found.start, found.end)
            text = text[:start] + MASKS[found.kind] + text[end:]
    return text


def withheld_fields(result: JsonObject) -> tuple[str, ...]:
    """Where in ``result`` a text was withheld, for example ``items.0.name``."""
    return tuple(".".join(path) for path, text in _walk(result, ()) if text == WITHHELD)


def _ends(text: str) -> str:
    """Where an order that another text begins or ends could go on or have begun; the whole was judged by itself."""
    return text if len(text) <= 2 * _SEAM else f"{text[:_SEAM]} ... {text[-_SEAM:]}"


def _texts(result: JsonObject) -> list[str]:
    """The shop's texts, each once, those of like fields together as a reader of a list sees them."""
    fields: dict[str, dict[str, None]] = {}
    for path, text in _walk(result, ()):
        name = next((part for part in reversed(path) if not part.isdigit()), "")
        if name not in _OUR_WORDS and not _FIGURE.fullmatch(text):
            fields.setdefault(name, {})[text] = None
    return [text for texts in fields.values() for text in texts]


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, str(index)))


def _without(value: Any, flagged: set[str], name: str = "") -> Any:
    if isinstance(value, str):
        return WITHHELD if value in flagged and name not in _OUR_WORDS else value
    if isinstance(value, dict):
        return {key: _without(inner, flagged, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without(inner, flagged, name) for inner in value]
    return value
