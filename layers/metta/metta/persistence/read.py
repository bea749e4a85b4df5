"""The audit log's reading side: a conversation's rows as nested plain objects, in the words of ``metta.messages``.

For ``metta demo`` and whoever shows the log to people. Times are ISO 8601 in UTC, money is a float of US dollars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from metta.messages import ConversationKey, JsonObject
from metta.persistence.bounded import connect_awake
from metta.persistence.connection import audit_conninfo, audit_down
from metta.persistence.exact import exact_cursor
from metta.persistence.vault import Reader

PARTS = (
    "incoming_messages",
    "outgoing_messages",
    "verdicts",
    "findings",
    "tool_calls",
    "model_calls",
    "timings",
    "handoff_steps",
)
WAKE_SECONDS = 5.0
"""How long a database that sleeps or restarts is waited for."""
_OBSERVED = ("turn_id", "observed_at", "saved_at")
"""Who saw a conversation so, and when: what makes no version."""
_OF_CONVERSATION: LiteralString = "account_id = %s AND conversation_id = %s"
_OF_ITS_TURNS: LiteralString = "IN (SELECT id FROM metta.turns WHERE account_id = %s AND conversation_id = %s)"


@contextmanager
def reading(url: str, *, variable: str = "DATABASE_URL") -> Iterator[psycopg.Connection[Any]]:
    """A connection to read by: each of its transactions (``moment``) sees one moment and cannot write.

    Args:
        url: connection string of a role that may read.
        variable: name of the variable for the error.

    Raises:
        AuditDown: the database cannot be reached, or what is done with the connection fails.
        SettingsError: ``url`` is not a connection string.
    """
    conninfo = audit_conninfo(url, variable=variable)
    try:
        with connect_awake(conninfo, wake_seconds=WAKE_SECONDS) as connection:
            connection.autocommit = True
            # a turn committed between two statements would otherwise come without its rows
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except psycopg.Error as error:
        raise audit_down(error) from None


@contextmanager
def moment(connection: psycopg.Connection[Any], *, statement_seconds: float | None = None) -> Iterator[None]:
    """One transaction of ``reading``'s connection.

    Args:
        connection: it.
        statement_seconds: bound of one statement instead of the role's own; 0 sets none. It ends with the
            transaction, since behind a pooler the session may be another's next.
    """
    with connection.transaction():
        if statement_seconds is not None:
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(statement_seconds * 1000))])
        yield


def read_conversation(
    source: str | psycopg.Connection[Any], key: ConversationKey, reader: Reader | None = None
) -> JsonObject:
    """All rows of one conversation.

    Args:
        source: connection string of a role that may read, or an open connection.
        key: the conversation.
        reader: reads encrypted contents; without one they say that they are encrypted.

    Returns:
        ``{"account_id", "conversation_id", "metadata": [versions that differ, oldest first], "turns": [as read_turns],
        "skips": [...], "erasures": [entries that say what was erased or removed]}``; empty lists when nothing is
        known of it.

    Raises:
        AuditDown: the database cannot be read.
    """
    if isinstance(source, str):
        with reading(source) as connection, moment(connection):
            return _read(connection, key, reader or Reader())
    try:
        return _read(source, key, reader or Reader())
    except psycopg.Error as error:
        raise audit_down(error) from None


def read_turns(source: str | psycopg.Connection[Any], key: ConversationKey) -> list[JsonObject]:
    """The turns of one conversation, oldest first, each with all its rows nested.

    Each holds the columns of ``metta.turns`` and the lists ``incoming_messages``, ``outgoing_messages``, ``verdicts``
    (each with ``findings``), ``tool_calls``, ``model_calls``, ``timings`` and ``handoff_steps``.

    Raises:
        AuditDown: the database cannot be read.
    """
    turns: list[JsonObject] = read_conversation(source, key)["turns"]
    return turns


def opened(reader: Reader, table: str, rows: Iterable[JsonObject]) -> list[JsonObject]:
    """Rows that name their conversation, with their contents readable."""
    return [reader.opened(conversation_of(row), table, row) for row in rows]


def conversation_of(row: JsonObject) -> ConversationKey:
    """The conversation that a row names."""
    return ConversationKey(account_id=row["account_id"], conversation_id=row["conversation_id"])


def nest(turns: Sequence[JsonObject], parts: Mapping[str, Mapping[str, list[JsonObject]]], reader: Reader) -> None:
    """Put into each turn its rows of all tables.

    Args:
        turns: rows of ``metta.turns``.
        parts: table -> turn id -> rows, as ``read_parts`` gives them.
        reader: reads encrypted contents.
    """
    for turn in turns:
        key = conversation_of(turn)
        of = {
            table: [reader.opened(key, table, row) for row in rows.get(turn["id"], ())] for table, rows in parts.items()
        }
        turn |= {table: rows for table, rows in of.items() if table != "findings"}
        for verdict in turn["verdicts"]:
            own = (row for row in of["findings"] if row["verdict_ordinal"] == verdict["ordinal"])
            verdict["findings"] = [_finding(row) for row in own]


def read_parts(
    connection: psycopg.Connection[Any], table: LiteralString, turns: LiteralString, values: Sequence[Any]
) -> dict[str, list[JsonObject]]:
    """Rows of turns in one table, by turn and in their order within it.

    Args:
        connection: in a transaction.
        table: one of ``PARTS``.
        turns: SQL after ``turn_id``, which says which turns.
        values: of its parameters.
    """
    query = sql.SQL("SELECT * FROM {} WHERE turn_id {} ORDER BY turn_id, {}").format(
        sql.Identifier("metta", table),
        sql.SQL(turns),
        sql.SQL("verdict_ordinal, ordinal" if table == "findings" else "ordinal"),
    )
    rows: defaultdict[str, list[JsonObject]] = defaultdict(list)
    with exact_cursor(connection) as cursor:
        for row in cursor.execute(query, values):
            rows[row.pop("turn_id")].append(plain(row))
    return dict(rows)


def _read(connection: psycopg.Connection[Any], key: ConversationKey, reader: Reader) -> JsonObject:
    where = [key.account_id, key.conversation_id]
    turns = opened(reader, "turns", _select(connection, "turns", "started_at, id", where))
    nest(turns, {part: read_parts(connection, part, _OF_ITS_TURNS, where) for part in PARTS}, reader)
    seen = _select(connection, "conversations", "observed_at, turn_id", where)
    skips = _select(connection, "skips", "created_at, message_id, reason", where)
    return {
        "account_id": key.account_id,
        "conversation_id": key.conversation_id,
        "metadata": _versions(opened(reader, "conversations", seen)),
        "turns": turns,
        "skips": opened(reader, "skips", skips),
        "erasures": _erasures(connection, where),
    }


def _select(
    connection: psycopg.Connection[Any], table: LiteralString, order: LiteralString, where: list[int]
) -> list[JsonObject]:
    query = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY {}").format(
        sql.Identifier("metta", table), sql.SQL(_OF_CONVERSATION), sql.SQL(order)
    )
    with exact_cursor(connection) as cursor:
        return [plain(row) for row in cursor.execute(query, where)]


def _erasures(connection: psycopg.Connection[Any], where: list[int]) -> list[JsonObject]:
    query = (
        "SELECT number, kind, subject, facts, written_at FROM metta.entries"
        " WHERE account_id = %s AND conversation_id = %s AND kind IN ('erasure', 'retention') ORDER BY number"
    )
    with exact_cursor(connection) as cursor:
        return [plain(row) for row in cursor.execute(query, where)]


def _versions(rows: list[JsonObject]) -> list[JsonObject]:
    """Those that differ from the one before, since each turn writes down what it saw."""
    kept: list[JsonObject] = []
    for row in rows:
        if not kept or any(row[name] != kept[-1][name] for name in row if name not in _OBSERVED):
            kept.append(row)
    return kept


def _finding(row: JsonObject) -> JsonObject:
    """A finding in the words of ``metta.messages.Finding``, whose names SQL reserves."""
    return {
        "check": row["check_name"],
        "kind": row["kind"],
        "start": row["span_start"],
        "end": row["span_end"],
        "score": row["score"],
    }


def plain(row: JsonObject) -> JsonObject:
    """A row as JSON has it."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value
