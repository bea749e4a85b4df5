"""Turns training texts into rows of a sparse matrix, cut and counted as the shipped model does it.

One difference is meant: a window at run time also counts what ties its first words to the words before it.
"""

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
_MOST_READINGS = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of tokens that gets a score: a whole text (``window`` 0) or one of its windows."""

    row: int
    window: int
    tokens: tuple[str, ...]


def readings_of(text: str, label: int) -> list[tuple[str, ...]]:
    """The tokens of every reading of a text that the run time judges, numbers all alike; the text itself first.

    What an attack's disguise covers is the attack: where most of it is encoded, the text itself says nothing.
    """
    view = View(text[:LONGEST])
    shown = view.shown(view.plainest)
    inner = [each.shown(each.plainest) for each, _, _ in view.hidden]
    if label and inner and len(shown.split()) * 2 < len(view.folded.split()) + 4 and shown != view.folded:
        shown, *inner = inner
    return [_tokens(reading) for reading in (shown, *inner)]


def _tokens(folded: str) -> tuple[str, ...]:
    return tuple("0" if token.isdigit() else token for token in TOKEN.findall(folded))


def segments(texts: Iterable[str], labels: Iterable[int]) -> list[Segment]:
    """Every text as a whole and, where it is long, in windows; other readings of it count as windows."""
    found: list[Segment] = []
    for row, (text, label) in enumerate(zip(texts, labels, strict=True)):
        whole, *others = readings_of(text, label)
        found.append(Segment(row, 0, whole))
        cut = [*others[:_MOST_READINGS], *_windows(whole)]
        found += [Segment(row, 1 + i, tokens) for i, tokens in enumerate(cut)]
    return found


def _windows(tokens: tuple[str, ...]) -> list[tuple[str, ...]]:
    if len(tokens) <= WHOLE:
        return []
    starts = list(range(0, len(tokens) - WINDOW + STRIDE, STRIDE))
    if len(starts) > _MOST_WINDOWS:
        starts = [starts[i * len(starts) // _MOST_WINDOWS] for i in range(_MOST_WINDOWS)]
    return [tokens[low : low + WINDOW] for low in starts]


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
        columns: list[Any] = []
        values: list[Any] = []
        ends = [0]
        for tokens in many:
            found = np.array(self.features(tokens), dtype=np.int32)
            unique, counts = np.unique(found, return_counts=True)
            columns.append(unique)
            values.append((counts / np.sqrt(max(len(found), 1))).astype(np.float32))
            ends.append(ends[-1] + len(unique))
        if not columns:
            return sp.csr_matrix((0, SIZE), dtype=np.float32)
        return sp.csr_matrix(
            (np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=(len(columns), SIZE)
        )
