"""Reads columns as they are stored: whatever a role or a pooler has set for the session, and whatever stands in them.

Text answers follow ``DateStyle``, ``TimeZone``, ``bytea_output`` and ``extra_float_digits``, which an operator may have
set for a role; a digest would then miss what is there. Binary ones do not. A value that Python has no word for (a date
before Christ, JSON that is nested without end) is somebody else's doing, and read as text, so that it can be reported.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, Cursor
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import DictRow, dict_row

_POSTGRES_BEGINS = datetime(2000, 1, 1, tzinfo=UTC)
_AnyCursor = TypeVar("_AnyCursor", Cursor[DictRow], AsyncCursor[DictRow])


class _Moment(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> datetime | str:
        microseconds = int.from_bytes(bytes(data), "big", signed=True)
        try:
            return _POSTGRES_BEGINS + timedelta(microseconds=microseconds)
        except OverflowError:
            return f"{microseconds} microseconds after 2000"


class _Json(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Any:
        text = bytes(data)[1:]  # after the version of the form
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text.decode(errors="replace")


def exact_cursor(connection: psycopg.Connection[Any]) -> Cursor[DictRow]:
    """A cursor whose rows are dicts of exactly what is stored."""
    return _exact(connection.cursor(row_factory=dict_row, binary=True))


def exact_async_cursor(connection: AsyncConnection[Any]) -> AsyncCursor[DictRow]:
    """As ``exact_cursor``."""
    return _exact(connection.cursor(row_factory=dict_row, binary=True))


def _exact(cursor: _AnyCursor) -> _AnyCursor:
    cursor.adapters.register_loader("timestamptz", _Moment)
    cursor.adapters.register_loader("jsonb", _Json)
    return cursor
