"""The word lists of ``data/toxicity.yaml`` in nine languages, ready for look-up: rude words, insults, threats, hate."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from metta.guardrails.chars import fold
from metta.guardrails.lists import read_data
from metta.guardrails.patterns import regex
from metta.guardrails.phrases import phrase_pattern

if TYPE_CHECKING:
    from metta.policy import ToxicityKind

LANGUAGES = ("en", "es", "fr", "de", "pt", "it", "nl", "ru", "tr")
_KINDS: dict[str, ToxicityKind] = {"abuse": "abuse", "threats": "threat", "sexual": "sexual", "hate": "hate"}
WORD = regex(r"[^\W_]{2,40}+")
_KEY = regex(r"[^\W_]+")
_COMMON = frozenset("what you have want where will your like find should going show and come know the people".split())  # noqa: SIM905
"""Words that say little about what a phrase is; a rarer one of the phrase stands for it."""


class Phrases(NamedTuple):
    """Phrases of one kind."""

    keys: frozenset[str]
    """The most telling word of each phrase: one must be in the text before the pattern is tried."""
    pattern: re.Pattern[str]


class Lexicon(NamedTuple):
    """The word lists, ready for look-up."""

    profanity: frozenset[str]
    insults: frozenset[str]
    mild: frozenset[str]
    phrases: dict[str, Phrases]
    """profanity, insults, and each of the four serious kinds."""
    you: re.Pattern[str]
    groups: Phrases
    scorn: Phrases
    hated: Phrases
    """A group right behind words that say somebody hates it."""
    singles: frozenset[str]
    """All single words."""
    unspaced: dict[str, re.Pattern[str]]
    """Kind -> what is found anywhere in scripts without blanks between words."""
    keys: frozenset[str]
    """Every word without which no list finds anything."""


def _split(entries: list[str]) -> tuple[set[str], list[str]]:
    folded = [fold(str(entry)) for entry in entries]
    return {e for e in folded if WORD.fullmatch(e)}, [e for e in folded if not WORD.fullmatch(e)]


def _phrases(entries: list[str]) -> Phrases:
    keys = {max(_KEY.findall(fold(entry)), key=lambda word: (word not in _COMMON, len(word))) for entry in entries}
    return Phrases(frozenset(keys), phrase_pattern(entries))


def _hated(data: dict[str, Any]) -> Phrases:
    parts = [phrase_pattern(data[field]).pattern for field in ("haters", "fillers", "groups")]
    pattern = regex(rf"{parts[0]} (?:{parts[1]} ){{0,2}}{parts[2]}(?!['-]|s[ ])")
    return Phrases(_phrases(data["haters"]).keys, pattern)


def _anywhere(entries: list[str]) -> re.Pattern[str]:
    return regex("|".join(re.escape(fold(entry)) for entry in entries))


@cache
def lexicon() -> Lexicon:
    """The packaged lexicon; read once."""
    data: dict[str, Any] = read_data("toxicity.yaml")
    for part in (data, data["unspaced"], *(data[code] for code in LANGUAGES)):
        part.update({field: text.split(", ") for field, text in part.items() if isinstance(text, str)})

    def every(field: str) -> list[str]:
        return [entry for code in LANGUAGES for entry in data[code][field]]

    profane, profane_phrases = _split(every("profanity"))
    insults, insult_phrases = _split(every("insults"))
    mild, _ = _split(every("mild"))
    phrases = {"profanity": _phrases(profane_phrases), "insult": _phrases(insult_phrases)}
    phrases |= {kind: _phrases(every(field)) for field, kind in _KINDS.items()}
    groups, singles = _phrases(data["groups"]), frozenset(profane | insults | mild)
    return Lexicon(
        frozenset(profane), frozenset(insults), frozenset(mild), phrases, phrase_pattern(every("you")),
        groups, _phrases(data["scorn"]), _hated(data), singles,
        {_KINDS[field]: _anywhere(entries) for field, entries in data["unspaced"].items()},
        singles.union(groups.keys, *(one.keys for one in phrases.values())),
    )  # fmt: skip
