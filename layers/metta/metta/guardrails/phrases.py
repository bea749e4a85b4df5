"""Turns lists of phrases from the policy into patterns on folded text, on word borders, with any white space."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from metta.guardrails.chars import fold
from metta.guardrails.patterns import regex

_WORD = regex(r"[^\W_]+")
_SHORTEST, _LONGEST = 2, 40
"""Letters of the words that ``View.words`` holds whole."""
_NEVER = regex(r"(?!)")


def phrase_pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    """One pattern that finds any of ``phrases``; matches nothing when there are none."""
    alternatives = sorted(
        {r"[^\w]{1,3}".join(_WORD.findall(fold(phrase))) for phrase in phrases} - {""}, key=len, reverse=True
    )
    if not alternatives:
        return _NEVER
    return regex(rf"(?<![^\W_])(?:{'|'.join(alternatives)})(?![^\W_])")


class Phrases(NamedTuple):
    """Phrases that are looked for only where a text holds a telling word of one of them."""

    keys: frozenset[str] | None
    """The longest word of each phrase; None when one has no word that a text's words would show."""
    pattern: re.Pattern[str]

    def find(self, words: frozenset[str], folded: str) -> Iterable[re.Match[str]]:
        """Their places in a folded text with these distinct words."""
        if self.keys is not None and self.keys.isdisjoint(words):
            return ()
        return self.pattern.finditer(folded)


def phrases_of(listed: Iterable[str]) -> Phrases:
    """``listed``, with their keys."""
    pieces = [_WORD.findall(fold(phrase)) for phrase in listed]
    keys = {max(words, key=len) for words in pieces if words}
    shown = all(_SHORTEST <= len(key) <= _LONGEST for key in keys)
    return Phrases(frozenset(keys) if shown else None, phrase_pattern(" ".join(words) for words in pieces))
