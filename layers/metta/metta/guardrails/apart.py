"""Letters set apart by the same few signs or blanks between each two: joined again into words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from metta.guardrails.patterns import regex

WIDE = regex(r"(?<![^\W_])[^\W\d_]([^\w@]{2,6})[^\W_](?:\1[^\W_]){0,200}+(?![^\W_])")
_SEEN = regex(r"[^\w@]{2}[^\W_][^\w@]{2,6}[^\W_][^\w@]{2}")
"""What every such run of four letters holds; found without a look at each letter of the text."""
_ALIKE = regex(r"([^\w@]{2,6})[^\W_]\1[^\W_]\1")
"""The same, with the same signs; dearer to look for."""
_LINES = regex(r"(?<![^\W_])[^\W\d_]\n[^\W_](?:\n[^\W_]){4,200}+(?![^\W_])")
_WORD = 4
"""Letters from which one run shows that its separator sets letters apart."""


def apart(text: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    """The pattern and the replacement that join letters set apart more widely; None where there are none."""
    if "\n" in text and _LINES.search(text):
        return _LINES, lambda match: _letters(match, "\n")
    if _SEEN.search(text) is None or _ALIKE.search(text) is None:
        return None
    long = Counter(match[1] for match in WIDE.finditer(text) if _number(match) >= _WORD)
    return (WIDE, lambda match: _letters(match, match[1]) if match[1] in long else match.group()) if long else None


def _number(match: re.Match[str]) -> int:
    return match.group().count(match[1]) + 1


def _letters(match: re.Match[str], separator: str) -> str:
    """The letters alone, unless they are digits rather."""
    letters = match.group().replace(separator, "")
    digits = sum(c.isdigit() for c in letters)
    return match.group() if digits * 3 > len(letters) else letters
