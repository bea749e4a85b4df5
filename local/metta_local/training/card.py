"""Writes the figures of the guardrails' documents between their markers, so that none of them is typed by hand.

A block is ``<!-- figures: name -->`` ... ``<!-- /figures -->``. Counts come from the training texts, measurements from
``metta bench guardrails --json`` and from ``--validate``; a block whose source is not given stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from metta_local.training.card_bench import Bench, CardError, bench_blocks
from metta_local.training.card_data import data_blocks, licences

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("README.md", "docs/guardrails.md", "docs/measurements.md", "docs/model-card.md")
NOTICE = "NOTICE"
BLOCKS = frozenset(
    {"data", "own-texts", "recipe", "validation", "held-out", "held-out-parts", "headline", "peers", "speed", "summary"}
)
"""Names that a block may have."""
_BLOCK = re.compile(r"(<!-- figures: ([^\n]*?) -->\n).*?(<!-- /figures -->)", re.DOTALL)


def write_card(data: Path, bench: Path | None, validation: Path | None, root: Path = ROOT) -> list[str]:
    """Fill the blocks of all documents.

    Args:
        data: folder of the shared rows, as for the training.
        bench: what ``metta bench guardrails --json`` printed.
        validation: what ``--validate`` printed.
        root: where the documents are.

    Returns:
        The names of the blocks that were written.

    Raises:
        CardError: a figure is missing or was measured on a sample, or NOTICE lacks a source.
        CorpusError: a training file cannot be used.
    """
    attributed((root / NOTICE).read_text(encoding="utf-8"), licences(data))
    blocks = data_blocks(data)
    if bench is not None:
        blocks |= bench_blocks(Bench.read(bench.read_text(encoding="utf-8")))
    if validation is not None:
        blocks["validation"] = validation.read_text(encoding="utf-8").strip()
    for name in DOCUMENTS:
        document = root / name
        text = document.read_text(encoding="utf-8")
        document.write_text(filled(text, blocks, name), encoding="utf-8")
    return sorted(blocks)


def filled(text: str, blocks: Mapping[str, str], document: str = "") -> str:
    """``text`` with its blocks filled (idempotent).

    Raises:
        CardError: a marker names a block that nobody fills.
    """

    def fill(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        if name not in BLOCKS:
            raise CardError(f"{document}: no such block: {name}; there are {', '.join(sorted(BLOCKS))}")
        return f"{start}{blocks[name]}\n{end}" if name in blocks else match.group()

    return _BLOCK.sub(fill, text)


def attributed(notice: str, known: Mapping[str, str]) -> None:
    """Make sure that every source stands in NOTICE with its licence, as licences ask.

    Raises:
        CardError: one does not.
    """
    lines = [line.split() for line in notice.splitlines()]
    for source, licence in known.items():
        if not any(words[:1] == [source] and licence in words for words in lines):
            raise CardError(f"{NOTICE}: a line must begin with {source} and name its licence, {licence}")
