"""Makes the lexicon: the words that the training texts share, commonest first."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from metta.guardrails.normalise import View
from metta_local.training.corpus import Row

PER_LANGUAGE = {"en": 5000}
OTHERS = 600
"""Words of every other language."""
_FEWEST = 3
"""Texts that a word must stand in."""
_WORD = re.compile(r"[^\W\d_]{1,24}+")
_LATIN = re.compile(r"[a-z]+")


def common_words(rows: Iterable[Row]) -> list[str]:
    """Folded words of Latin letters that stand in several texts of their language, by falling frequency.

    Texts whose kind starts with "spell_" or has a colon are left out: they are disguised, or made of codes.
    """
    texts: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[str] = set()
    for row in rows:
        if row.text in seen or row.kind.startswith("spell_") or ":" in row.kind:
            continue
        seen.add(row.text)
        texts[row.lang].update(set(_WORD.findall(View(row.text[:4000]).folded)))
    ranks: dict[str, float] = {}
    for lang, counts in sorted(texts.items()):
        number = sum(counts.values())
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        chosen = [
            (word, count) for word, count in best if count >= _FEWEST and _LATIN.fullmatch(word) and _is_word(word)
        ]
        for word, count in chosen[: PER_LANGUAGE.get(lang, OTHERS)]:
            ranks[word] = max(ranks.get(word, 0.0), count / number * (1.0 if lang == "en" else 0.3))
    return [word for word, _ in sorted(ranks.items(), key=lambda item: (-item[1], item[0]))]


def _is_word(word: str) -> bool:
    if len(word) <= 2:
        return word in _SHORT
    return len(set(word)) > 1


_LISTED = (
    "a i an as at am be by do go he hi if in is it me my no of oh ok on or so to up us we el la le de du en un il et "
    "je tu ne se si er es im zu um ob da wo ik te op uw os ao eu na em al lo mi ti ci di ma mo"
)
_SHORT = frozenset(_LISTED.split())
"""Words of one and two letters; other such strings are pieces of words."""
