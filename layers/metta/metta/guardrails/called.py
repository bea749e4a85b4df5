"""Tells what a number is called, by the words and signs around it, a glued letter or an initial; ``pii`` asks."""

from __future__ import annotations

from metta.guardrails import phones
from metta.guardrails.naming import CARD, CODE, NOTHING, NUMBER, PHONE, SSN, Named, named_before, named_behind
from metta.guardrails.patterns import regex

BEFORE = 48
"""How many characters before a number can say what it is."""
BEHIND = 32
"""How many characters behind a number can."""
_GLUED = frozenset("-_/=")
_HANDLE = regex(r"[@/][\w.]{1,40}$")
_INITIAL = regex(r"(?<![^\W_])(?:[mpthcdf]|home|work|office|privat|private|buro|bureau|casa|trabajo|ufficio): ?$")
"""How signatures name their phones."""


def called(before: str, after: str) -> Named:
    """What the number is said to be; a glued word or sign says it, too."""
    last = before[-1:]
    named = named_before(before)
    if last and (last.isalpha() or (last in _GLUED and before[-2:-1].isalnum())):
        if last < "\u0250" and (named.gap or not named.kind or _HANDLE.search(before) or after[:1].isalpha()):
            return Named(CODE, 0)
    elif last == "#" and named.kind not in (PHONE, CARD, SSN):
        return Named(CODE, 0)
    elif not named.kind and _INITIAL.search(before):
        return Named(PHONE, 0)
    if named.kind in (NOTHING, NUMBER) or named.gap > 1:
        behind = named_behind(after[phones.extension(after) :])
        if behind and not (behind == NUMBER and named.kind):
            return Named(behind, 0)
    return named


def around(folded: str, start: int, end: int) -> tuple[str, str]:
    """The folded text before a place, and behind it, as far as it can say what stands there."""
    return folded[max(0, start - BEFORE) : start], folded[end : end + BEHIND]
