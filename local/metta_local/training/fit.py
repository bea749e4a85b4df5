"""Fits one head: logistic regressions over segments, blended; long attacks by their most telling window; int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from metta_local.training.samples import Segment

SEED = 20261128
ROUNDS = 2
_TOLERANCE = 1e-2
_FLOOR = 0.1

Array = Any
"""A numpy array."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One member of a blend."""

    strength: float
    """Inverse of the regularisation."""
    share: float
    """A source of n texts weighs n to this power in all, so that large ones do not drown small ones."""
    smoothing: float | None
    """With it, features are scaled by their log-count ratio, smoothed by so many texts."""


BLEND = {
    "injection": (Recipe(40, 0.7, None), Recipe(10, 0.7, 1.0), Recipe(10, 0.5, 0.5)),
    "toxicity": (Recipe(20, 0.7, None), Recipe(10, 0.7, 1.0), Recipe(10, 0.5, 0.5)),
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """A linear model in floating point: ``logit = bias + weights . row``."""

    weights: Array
    bias: float

    def logits(self, matrix: Any) -> Array:
        """One logit a row."""
        return np.asarray(matrix @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Table:
    """What a head is fitted to: one row of ``matrix`` a segment, the rest one entry a text."""

    matrix: Any
    segments: list[Segment]
    labels: Array
    sources: Array
    factors: Array


def blended(table: Table, recipes: tuple[Recipe, ...]) -> Fitted:
    """The mean of the recipes' models, which is a linear model again."""
    fitted = [_fitted(table, recipe) for recipe in recipes]
    weights = np.mean([one.weights for one in fitted], axis=0)
    return Fitted(weights, float(np.mean([one.bias for one in fitted])))


def _fitted(table: Table, recipe: Recipe) -> Fitted:
    """Fit on whole texts first, then again with the windows of attacks that the first fit finds most telling."""
    row = np.array([segment.row for segment in table.segments])
    window = np.array([segment.window for segment in table.segments])
    label = table.labels[row]
    weight = _row_weights(table, recipe.share)
    whole = window == 0
    scale = (
        None
        if recipe.smoothing is None
        else _ratios(table.matrix[whole], label[whole], weight[row][whole], recipe.smoothing)
    )
    matrix = table.matrix if scale is None else (table.matrix @ sp.diags(scale)).tocsr()
    chosen = whole | (label == 0)
    fitted = _solved(matrix, chosen, label, _spread(weight, row, chosen), recipe.strength)
    for _ in range(ROUNDS - 1):
        chosen = whole | (label == 0) | _most_telling(fitted.logits(matrix), row, (label == 1) & ~whole)
        fitted = _solved(matrix, chosen, label, _spread(weight, row, chosen), recipe.strength)
    return fitted if scale is None else Fitted(fitted.weights * scale, fitted.bias)


def _row_weights(table: Table, share: float) -> Array:
    weights = np.ones(len(table.labels))
    for source in np.unique(table.sources):
        for label in (0, 1):
            chosen = (table.sources == source) & (table.labels == label)
            if chosen.any():
                weights[chosen] = chosen.sum() ** (share - 1)
    return np.asarray(weights * len(weights) / weights.sum() * table.factors)


def _ratios(matrix: Any, label: Array, weight: Array, smoothing: float) -> Array:
    """How much more often a feature stands in texts of one label than of the other, as an absolute log ratio."""
    present = (matrix > 0).astype(np.float64)
    shares = []
    for value in (1, 0):
        counts = np.asarray(present[label == value].T @ weight[label == value]).ravel()
        shares.append((counts + smoothing) / (counts.sum() / 100 + smoothing))
    return np.asarray((np.abs(np.log(shares[0] / shares[1])) + _FLOOR).astype(np.float32))


def _most_telling(logits: Array, row: Array, windows: Array) -> Array:
    """A mask of the one window of each text that has the highest logit."""
    best: dict[int, int] = {}
    for i in np.flatnonzero(windows):
        if row[i] not in best or logits[best[row[i]]] < logits[i]:
            best[int(row[i])] = int(i)
    mask: Any = np.zeros(len(row), dtype=bool)
    mask[list(best.values())] = True
    return mask


def _spread(weight: Array, row: Array, chosen: Array) -> Array:
    """A text's weight, shared by its chosen segments (by the root of their number, since each adds something)."""
    number = np.bincount(row[chosen], minlength=len(weight))
    return np.asarray(weight[row] / np.sqrt(np.maximum(number[row], 1)))


def _solved(matrix: Any, chosen: Array, label: Array, weight: Array, strength: float) -> Fitted:
    solver = LogisticRegression(C=strength, solver="liblinear", random_state=SEED, tol=_TOLERANCE, max_iter=200)
    seen = matrix[chosen]
    used = np.flatnonzero(seen.getnnz(axis=0))  # a feature of no text has no weight, and costs time
    solver.fit(seen[:, used], label[chosen], sample_weight=weight[chosen])
    weights = np.zeros(matrix.shape[1])
    weights[used] = solver.coef_[0]
    return Fitted(weights, float(solver.intercept_[0]))


def quantised(fitted: Fitted) -> tuple[Array, float]:
    """Weights as int8 and the factor that brings them back.

    The few largest weights are cut to the scale's end, so that they do not coarsen all others.
    """
    size = np.abs(fitted.weights)
    scale = float(np.quantile(size[size > 0], 0.9999)) / 127
    return np.clip(np.round(fitted.weights / scale), -127, 127).astype(np.int8), scale
