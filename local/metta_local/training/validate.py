"""Validates the training by held-out source: each source is judged by a model that has seen none of its texts.

The honest public sources and the project's own files are split in folds instead: messages to support desks row by row,
the project's own texts by template, so that no two texts of one template stand on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from metta_local.training.corpus import Row, Task
from metta_local.training.dataset import DESK, dataset
from metta_local.training.fit import BLEND, Table, blended
from metta_local.training.samples import Segment, Vectorizer, segments
from metta_local.training.train import HEADS, OPERATING_POINTS, read_rows

_FOLDS = 4
_SHIFTS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
"""Distances from the operating point at which the curve is shown."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Every text with the logit of a model that has not seen it (or its source)."""

    rows: tuple[Row, ...]
    labels: Any
    logits: Any


def held_out(task: Task, rows: list[Row], vectorizer: Vectorizer) -> Scored:
    """Judge every text by a model fitted without its source, or without its fold."""
    chosen = dataset(task, rows)
    cut = segments((row.text for row in chosen.rows), chosen.labels)
    matrix = vectorizer.matrix(segment.tokens for segment in cut)
    row_of = np.array([segment.row for segment in cut])
    groups = np.array([_group(task, row) for row in chosen.rows])
    logits = np.full(len(groups), -np.inf)
    for group in sorted(set(groups)):
        out = groups == group
        kept = np.flatnonzero(~out)
        place = np.full(len(groups), -1)
        place[kept] = np.arange(len(kept))
        inside = ~out[row_of]
        part = [Segment(int(place[s.row]), s.window, s.tokens) for s, keep in zip(cut, inside, strict=True) if keep]
        fitted = blended(
            Table(matrix[inside], part, chosen.labels[kept], chosen.sources[kept], chosen.factors[kept]), BLEND[task]
        )
        np.maximum.at(logits, row_of[~inside], fitted.logits(matrix[~inside]))
    return Scored(chosen.rows, chosen.labels, logits)


_SMALL = frozenset({"garak_sysprompt", "giskard", "gptfuzz"})
"""Attack sources too small to be left out one by one."""


def _group(task: Task, row: Row) -> str:
    if row.task != task or row.source in DESK or row.source.startswith(("own:", "generated")):
        return f"fold {crc32(row.template.encode()) % _FOLDS}"
    if row.source in _SMALL:
        return "small"
    return "spikee" if row.source == "spikee_fp" else row.source


def validate(data: Path) -> str:
    """The figures of both heads as Markdown tables: the curve, and every source at the operating point."""
    rows = read_rows(data)
    vectorizer = Vectorizer()
    return "\n\n".join(_report(task, held_out(task, rows, vectorizer)) for task in HEADS)


def _report(task: Task, scored: Scored) -> str:
    point = OPERATING_POINTS[task]
    desk = np.array([row.source in DESK for row in scored.rows])
    honest, wanted = scored.labels == 0, scored.labels == 1
    sought = "attacks" if task == "injection" else "toxic texts"
    head = f"| logit | of {int(wanted.sum()):,} {sought} found | of {int(desk.sum()):,} desk messages flagged "
    head += f"| of {int((honest & ~desk).sum()):,} other honest texts flagged |"
    lines = [f"### {task}", "", head, "|---|---|---|---|"]
    for shift in _SHIFTS:
        flagged = scored.logits >= point + shift
        lines.append(
            f"| {point + shift:.1f} | {flagged[wanted].mean():.3f} | {int(flagged[desk].sum())} "
            f"| {int(flagged[honest & ~desk].sum())} ({flagged[honest & ~desk].mean():.2%}) |"
        )
    lines += ["", f"| source, at {point} | language | texts | found | honest flagged |", "|---|---|---|---|---|"]
    flagged = scored.logits >= point
    names = [("own" if row.source.startswith("own:") else row.source, row.lang) for row in scored.rows]
    for name in sorted(set(names)):
        mask = np.array([each == name for each in names])
        lines.append(
            f"| {name[0]} | {name[1]} | {int(mask.sum())} | {_share(flagged[mask & wanted])} "
            f"| {_share(flagged[mask & honest])} |"
        )
    return "\n".join(lines)


def _share(flagged: Any) -> str:
    return f"{flagged.mean():.3f} of {len(flagged)}" if len(flagged) else ""
