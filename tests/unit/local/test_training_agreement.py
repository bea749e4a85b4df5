"""The shipped model gives a text the logit that training gave it, in every script, whole and in windows."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metta.guardrails.features import SIZE, TOKEN
from metta.guardrails.model import STRIDE, WHOLE, WINDOW, Model, read_model
from metta.guardrails.normalise import View
from metta_local.training import fit, train
from metta_local.training.corpus import Row, own_rows
from metta_local.training.fit import Fitted
from metta_local.training.modelfile import model_file
from metta_local.training.samples import Vectorizer, readings_of

SCRIPTS = ("ar", "bn", "el", "en", "he", "hi", "ja", "ka", "ko", "ru", "ta", "th", "zh")
VECTORIZER = Vectorizer()


@pytest.fixture(scope="module")
def corpus() -> list[Row]:
    return list(own_rows())


@pytest.fixture(scope="module")
def fitted() -> tuple[Fitted, Fitted]:
    """Two heads of random weights, some of them large, as liblinear might leave them."""
    dice = np.random.default_rng(5)
    return tuple(Fitted(dice.standard_cauchy(SIZE).clip(-40, 40), bias) for bias in (-3.25, 1.5))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def rounded(fitted: tuple[Fitted, Fitted]) -> list[Fitted]:
    """The heads as they ship: int8 times a scale."""
    kept = []
    for one in fitted:
        weights, scale = fit.quantised(one)
        kept.append(Fitted(weights.astype(np.float64) * float(f"{scale:.6g}"), one.bias))
    return kept


@pytest.fixture(scope="module")
def shipped(fitted: tuple[Fitted, Fitted]) -> Model:
    heads = {task: train.packed(task, one) for task, one in zip(train.HEADS, fitted, strict=True)}
    return read_model(model_file(heads, "random"))


def trained_on(rounded: Sequence[Fitted], tokens: Sequence[str]) -> list[float]:
    """The logits that the training works with."""
    matrix = VECTORIZER.matrix([tokens])
    return [float(one.logits(matrix)[0]) for one in rounded]


def strongest_window(rounded: Sequence[Fitted], tokens: Sequence[str]) -> list[float]:
    """By features counted up to a window's end and not up to its start."""
    spans = [(0, len(tokens)), *((low, low + WINDOW) for low in range(0, len(tokens) - WINDOW + STRIDE, STRIDE))]
    best = [-np.inf, -np.inf]
    for low, high in spans:
        inside = VECTORIZER.features(tokens[:high])[len(VECTORIZER.features(tokens[:low])) :]
        for head, one in enumerate(rounded):
            best[head] = max(best[head], one.bias + one.weights[inside].sum() / np.sqrt(len(inside)))
    return [float(value) for value in best]


def tokens_of(folded: str) -> list[str]:
    return ["0" if token.isdigit() else token for token in TOKEN.findall(folded)]


@given(text=st.text(max_size=200))
@settings(max_examples=80, deadline=None)
def test_any_short_text_gets_the_logit_that_training_gave_it(text: str, shipped: Model, rounded: list[Fitted]) -> None:
    tokens = tokens_of(View(text).folded)[:WHOLE]
    judged = shipped.judge(" ".join(tokens))
    assert [one.logit for one in judged] == pytest.approx(trained_on(rounded, tokens), abs=2e-3)


@pytest.mark.parametrize("lang", SCRIPTS)
def test_a_real_text_of_any_script_gets_the_logit_that_training_gave_it(
    lang: str, corpus: list[Row], shipped: Model, rounded: list[Fitted]
) -> None:
    texts = [row.text for row in corpus if row.lang == lang and len(TOKEN.findall(View(row.text).folded)) <= WHOLE]
    for text in random.Random(lang).sample(texts, 12):
        view = View(text)
        tokens, *_ = readings_of(text, label=0)
        judged = shipped.judge(view.shown(view.folded))
        assert [one.logit for one in judged] == pytest.approx(trained_on(rounded, tokens), abs=2e-3)


@pytest.mark.parametrize("lang", SCRIPTS)
def test_a_long_text_gets_the_logit_of_its_strongest_window(
    lang: str, corpus: list[Row], shipped: Model, rounded: list[Fitted]
) -> None:
    texts = [row.text for row in corpus if row.lang == lang]
    folded = View("\n".join(random.Random(lang).choices(texts, k=60))).folded[:2500]
    tokens = tokens_of(folded)
    assert len(tokens) > WHOLE
    assert [one.logit for one in shipped.judge(folded)] == pytest.approx(strongest_window(rounded, tokens), abs=2e-3)
