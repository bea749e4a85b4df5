"""Chooses the training texts of one head and what each of them weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from metta_local.training.corpus import Row, Task

OTHER_SHARE = 25
"""Per cent of the texts of large toxicity sources that serve the injection head as honest ones."""
_LARGE = frozenset({"mhc", "davidson", "germeval2018"})
_MISLABELLED = frozenset({"target_indiv_nh", "target_group_nh"})
"""Kinds of mhc that are abuse of a person or a profession and no hate: honest there, not here."""
_OTHER_REGISTER = {"davidson": 0.3, "germeval2018": 0.3}
"""Tweets whose labels count any swearing; they teach words, and must not outweigh the messages."""
_OWN = 2.0
DESK = frozenset({"banking77", "bitext", "clinc150", "taskmaster4"})
"""Honest messages to support desks and assistants, which must hardly ever be flagged."""
_DESK_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Dataset:
    """The texts of one head, each once."""

    rows: tuple[Row, ...]
    labels: Any
    """One a row: 0 honest, 1 an attack or toxic."""
    sources: Any
    """One a row: source and language."""
    factors: Any
    """One a row: what its weight is multiplied by."""


def dataset(task: Task, rows: list[Row]) -> Dataset:
    """The rows that teach the head of ``task``; a text that occurs twice counts as it occurs first."""
    chosen: dict[str, tuple[Row, int, float]] = {}
    for row in rows:
        label = _label(task, row)
        if label is not None:
            chosen.setdefault(row.text, (row, label, _factor(task, row)))
    kept = list(chosen.values())
    return Dataset(
        tuple(row for row, _, _ in kept),
        np.array([label for _, label, _ in kept]),
        np.array([f"{row.source}/{row.lang}" for row, _, _ in kept]),
        np.array([factor for _, _, factor in kept]),
    )


def _label(task: Task, row: Row) -> int | None:
    if task == "injection":
        if row.task == "injection":
            return row.label
        large = row.source in _LARGE or row.source.startswith("own:")
        return None if large and crc32(row.text.encode()) % 100 >= OTHER_SHARE else 0
    if row.task == "toxicity":
        return None if row.kind in _MISLABELLED else row.label
    return None if row.label else 0


def _factor(task: Task, row: Row) -> float:
    if row.source in DESK:
        return _DESK_FACTOR
    if task == "injection":
        return 1.0
    return _OWN if row.source.startswith("own:") else _OTHER_REGISTER.get(row.source, 1.0)
