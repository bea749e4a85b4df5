"""Reads the training texts: the project's own YAML files with their slots filled in, and folders of JSON Lines."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

OWN = Path(__file__).with_name("corpus")
_SLOT = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_DEPTH = 6
"""Slots within slots that are filled in."""
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every scalar as text: ``no`` is a word here, and ``007`` is not 7."""

Task = Literal["injection", "toxicity"]


class CorpusError(ValueError):
    """A training file that cannot be used; the text names file, line or row, and field."""


@dataclass(frozen=True, slots=True)
class Row:
    """One training text."""

    text: str
    label: int
    """1 for an attack or a toxic text, 0 for an honest one."""
    task: Task
    source: str
    lang: str
    kind: str
    template: str
    """Rows made from one template share it, so that they never stand on both sides of a split."""


def own_rows(folder: Path = OWN) -> Iterator[Row]:
    """The project's own texts, in the order of file names; slots are drawn with the file's name as seed.

    Raises:
        CorpusError: a file lacks a field, or a row names a slot that the file does not have.
    """
    for path in sorted(folder.glob("*.yaml")):
        yield from _rows(path)


def _rows(path: Path) -> Iterator[Row]:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    for field in ("task", "label", "kind", "lang", "rows"):
        if not isinstance(content, dict) or field not in content:
            raise CorpusError(f"{path.name}: {field}: missing")
    slots = {str(name): [str(value) for value in values] for name, values in (content.get("slots") or {}).items()}
    draw = random.Random(path.stem)
    for number, template in enumerate(content["rows"], 1):
        if not isinstance(template, str):
            raise CorpusError(f"{path.name}: row {number}: must be text, is {template!r}")
        times = int(content.get("expand", 3)) if _SLOT.search(template) else 1
        try:
            texts = dict.fromkeys(_filled(template, slots, draw, _DEPTH) for _ in range(times))
        except KeyError as error:
            raise CorpusError(f"{path.name}: row {number}: slot {error} is not in slots") from None
        for text in texts:
            yield Row(
                text, int(content["label"]), content["task"], f"own:{path.stem}", str(content["lang"]),
                str(content["kind"]), f"{path.stem}/{number}",
            )  # fmt: skip


def _filled(template: str, slots: dict[str, list[str]], draw: random.Random, depth: int) -> str:
    def fill(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group()[0]
        value = draw.choice(slots[match.group(1)])
        return _filled(value, slots, draw, depth - 1) if depth and _SLOT.search(value) else value

    return _SLOT.sub(fill, template)


def shared_rows(folder: Path) -> Iterator[Row]:
    """The rows of ``*.jsonl`` in ``folder``; its README names sources and licences.

    The file's name tells the task; PII rows are honest texts to both models.

    Raises:
        CorpusError: a line is not such a row, or the folder has none.
    """
    paths = sorted(folder.glob("*.jsonl")) or sorted((folder / "guardrails").glob("*.jsonl"))
    if not paths:
        raise CorpusError(f"{folder}: no *.jsonl files")
    for path in paths:
        task: Task = "toxicity" if path.name.startswith("toxicity") else "injection"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
                label = 0 if "spans" in row else int(row["label"])
                yield Row(
                    row["text"], label, task, row["source"], row["lang"], row.get("kind", ""), f"{path.stem}/{number}"
                )
            except (ValueError, KeyError, TypeError) as error:
                raise CorpusError(f"{path.name}: line {number}: {type(error).__name__}: {error}") from None
