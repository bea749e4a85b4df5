"""Turns training texts into rows of a sparse matrix, cut and counted exactly as the shipped model does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from metta.guardrails.concepts import concept_of
from metta.guardrails.features import NEAR, SIZE, TOKEN, concept_features, orderless, pair_feature, word_features
from metta.guardrails.model import STRIDE, WHOLE, WINDOW
from metta.guardrails.normalise import View

LONGEST = 10_000
"""Characters of a text that are looked at, as at run time."""
_MOST_WINDOWS = 24


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of tokens that gets a score: a whole text (``window`` 0) or one of its windows."""

    row: int
    window: int
    tokens: tuple[str, ...]


def tokens_of(text: str) -> list[str]:
    """The tokens of a text as the run time sees them, numbers all alike."""
    return ["0" if token.isdigit() else token for token in TOKEN.findall(View(text[:LONGEST]).folded)]


def segments(texts: Iterable[str]) -> list[Segment]:
    """Every text as a whole and, where it is long, in windows."""
    found: list[Segment] = []
    for row, text in enumerate(texts):
        tokens = tokens_of(text)
        found.append(Segment(row, 0, tuple(tokens)))
        if len(tokens) > WHOLE:
            starts = list(range(0, len(tokens) - WINDOW + STRIDE, STRIDE))
            if len(starts) > _MOST_WINDOWS:
                starts = [starts[i * len(starts) // _MOST_WINDOWS] for i in range(_MOST_WINDOWS)]
            found += [Segment(row, 1 + i, tuple(tokens[low : low + WINDOW])) for i, low in enumerate(starts)]
    return found


class Vectorizer:
    """Counts features; remembers what a word adds, like the run time."""

    def __init__(self) -> None:
        self._words: dict[str, tuple[list[int], str, str | None]] = {}

    def features(self, tokens: Sequence[str]) -> list[int]:
        """Every feature of the tokens, repeated as often as it occurs."""
        found: list[int] = []
        before = ""
        last: list[tuple[int, str]] = []
        for at, token in enumerate(tokens):
            known = self._words.get(token)
            if known is None:
                known = self._words[token] = (list(word_features(token)), orderless(token), concept_of(token))
            found += known[0]
            if before:
                found.append(pair_feature(f"{before} {known[1]}"))
            before = known[1]
            if known[2] is not None:
                near = [concept for place, concept in last if at - place <= NEAR]
                if near:
                    found += concept_features((*near, known[2]))
                last = [*last[-2:], (at, known[2])]
        return found

    def matrix(self, many: Iterable[Sequence[str]]) -> Any:
        """CSR float32, one row a text, ``count / sqrt(number of features)``; shape (texts, SIZE)."""
        columns: list[np.ndarray[Any, Any]] = []
        values: list[np.ndarray[Any, Any]] = []
        ends = [0]
        for tokens in many:
            found = np.array(self.features(tokens), dtype=np.int32)
            unique, counts = np.unique(found, return_counts=True)
            columns.append(unique)
            values.append((counts / np.sqrt(max(len(found), 1))).astype(np.float32))
            ends.append(ends[-1] + len(unique))
        if not columns:
            return sp.csr_matrix((0, SIZE), dtype=np.float32)
        return sp.csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=(len(columns), SIZE))
