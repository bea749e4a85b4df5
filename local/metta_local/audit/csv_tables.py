"""The export's CSV files: one per table, such that no spreadsheet takes a customer's text for a formula.

A text that begins as a formula does, or with an apostrophe, gets an apostrophe in front: take one away and you have the
text. What is NULL is an empty field, as an empty text is; JSON Lines tell them apart.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from typing import IO, Any

from metta.messages import JsonObject
from metta.persistence.columns import columns
from metta.persistence.read import PARTS

_FINDINGS = ("turn_id", "verdict_ordinal", "ordinal", "check", "kind", "start", "end", "score")
TABLES: dict[str, tuple[str, ...]] = {
    "turns": tuple(columns("turns")),
    "conversations": tuple(columns("conversations")),
    **{part: _FINDINGS if part == "findings" else tuple(columns(part)) for part in PARTS},
    "skips": tuple(columns("skips")),
    "erasures": ("account_id", "conversation_id", "number", "kind", "subject", "facts", "written_at"),
}
"""File -> its columns."""
_FORMULA = re.compile(r"['\t\r\n]|[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠]")
"""How a formula begins; some programs skip blanks and what is not seen before they look for one."""


class CsvTables:
    """Writes records of an export, each row to its table's file.

    Args:
        files: table -> an open file, for each of ``TABLES``.
    """

    def __init__(self, files: Mapping[str, IO[str]]) -> None:
        self._writers = {table: csv.writer(files[table]) for table in TABLES}
        for table, names in TABLES.items():
            self._writers[table].writerow(names)

    def write(self, record: JsonObject) -> None:
        """One line of the JSON Lines export."""
        kind = record["record"]
        if kind == "skip":
            self._row("skips", record)
        elif kind != "turn":
            self._row("erasures", record)
        else:
            self._turn(record)

    def _turn(self, turn: JsonObject) -> None:
        of = {"turn_id": turn["id"]}
        self._row("turns", turn)
        if turn["conversation"] is not None:
            self._row("conversations", turn["conversation"] | of)
        for part in PARTS:
            for row in turn.get(part, ()):
                self._row(part, row | of)
        for verdict in turn["verdicts"]:
            for place, finding in enumerate(verdict["findings"]):
                self._row("findings", finding | of | {"verdict_ordinal": verdict["ordinal"], "ordinal": place})

    def _row(self, table: str, row: JsonObject) -> None:
        self._writers[table].writerow([cell(row[name]) for name in TABLES[table]])


def cell(value: Any) -> str:
    """A value as a field of the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if _FORMULA.match(text) else text
