"""The rows of one transaction and the one statement that writes them.

All rows travel as one JSON parameter to one ``WITH ... INSERT`` statement: one round trip, one implicit transaction,
nothing to prepare and no state left in the session, so any pooler in between will do. The first table's insert decides:
if its row is there already, no other row is written, so a turn is stored once and as a whole however often it is saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

import psycopg
from psycopg import AsyncConnection

from metta.persistence.chain import Entry
from metta.persistence.columns import COLUMNS, columns
from metta.persistence.text import Storable, as_json


class Written(StrEnum):
    """How writing ended."""

    NEW = "new"
    THERE = "there"
    """The deciding row was there already, and nothing was written."""
    MOVED = "moved"
    """The chain has another entry of that number, and nothing was written."""


@dataclass
class Batch:
    """Rows waiting to be written together. The table of the first row is the one that decides."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Table -> rows, in the order in which they were added."""
    saved_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When they were put together; what the rows say of when they were saved."""

    def add(self, table: str, **row: Any) -> None:
        """Add one row; a column that is not given becomes NULL."""
        self.rows.setdefault(table, []).append(row)

    def storable(self) -> dict[str, list[dict[str, Any]]]:
        """The rows as PostgreSQL can hold them; those of turns and skips say whether something had to be escaped."""
        walk = Storable()
        kept = {table: [walk.columns(row) for row in rows] for table, rows in self.rows.items()}
        if walk.escaped:
            for row in (*kept.get("turns", ()), *kept.get("skips", ())):
                row["escaped"] = True
        return kept


async def write(
    connection: AsyncConnection[Any], rows: Mapping[str, Sequence[Mapping[str, Any]]], entry: Entry
) -> Written:
    """Write rows and the entry that seals them in one round trip.

    Args:
        connection: in autocommit mode, so that the statement is a transaction.
        rows: what ``Batch.storable`` gave and ``entry`` has digests of; their first table decides.
        entry: seals them.
    """
    tables = {**rows, "entries": [entry.row()]}
    try:
        cursor = await connection.execute(statement(tuple(tables)), [as_json(tables)])
        written = await cursor.fetchone()
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name != "entries_pkey":
            raise
        return Written.MOVED
    return Written.NEW if written is not None and written[0] else Written.THERE


@cache
def statement(tables: tuple[str, ...]) -> bytes:
    """The statement for these tables; made of constants alone, never of data."""
    first, *others = tables
    parts = [
        "rows AS MATERIALIZED (SELECT %s::jsonb AS tables)",
        _insert(first, "true ON CONFLICT DO NOTHING RETURNING 1"),
        *(_insert(table, f"EXISTS (SELECT FROM written_{first})") for table in others),
    ]
    return f"WITH {', '.join(parts)} SELECT count(*) > 0 FROM written_{first}".encode()  # noqa: S608


def _insert(table: str, condition: str) -> str:
    names = ", ".join(columns(table))
    return (
        f"written_{table} AS (INSERT INTO metta.{table} ({names}) SELECT {names} "  # noqa: S608
        f"FROM rows, jsonb_to_recordset(rows.tables -> '{table}') AS given ({COLUMNS[table]}) WHERE {condition})"
    )
