"""Counts the training texts per source and language and tells the recipe, for the model card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from metta.guardrails import features, lexicon
from metta.guardrails.model import PATH, STRIDE, WHOLE, WINDOW, read_model
from metta_local.training import augment
from metta_local.training.corpus import CorpusError, Row, Task, own_rows, shared_files
from metta_local.training.dataset import Dataset, dataset
from metta_local.training.fit import BLEND, ROUNDS, SEED, Recipe
from metta_local.training.train import HEADS, OPERATING_POINTS, SLOPE, digest_of, read_rows

_OWN = "own:"
_TOOLS = ("numpy", "scipy", "scikit-learn")
_ASKED: tuple[tuple[Task, int], ...] = (("injection", 1), ("injection", 0), ("toxicity", 1), ("toxicity", 0))
_HEAD = "injection: attacks | honest | toxicity: toxic | honest |"

Counts = Counter[tuple[str, str, Task, int]]
"""Source, language, head and label -> texts."""


def data_blocks(data: Path) -> dict[str, str]:
    """The blocks that need nothing but the training texts."""
    rows = read_rows(data)
    counts = counted({task: dataset(task, rows) for task in HEADS})
    return {"data": _sources(counts, licences(data)), "own-texts": _own(counts), "recipe": _recipe(rows)}


def licences(data: Path) -> dict[str, str]:
    """Every source of the shared rows with the licence that its rows name.

    Raises:
        CorpusError: a row names none, or another one than the source's first.
    """
    found: dict[str, str] = {}
    for path in shared_files(data):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = json.loads(line)
            licence = row.get("licence")
            if not licence or found.setdefault(row["source"], licence) != licence:
                raise CorpusError(f"{path.name}: line {number}: licence: {licence!r}, not that of {row['source']}")
    return dict(sorted(found.items()))


def counted(sets: dict[Task, Dataset]) -> Counts:
    """The texts that each head is fitted to, by source and language; the project's own files count as one source."""
    return Counter(
        (_OWN if row.source.startswith(_OWN) else row.source, row.lang, task, int(label))
        for task, chosen in sets.items()
        for row, label in zip(chosen.rows, chosen.labels, strict=True)
    )


def _sources(counts: Counts, known: dict[str, str]) -> str:
    places = sorted({(source, lang) for source, lang, _, _ in counts if source != _OWN})
    lines = [f"| source | licence | language | {_HEAD}", "|---|---|---|--:|--:|--:|--:|"]
    for source, lang in places:
        lines.append(f"| {source} | {known[source]} | {lang} | {_cells(counts, [(source, lang)])} |")
    own = [(source, lang) for source, lang, _, _ in counts if source == _OWN]
    lines.append(f"| own texts | CC0 | {len(set(own))}, see below | {_cells(counts, set(own))} |")
    lines.append(f"| **all** |  |  | {_cells(counts, {*places, *own})} |")
    return "\n".join(lines)


def _own(counts: Counts) -> str:
    languages = sorted({lang for source, lang, _, _ in counts if source == _OWN})
    templates = len({row.template for row in own_rows()})
    lines = [
        f"{templates:,} templates, each filled in a few times where it has slots; by language:",
        "",
        f"| language | {_HEAD}",
        "|---|--:|--:|--:|--:|",
    ]
    return "\n".join([*lines, *(f"| {lang} | {_cells(counts, [(_OWN, lang)])} |" for lang in languages)])


def _cells(counts: Counts, places: Iterable[tuple[str, str]]) -> str:
    chosen = list(places)
    return " | ".join(
        f"{sum(counts[source, lang, task, label] for source, lang in chosen):,}" for task, label in _ASKED
    )


def _recipe(rows: list[Row]) -> str:
    shipped = read_model(PATH.read_bytes())
    same = "yes" if digest_of(rows) == shipped.version else "**no**, they changed since: train again"
    lines = [
        "| what | value |",
        "|---|---|",
        f"| version of the shipped model | `{shipped.version}`, a digest of texts, seed and recipes |",
        f"| trained on the texts that are counted here | {same} |",
        f"| files | `model.bin` {_kib(PATH)}, `words.txt` {_kib(lexicon.PATH)} |",
        f"| features | version {features.VERSION}; {features.SIZE:,} hashes (CRC-32), weights int8 |",
        f"| texts judged as a whole | up to {WHOLE} tokens; longer ones also in windows of {WINDOW}, {STRIDE} apart |",
        f"| seed | {SEED}; for disguises {augment.SEED} |",
        f"| disguised copies | {augment.HONEST:,} honest texts, {augment.ATTACKS:,} attacks |",
        f"| rounds | {ROUNDS}, the later ones with each long attack's most telling window |",
    ]
    for task in HEADS:
        told = "; ".join(_told(recipe) for recipe in BLEND[task])
        lines.append(f"| {task}: mean of logistic regressions | {told} |")
        lines.append(f"| {task}: operating point, slope | logit {OPERATING_POINTS[task]}, {SLOPE:g} |")
    tools = ", ".join(f"{tool} {version(tool)}" for tool in _TOOLS)
    return "\n".join([*lines, f"| trained with | {tools}; none of them is needed at run time |"])


def _told(recipe: Recipe) -> str:
    ratios = "" if recipe.smoothing is None else f", log-count ratios smoothed by {recipe.smoothing:g}"
    return f"C {recipe.strength:g}, a source of n texts weighs n^{recipe.share:g}{ratios}"


def _kib(path: Path) -> str:
    return f"{path.stat().st_size / 1024:,.0f} KiB"
