"""The audit log's reading side: a conversation's rows as nested plain objects, in the words of ``metta.messages``.

For ``metta demo`` and whoever shows the log to people. Times are ISO 8601 in UTC, money is a float of US dollars.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from metta.messages import ConversationKey, JsonObject
from metta.persistence.connection import audit_conninfo, audit_down

_PARTS = (
    "incoming_messages",
    "outgoing_messages",
    "verdicts",
    "findings",
    "tool_calls",
    "model_calls",
    "timings",
    "handoff_steps",
)
_OBSERVED = ("turn_id", "observed_at", "saved_at")
"""Who saw a conversation so, and when: what makes no version."""
_OF_CONVERSATION: LiteralString = "account_id = %s AND conversation_id = %s"


def read_conversation(source: str | psycopg.Connection[Any], key: ConversationKey) -> JsonObject:
    """All rows of one conversation.

    Args:
        source: connection string of a role that may read, or an open connection.
        key: the conversation.

    Returns:
        ``{"account_id", "conversation_id", "metadata": [versions that differ, oldest first], "turns": [as read_turns],
        "skips": [...]}``; empty lists when nothing is known of it.

    Raises:
        AuditDown: the database cannot be read.
    """
    if isinstance(source, str):
        try:
            with psycopg.connect(audit_conninfo(source), prepare_threshold=None) as connection:
                # one moment for all tables: a turn committed in between would come without its rows
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                return _read(connection, key)
        except psycopg.Error as error:
            raise audit_down(error) from None
    try:
        return _read(source, key)
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


def _read(connection: psycopg.Connection[Any], key: ConversationKey) -> JsonObject:
    where = [key.account_id, key.conversation_id]
    parts = {part: _parts(connection, part, where) for part in _PARTS}
    turns = _select(connection, "turns", "started_at, id", where)
    for turn in turns:
        turn |= {part: rows[turn["id"]] for part, rows in parts.items() if part != "findings"}
        for verdict in turn["verdicts"]:
            own = (row for row in parts["findings"][turn["id"]] if row["verdict_ordinal"] == verdict["ordinal"])
            verdict["findings"] = [_finding(row) for row in own]
    return {
        "account_id": key.account_id,
        "conversation_id": key.conversation_id,
        "metadata": _versions(_select(connection, "conversations", "observed_at, turn_id", where)),
        "turns": turns,
        "skips": _select(connection, "skips", "created_at, message_id, reason", where),
    }


def _select(
    connection: psycopg.Connection[Any], table: LiteralString, order: LiteralString, where: list[int]
) -> list[JsonObject]:
    query = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY {}").format(
        sql.Identifier("metta", table), sql.SQL(_OF_CONVERSATION), sql.SQL(order)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_plain(row) for row in cursor.execute(query, where)]


def _parts(
    connection: psycopg.Connection[Any], table: LiteralString, where: list[int]
) -> defaultdict[str, list[JsonObject]]:
    """Rows of the conversation's turns in one table, by turn and in their order within it."""
    query = sql.SQL(
        "SELECT * FROM {} WHERE turn_id IN (SELECT id FROM metta.turns WHERE {}) ORDER BY turn_id, ordinal"
    ).format(sql.Identifier("metta", table), sql.SQL(_OF_CONVERSATION))
    rows: defaultdict[str, list[JsonObject]] = defaultdict(list)
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(query, where):
            rows[row.pop("turn_id")].append(_plain(row))
    return rows


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


def _plain(row: JsonObject) -> JsonObject:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value
