"""Reads a period of the audit log row by row, in one transaction, however much there is.

By cursors of the server, which live as long as their transaction: a transaction-mode pooler keeps that on one session,
and only a page of turns is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from metta.messages import JsonObject
from metta.persistence.read import PARTS, nest, opened, plain, read_parts
from metta.persistence.vault import Reader

PAGE = 200
"""Turns that are read at once with all their rows."""


@dataclass(frozen=True)
class Period:
    """Days in UTC, both included, of one account or of all.

    Raises:
        ValueError: it ends before it begins.
    """

    first: date
    last: date
    account_id: int | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the last day, {self.last}, is before the first, {self.first}")

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The moment after its last."""
        if self.last == date.max:
            return datetime.max.replace(tzinfo=UTC)
        return datetime.combine(self.last, time(), UTC) + timedelta(days=1)

    def where(self, column: LiteralString) -> sql.Composed:
        """The SQL condition that rows are of the period, going by a column of time."""
        condition = sql.SQL("{0} >= {1} AND {0} < {2}").format(
            sql.SQL(column), sql.Literal(self.start), sql.Literal(self.end)
        )
        if self.account_id is not None:
            condition += sql.SQL(" AND account_id = {}").format(sql.Literal(self.account_id))
        return condition


def period_turns(
    connection: psycopg.Connection[Any], period: Period, reader: Callable[[], Reader] = Reader
) -> Iterator[JsonObject]:
    """Turns that began in the period, oldest first, as ``read_turns`` gives them, each with its ``conversation``.

    That is what the turn saw of conversation and contact; None where its row is missing.

    Args:
        connection: as ``reading`` gives it, in a transaction.
        period: the days.
        reader: makes one that reads a page's encrypted contents; it remembers keys, so each page has its own.
    """
    for page in _pages(connection, "turns", "*", period, "started_at", "started_at, id"):
        reads = reader()
        turns = opened(reads, "turns", page)
        ids = [[turn["id"] for turn in turns]]
        nest(turns, {part: read_parts(connection, part, "= ANY(%s)", ids) for part in PARTS}, reads)
        seen = _conversations(connection, ids, reads)
        for turn in turns:
            yield {**turn, "conversation": seen.get(turn["id"])}


def period_skips(
    connection: psycopg.Connection[Any], period: Period, reader: Callable[[], Reader] = Reader
) -> Iterator[JsonObject]:
    """Messages of the period that no turn answered, oldest first."""
    for page in _pages(connection, "skips", "*", period, "created_at", "created_at, account_id, message_id, reason"):
        yield from opened(reader(), "skips", page)


def period_erasures(connection: psycopg.Connection[Any], period: Period) -> Iterator[JsonObject]:
    """What was erased, or removed by age, in the period, oldest first."""
    names: LiteralString = "account_id, conversation_id, number, kind, subject, facts, written_at"
    order: LiteralString = "written_at, account_id, conversation_id, number"
    for page in _pages(connection, "entries", names, period, "written_at", order, "kind IN ('erasure', 'retention')"):
        yield from page


def _pages(
    connection: psycopg.Connection[Any],
    table: LiteralString,
    names: LiteralString,
    period: Period,
    column: LiteralString,
    order: LiteralString,
    more: LiteralString = "true",
) -> Iterator[list[JsonObject]]:
    query = sql.SQL("SELECT {} FROM {} WHERE {} AND {} ORDER BY {}").format(
        sql.SQL(names), sql.Identifier("metta", table), period.where(column), sql.SQL(more), sql.SQL(order)
    )
    with connection.cursor(name=f"period_{table}", row_factory=dict_row) as cursor:
        cursor.execute(query)
        while page := cursor.fetchmany(PAGE):
            yield [plain(row) for row in page]


def _conversations(connection: psycopg.Connection[Any], ids: list[list[str]], reader: Reader) -> dict[str, JsonObject]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SELECT * FROM metta.conversations WHERE turn_id = ANY(%s)", ids)
        return {row.pop("turn_id"): row for row in opened(reader, "conversations", map(plain, cursor))}
