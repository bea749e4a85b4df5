"""Knows what common words mean in many languages: one concept a word, from ``data/concepts.txt``."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from metta.guardrails.chars import fold

PATH = Path(__file__).with_name("data") / "concepts.txt"
_SHORTEST_STEM = 2


@cache
def _concepts() -> tuple[dict[str, str], dict[str, str]]:
    """Whole words and stems, each with its concept."""
    words: dict[str, str] = {}
    stems: dict[str, str] = {}
    for line in fold(PATH.read_text(encoding="utf-8")).splitlines():
        if not line or line[0] == "#":
            continue
        name, _, listed = line.partition(":")
        concept = name.split()[0]
        for word in listed.split():
            if word[-1] == "*":
                stems.setdefault(word[:-1], concept)
            else:
                words.setdefault(word, concept)
    return words, stems


def concepts_digest() -> str:
    """First 8 hex digits of the SHA-256 of the file: other concepts are other features."""
    return hashlib.sha256(PATH.read_bytes()).hexdigest()[:8]


def concept_of(word: str) -> str | None:
    """The concept of a folded word; that of its longest stem where the word itself has none."""
    words, stems = _concepts()
    found = words.get(word)
    if found is None:
        for size in range(len(word), _SHORTEST_STEM - 1, -1):
            found = stems.get(word[:size])
            if found is not None:
                break
    return found
