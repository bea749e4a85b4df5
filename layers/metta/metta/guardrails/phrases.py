"""Turns lists of phrases from the policy into patterns on folded text, on word borders, with any white space."""

from __future__ import annotations

import re
from collections.abc import Iterable

from metta.guardrails.chars import fold
from metta.guardrails.patterns import regex

_WORD = regex(r"[^\W_]+")
_NEVER = regex(r"(?!)")


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """One pattern that finds any of ``phrases``; matches nothing when there are none."""
    alternatives = sorted(
        {r"[^\w]{1,3}".join(_WORD.findall(fold(phrase))) for phrase in phrases} - {""}, key=len, reverse=True
    )
    if not alternatives:
        return _NEVER
    return regex(rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])")
