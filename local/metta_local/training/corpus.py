"""Reads the training texts: the project's own YAML files with their slots filled in, and folders of JSON Lines."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

OWN = Path(__file__).with_name("corpus")
_SLOT = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")
_DEPTH = 6
"""Slots within slots that are filled in."""
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every scalar as text: ``no`` is a word here, and ``007`` is not 7."""

Task = Literal["injection", "toxicity"]
_NEEDED = ("task", "label", "kind", "lang", "rows")
_LABELS = ("0", "1")
_EXPAND = "3"


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
        CorpusError: a file lacks a field, has one that is unknown or of another kind, or names a slot it does not have.
    """
    for path in sorted(folder.glob("*.yaml")):
        yield from _rows(path)


def _rows(path: Path) -> Iterator[Row]:
    try:
        content = _checked(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (yaml.YAMLError, UnicodeDecodeError, CorpusError) as error:
        raise CorpusError(f"{path.name}: {error}") from None
    slots = content.get("slots") or {}
    draw = random.Random(path.stem)
    for number, template in enumerate(content["rows"], 1):
        times = int(content.get("expand", _EXPAND)) if _SLOT.search(template) else 1
        for text in dict.fromkeys(_filled(template, slots, draw, _DEPTH) for _ in range(times)):
            yield Row(
                text, int(content["label"]), content["task"], f"own:{path.stem}", content["lang"], content["kind"],
                f"{path.stem}/{number}",
            )  # fmt: skip


def _checked(content: Any) -> dict[str, Any]:
    """The content of a file, if it can be used."""
    if not isinstance(content, dict):
        raise CorpusError("must be a mapping of fields")
    for field in _NEEDED:
        if field not in content:
            raise CorpusError(f"{field}: missing")
    for field in content:
        if field not in (*_NEEDED, "slots", "expand"):
            raise CorpusError(f"{field}: unknown field")
    for field in ("kind", "lang"):
        if not isinstance(content[field], str):
            raise CorpusError(f"{field}: must be text")
    for field, allowed in (("task", get_args(Task)), ("label", _LABELS)):
        if content[field] not in allowed:
            raise CorpusError(f"{field}: must be {' or '.join(allowed)}, is {content[field]!r}")
    expand = content.get("expand", _EXPAND)
    if not isinstance(expand, str) or not re.fullmatch("[1-9][0-9]?", expand):
        raise CorpusError(f"expand: must be a number of 1 to 99, is {expand!r}")
    slots = content.get("slots") or {}
    if not isinstance(slots, dict):
        raise CorpusError("slots: must be a mapping of names to texts")
    _check_texts("rows", "row", content["rows"], slots)
    for name, values in slots.items():
        _check_texts(f"slots: {name}", f"slots: {name}: value", values, slots)
    return content


def _check_texts(field: str, each: str, texts: Any, slots: dict[str, Any]) -> None:
    if not isinstance(texts, list) or not texts:
        raise CorpusError(f"{field}: must be a list of texts")
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str) or not text.strip():
            raise CorpusError(f"{each} {number}: must be text, is {text!r}")
        for match in _SLOT.finditer(text):
            if match[1] is not None and match[1] not in slots:
                raise CorpusError(f"{each} {number}: slot {match[1]!r} is not in slots")


def _filled(template: str, slots: dict[str, list[str]], draw: random.Random, depth: int) -> str:
    def fill(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group()[0]
        value = draw.choice(slots[match.group(1)])
        return _filled(value, slots, draw, depth - 1) if depth and _SLOT.search(value) else value

    return _SLOT.sub(fill, template)


def shared_files(folder: Path) -> list[Path]:
    """The ``*.jsonl`` of ``folder``, or of ``guardrails`` in it, by name.

    Raises:
        CorpusError: there are none.
    """
    paths = sorted(folder.glob("*.jsonl")) or sorted((folder / "guardrails").glob("*.jsonl"))
    if not paths:
        raise CorpusError(f"{folder}: no *.jsonl files")
    return paths


def shared_rows(folder: Path) -> Iterator[Row]:
    """The rows of ``*.jsonl`` in ``folder``; its README names sources and licences.

    The file's name tells the task; PII rows are honest texts to both models.

    Raises:
        CorpusError: a line is not such a row, or the folder has no such files; the text names file, line and field.
    """
    for path in shared_files(folder):
        task: Task = "toxicity" if path.name.startswith("toxicity") else "injection"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                yield _shared_row(json.loads(line), task, f"{path.stem}/{number}")
            except ValueError as error:
                raise CorpusError(f"{path.name}: line {number}: {error}") from None


def _shared_row(row: Any, task: Task, template: str) -> Row:
    if not isinstance(row, dict):
        raise CorpusError("must be an object")
    for field in ("text", "source", "lang"):
        if not isinstance(row.get(field), str):
            raise CorpusError(f"{field}: must be text, is {row.get(field, 'missing')!r}")
    label = 0 if "spans" in row else row.get("label", "missing")
    if label not in (0, 1):
        raise CorpusError(f"label: must be 0 or 1, is {label!r}")
    return Row(row["text"], int(label), task, row["source"], row["lang"], str(row.get("kind", "")), template)
