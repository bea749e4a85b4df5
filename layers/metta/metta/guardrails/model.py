"""The trained models at run time: two linear models over shared hashed features, in pure Python.

``data/model.bin`` holds a header line of JSON and the int8 weights. What a word adds to both scores is
remembered, so a message of common words costs little more than splitting it. A text is judged as a whole and, when it
is long, in overlapping windows, so that an attack inside a long honest text is not averaged away.
"""

from __future__ import annotations

import json
import math
from collections import deque
from functools import cache
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

from metta.guardrails.concepts import concept_of
from metta.guardrails.features import (
    NEAR,
    SIZE,
    TOKEN,
    VERSION,
    concept_features,
    orderless,
    pair_feature,
    tokens,
    word_features,
)

PATH = Path(__file__).with_name("data") / "model.bin"
MAGIC = b"metta-model\n"
HEADS = ("injection", "toxicity")
INJECTION, TOXICITY = range(2)

WINDOW = 40
"""Tokens of a window."""
STRIDE = 10
WHOLE = 60
"""Tokens up to which a text is judged only as a whole."""

_NUMBERS = ("scale", "bias", "operating_point", "slope")

_WORDS_KEPT = 20_000
_STEPS_KEPT = 20_000
"""Words, and pairs of words, remembered; the memory is emptied when it is full, so that no text can make it grow."""
_SHIFT = 32
_HALF = 1 << (_SHIFT - 1)
_LOW = (1 << _SHIFT) - 1


_Part = tuple[int, int, str, str | None]
"""What a word adds (packed weights), number of its features, its orderless form, its concept."""


class ModelError(RuntimeError):
    """The model file cannot be used; the text says why."""


class Head(NamedTuple):
    """One linear model. A text's logit is ``bias + scale * (sum of its features' weights) / sqrt(their number)``."""

    weights: Any
    """int8, one per feature."""
    scale: float
    bias: float
    operating_point: float
    """The logit that the policy's packaged threshold stands for."""
    slope: float
    """How fast the score moves from there with the logit."""


class Judged(NamedTuple):
    """What one model says of a text: its highest logit and the characters it was found in."""

    logit: float
    start: int
    end: int


class Model:
    """Both heads, and what words and pairs add to their scores.

    Args:
        heads: injection and toxicity, in this order.
        version: of the training; reaches the audit log.
    """

    def __init__(self, heads: tuple[Head, Head], version: str) -> None:
        self.heads = heads
        self.version = version
        self._words: dict[str, _Part] = {}
        self._steps: dict[tuple[str, str], tuple[int, int, str | None]] = {}
        self._concepts: dict[tuple[str | None, ...], tuple[int, int]] = {}

    def judge(self, folded: str) -> tuple[Judged, Judged]:
        """The strongest stretch of ``folded`` for each head."""
        words = tokens(folded)
        sums, counts = self._added(words)
        if len(words) <= WHOLE:
            total, count, end = sum(sums), sum(counts), len(folded)
            return Judged(self._logit(0, total, count), 0, end), Judged(self._logit(1, total, count), 0, end)
        return self._windows(folded, sums, counts)

    def strongest(self, head: int, folded: str) -> float:
        """The logit that ``judge`` gives one head; where it was found costs as much again, and is not asked for."""
        sums, counts = self._added(tokens(folded))
        if len(sums) <= WHOLE:
            return self._logit(head, sum(sums), sum(counts))
        return max(self._logits(head, _summed(sums), _summed(counts), _spans(len(sums))))

    def _added(self, words: list[str]) -> tuple[list[int], list[int]]:
        """What each token adds, with its pair and its concepts: packed weights, and number of features."""
        steps, concepts = self._steps, self._concepts
        sums: list[int] = []
        counts: list[int] = []
        before = ""
        third = second = first = None
        at_third = at_second = at_first = 0
        for at, word in enumerate(words):
            step = steps.get((before, word))
            value, count, concept = step if step is not None else self._learn_step(before, word)
            before = word
            if concept is not None:
                if first is not None and at - at_first <= NEAR:
                    key = (
                        third if at - at_third <= NEAR else None,
                        second if at - at_second <= NEAR else None,
                        first,
                        concept,
                    )
                    more = concepts.get(key)
                    added, number = more if more is not None else self._learn_concepts(key)
                    value += added
                    count += number
                third, second, first = second, first, concept
                at_third, at_second, at_first = at_second, at_first, at
            sums.append(value)
            counts.append(count)
        return sums, counts

    def _windows(self, folded: str, sums: list[int], counts: list[int]) -> tuple[Judged, Judged]:
        spans, total, count = _spans(len(sums)), _summed(sums), _summed(counts)
        (first, at), (second, there) = (
            max(zip(self._logits(head, total, count, spans), spans, strict=True)) for head in range(len(self.heads))
        )
        place = _place(folded, *at)
        return Judged(first, *place), Judged(second, *(place if at == there else _place(folded, *there)))

    def _logits(self, head: int, total: list[int], count: list[int], spans: list[tuple[int, int]]) -> list[float]:
        return [self._logit(head, total[high] - total[low], count[high] - count[low]) for low, high in spans]

    def _logit(self, head: int, packed: int, count: int) -> float:
        low = ((packed + _HALF) & _LOW) - _HALF
        value = low if head == 0 else (packed - low) >> _SHIFT
        this = self.heads[head]
        return this.bias + this.scale * value / math.sqrt(count or 1)

    def score(self, head: int, logit: float, threshold: float) -> float:
        """A logit as a score of 0 to 1 that is ``threshold`` at the operating point."""
        this = self.heads[head]
        turned = (logit - this.operating_point) * this.slope + math.log(threshold / (1 - threshold))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, turned))))

    def _packed(self, features: list[int]) -> int:
        injection, toxicity = (head.weights for head in self.heads)
        value: int = sum([injection[i] for i in features]) + (sum([toxicity[i] for i in features]) << _SHIFT)
        return value

    def _learn_step(self, before: str, word: str) -> tuple[int, int, str | None]:
        value, count, form, concept = self._word(word)
        if before:
            value += self._packed([pair_feature(f"{self._word(before)[2]} {form}")])
            count += 1
        if len(self._steps) >= _STEPS_KEPT:
            self._steps.clear()
        step = self._steps[before, word] = (value, count, concept)
        return step

    def _word(self, word: str) -> _Part:
        part = self._words.get(word)
        if part is None:
            shape = "0" if word.isdigit() else word
            features = list(word_features(shape))
            if len(self._words) >= _WORDS_KEPT:
                self._words.clear()
            part = self._words[word] = (self._packed(features), len(features), orderless(shape), concept_of(shape))
        return part

    def _learn_concepts(self, key: tuple[str | None, ...]) -> tuple[int, int]:
        features = list(concept_features(tuple([name for name in key if name is not None])))
        if len(self._concepts) >= _STEPS_KEPT:
            self._concepts.clear()
        value = self._concepts[key] = (self._packed(features), len(features))
        return value


def _summed(values: list[int]) -> list[int]:
    return [0, *accumulate(values)]


def _spans(size: int) -> list[tuple[int, int]]:
    """The whole of so many tokens, and the windows in it."""
    return [(0, size), *((low, min(low + WINDOW, size)) for low in range(0, size - WINDOW + STRIDE, STRIDE))]


def _place(folded: str, low: int, high: int) -> tuple[int, int]:
    """Where the tokens from ``low`` to before ``high`` stand."""
    there = islice(TOKEN.finditer(folded), low, high)
    first = next(there)
    last = deque(there, maxlen=1)
    return first.start(), (last[0] if last else first).end()


def read_model(content: bytes) -> Model:
    """The model in the bytes of a ``model.bin``.

    Raises:
        ModelError: it is none, is cut short, or was trained on other features than this code's.
    """
    if not content.startswith(MAGIC):
        raise ModelError("not a model file")
    head, _, packed = content[len(MAGIC) :].partition(b"\n")
    try:
        header = json.loads(head)
        features, version = header["features"], str(header["version"])
        numbers = [[float(header["heads"][name][key]) for key in _NUMBERS] for name in HEADS]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"its header cannot be read: {type(error).__name__}: {error}") from None
    if features != VERSION:
        raise ModelError(f"trained on features {features}, this code has {VERSION}")
    if len(packed) != SIZE * len(HEADS):
        raise ModelError(f"holds {len(packed)} weights, not {SIZE} for each of {', '.join(HEADS)}")
    raw = memoryview(packed).cast("b")
    first, second = (Head(raw[i * SIZE : (i + 1) * SIZE], *values) for i, values in enumerate(numbers))
    return Model((first, second), version)


@cache
def model() -> Model:
    """The packaged model; read once."""
    return read_model(PATH.read_bytes())
