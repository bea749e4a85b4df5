"""Reads a folder of JSON Lines for ``metta bench guardrails`` and says which question each row belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from metta_local.bench.guardrails_stats import Span
from metta_local.console import CommandError

HELD_OUT = Path(__file__).with_name("heldout")
"""Texts written for this project, in styles of other sources than those that the model learns from."""


class Section(StrEnum):
    """The question that a row is a test of."""

    PII = "pii"
    INJECTION = "injection"
    BENIGN = "benign"
    TOXICITY = "toxicity"
    TOXICITY_MULTILINGUAL = "toxicity_multilingual"


_ATTACKS = frozenset({"direct", "jailbreak", "extraction", "indirect"})
_TOWARDS = ("to_bot", "to_person")
_NAMES = (Section.TOXICITY_MULTILINGUAL, Section.TOXICITY, Section.INJECTION, Section.BENIGN, Section.PII)


class _BadRowError(ValueError):
    """A row that is none; the text names the field."""


@dataclass(frozen=True)
class Row:
    """One labelled text."""

    id: str
    text: str
    label: int
    """1: attack, toxic, or has PII."""
    source: str
    lang: str
    kind: str
    section: Section
    spans: tuple[Span, ...] = ()


def read_rows(folder: Path) -> list[Row]:
    """All rows of all ``*.jsonl`` files in ``folder`` (or, if it has none, in the folders below), files by name.

    Raises:
        CommandError: there is no such folder or file, or a row is malformed; says which file, line and field.
    """
    if not folder.is_dir():
        raise CommandError(f"{folder}: there is no such folder")
    files = sorted(folder.glob("*.jsonl")) or sorted(folder.rglob("*.jsonl"))
    if not files:
        raise CommandError(f"{folder}: no *.jsonl file in it")
    return [row for file in files for row in _rows(file)]


def _rows(file: Path) -> Iterator[Row]:
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield _row(json.loads(line), file.name)
        except json.JSONDecodeError as error:
            raise CommandError(f"{file.name}, line {number}: not JSON (column {error.colno})") from None
        except UnicodeDecodeError:
            raise CommandError(f"{file.name}, line {number}: not UTF-8") from None
        except _BadRowError as error:
            raise CommandError(f"{file.name}, line {number}: {error}") from None


def _row(found: Any, file_name: str) -> Row:
    if not isinstance(found, dict):
        raise _BadRowError("not a JSON object")
    texts = {field: _text(found, field) for field in ("id", "text", "source", "lang", "kind")}
    label = found.get("label")
    if label not in (0, 1) or isinstance(label, bool):
        raise _BadRowError("label: must be 0 or 1")
    spans = tuple(_spans(found["spans"], texts["text"])) if "spans" in found else None
    section = _section(file_name.lower(), label, texts["kind"], spans is not None)
    return Row(label=label, section=section, spans=spans or (), **texts)


def _text(found: dict[str, Any], field: str) -> str:
    if not isinstance(found.get(field), str):
        raise _BadRowError(f"{field}: {'must be text' if field in found else 'missing'}")
    return str(found[field])


def _spans(found: Any, text: str) -> Iterator[Span]:
    if not isinstance(found, list):
        raise _BadRowError("spans: must be a list")
    for span in found:
        if not isinstance(span, dict) or not isinstance(span.get("type"), str):
            raise _BadRowError("spans: each must have start, end and type")
        start, end = span.get("start"), span.get("end")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
            raise _BadRowError(f"spans: {start!r} to {end!r} is no place in the text")
        yield Span(start, end, span["type"])


def _section(file_name: str, label: int, kind: str, has_spans: bool) -> Section:
    """By what the row holds where that is clear, else by the file's name."""
    if has_spans:
        return Section.PII
    if kind.startswith(_TOWARDS) and "toxicity_multilingual" not in file_name:
        return Section.TOXICITY
    for section in _NAMES:
        if section.value in file_name:
            return section
    if kind in _ATTACKS:
        return Section.INJECTION
    if label == 0:
        return Section.BENIGN
    raise _BadRowError(f"kind: {kind!r} is none that tells what is asked, nor does the file's name")
