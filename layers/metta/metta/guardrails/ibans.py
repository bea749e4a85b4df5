"""Finds IBANs: two letters of a country before digits, then as many characters of the right sorts as its form asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.found import Found
from metta.guardrails.numbers import iban_form, is_iban, is_iban_country, mended
from metta.guardrails.patterns import regex

_MISTYPED = 4
"""Places in a text that are read once more with letters for digits."""
_TWO_DIGITS = regex(r"[0-9][\W_]{0,2}[0-9]+")


def find_ibans(text: str) -> Iterator[Found]:
    """Every IBAN in a text; the way it is written (groups, case, separators) does not matter."""
    done = tried = 0
    for run in _TWO_DIGITS.finditer(text):
        start = run.start()
        if start < done or not (country := _country(text, start)):
            continue
        at, letters = country
        match, value = _valued(text, at + 1, letters, mistyped=False)
        if match is None and tried < _MISTYPED:
            tried += 1
            match, value = _valued(text, at + 1, letters, mistyped=True)
        if match is None:
            continue
        if is_iban(value):
            done = match.end()
            yield Found("IBAN", at - 1 if text[at - 1].isalpha() else at - 2, done, 0.99, value)


def _valued(text: str, at: int, country: str, *, mistyped: bool) -> tuple[re.Match[str] | None, str]:
    """What stands behind a country's letters, and all of it as an IBAN is compared."""
    form = iban_form(country, mistyped=mistyped)
    match = form.match(text, at) if form else None
    if match is None:
        return None, ""
    characters = "".join([c for c in match.group() if c.isalnum()])
    return match, country + (mended(country, characters) if mistyped else characters).upper()


def _country(text: str, start: int) -> tuple[int, str] | None:
    """Place of the last of two letters before a number, and both in upper case; None when no such word stands there."""
    at = start - 1
    low = max(0, start - 4)
    while at > low and not text[at].isalnum() and text[at] not in "\n:":
        at -= 1
    first = at - 1 if text[at - 1 : at].isalpha() else at - 2
    if first < 0 or not text[at].isalpha():
        return None
    letters = text[first] + text[at]
    if letters.islower() and " " in text[at:start]:
        return None
    letters = letters.upper()
    if not is_iban_country(letters) or (
        first and text[first - 1].isalnum() and text[max(0, first - 4) : first].lower() != "iban"
    ):
        return None
    return at, letters
