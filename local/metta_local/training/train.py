"""Trains both heads and writes the two files that ship: the lexicon first, since the normaliser reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metta.guardrails import lexicon as lexicon_module
from metta.guardrails import model as model_module
from metta.guardrails.features import VERSION as FEATURES
from metta_local.training.augment import disguised
from metta_local.training.corpus import OWN, Row, Task, own_rows, shared_rows
from metta_local.training.dataset import dataset
from metta_local.training.fit import BLEND, SEED, Fitted, Table, blended, quantised
from metta_local.training.modelfile import Packed, model_file
from metta_local.training.samples import Vectorizer, segments
from metta_local.training.words import common_words

OPERATING_POINTS: dict[Task, float] = {"injection": 0.7, "toxicity": 1.1}
"""Logits from which a text counts, chosen by ``validate`` on honest texts that were not trained on."""
SLOPE = 1.0
HEADS: tuple[Task, ...] = ("injection", "toxicity")


def read_rows(data: Path, own: Path = OWN) -> list[Row]:
    """The project's own texts and those of ``data``, in a fixed order."""
    rows = [*own_rows(own), *shared_rows(data)]
    return [*rows, *disguised(rows)]


@contextmanager
def lexicon_of(rows: list[Row], path: Path) -> Iterator[None]:
    """Write the lexicon and have the normaliser read it meanwhile, since a text is trained on as it will be judged."""
    path.write_text("".join(f"{word}\n" for word in common_words(rows)), encoding="utf-8")
    packaged, lexicon_module.PATH = lexicon_module.PATH, path
    lexicon_module.lexicon.cache_clear()
    try:
        yield
    finally:
        lexicon_module.PATH = packaged
        lexicon_module.lexicon.cache_clear()


def table(task: Task, rows: list[Row], vectorizer: Vectorizer) -> Table:
    """What the head of ``task`` is fitted to."""
    chosen = dataset(task, rows)
    cut = segments((row.text for row in chosen.rows), chosen.labels)
    matrix = vectorizer.matrix(segment.tokens for segment in cut)
    return Table(matrix, cut, chosen.labels, chosen.sources, chosen.factors)


def packed(task: Task, fitted: Fitted) -> Packed:
    """The fitted head as it ships."""
    weights, scale = quantised(fitted)
    return Packed(weights, scale, fitted.bias, OPERATING_POINTS[task], SLOPE)


def train(data: Path, out: Path = model_module.PATH, words: Path | None = None, own: Path = OWN) -> str:
    """Train on ``data`` and the project's own texts; the version is a digest of texts, seed and recipes.

    The same texts give the same bytes. Files are read in the order of their names; rows that change places within a
    file, or another seed, make another version.

    Args:
        data: folder of the shared ``*.jsonl`` files.
        out: where the model goes.
        words: where the lexicon goes; ``words.txt`` beside the model by default.
        own: folder of the project's own texts.

    Returns:
        The version that the model carries.
    """
    rows = read_rows(data, own)
    with lexicon_of(rows, words or out.with_name(lexicon_module.PATH.name)):
        vectorizer = Vectorizer()
        heads: dict[str, Packed] = {
            task: packed(task, blended(table(task, rows, vectorizer), BLEND[task])) for task in HEADS
        }
    version = digest_of(rows)
    out.write_bytes(model_file(heads, version))
    model_module.model.cache_clear()
    return version


def digest_of(rows: list[Row]) -> str:
    """The version of a model that is trained on ``rows`` with the seed and recipes as they are."""
    digest = hashlib.sha256(f"{FEATURES} {SEED} {BLEND} {OPERATING_POINTS}".encode())
    for row in rows:
        digest.update(f"{row.task}\0{row.label}\0{row.source}\0{row.text}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]
