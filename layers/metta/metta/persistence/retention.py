"""Removes what is older than the policy wants it: whole entries, the oldest of a conversation first, with their rows.

As the schema's owner, who alone may delete. Each transaction takes a bounded number of entries of one conversation and
leaves one that holds the number and the MAC of the last that went, so that the chain still proves what is left. Killed
anywhere, a second run goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from metta.messages import ConversationKey
from metta.persistence.chain import ORDER, ChainKey, Entry, Head, seal
from metta.persistence.connection import audit_down
from metta.persistence.entering import in_one_moment, insert_entry, read_entries
from metta.persistence.heads import Heads
from metta.persistence.tail import Tail, follow
from metta.persistence.verify import is_older, start_of

MOST_ENTRIES = 500
"""Entries that one transaction removes: some ten thousand rows, a fraction of a second."""
LEAST_DAYS = 1
"""Nothing younger is removed: a writer may stand still for a moment with the number of an entry that went."""
MAY_REMOVE: LiteralString = (
    "has_table_privilege('metta.turns', 'DELETE') AND has_table_privilege('metta.entries', 'INSERT')"
)
"""SQL that is true for a role that may remove rows."""
_PAGE = 2000
_RECORDS = ("turn", "skip")
_OLD = """
    FROM metta.entries AS entry
    WHERE entry.written_at < %(cutoff)s AND (%(account)s::bigint IS NULL OR entry.account_id = %(account)s)"""
_MONTHS = f"""
    WITH old AS (
        SELECT date_trunc('month', entry.written_at AT TIME ZONE 'UTC') AS month, entry.digests {_OLD}
        AND NOT EXISTS (SELECT FROM metta.entries AS kept WHERE kept.account_id = entry.account_id
            AND kept.conversation_id = entry.conversation_id AND kept.number < entry.number
            AND kept.written_at >= %(cutoff)s)
        AND EXISTS (SELECT FROM metta.entries AS record WHERE record.account_id = entry.account_id
            AND record.conversation_id = entry.conversation_id AND record.kind IN ('turn', 'skip')
            AND record.written_at < %(cutoff)s))
    SELECT to_char(month, 'YYYY-MM'), 'entries', count(*) FROM old GROUP BY 1
    UNION ALL
    SELECT to_char(month, 'YYYY-MM'), of.key, sum(jsonb_array_length(of.value))::bigint
    FROM old, jsonb_each(old.digests) AS of GROUP BY 1, 2
    ORDER BY 1, 2"""  # noqa: S608 - made of constants
_CANDIDATES = f"""
    SELECT entry.written_at, entry.account_id, entry.conversation_id, entry.number {_OLD}
    AND entry.kind IN ('turn', 'skip')
    AND (entry.written_at, entry.account_id, entry.conversation_id, entry.number)
        > (%(at)s, %(after_account)s, %(after_conversation)s, %(after_number)s)
    ORDER BY entry.written_at, entry.account_id, entry.conversation_id, entry.number LIMIT {_PAGE}"""
_OF_TURNS = {table: "id" if table == "turns" else "turn_id" for table in ORDER if table != "skips"}
_DELETES = {
    **{table: f"DELETE FROM metta.{table} WHERE {column} = ANY(%(turns)s)" for table, column in _OF_TURNS.items()},  # noqa: S608
    "skips": "DELETE FROM metta.skips WHERE account_id = %(account)s AND conversation_id = %(conversation)s"
    " AND message_id || ' ' || reason = ANY(%(skips)s)",
}
_ENTRIES = (
    "DELETE FROM metta.entries WHERE account_id = %(account)s AND conversation_id = %(conversation)s"
    " AND number BETWEEN 1 AND %(number)s"
)
_COUNTED = " + ".join(f"(SELECT count(*) FROM {table})" for table in _DELETES)  # noqa: S608
_REMOVAL = ", ".join(
    [f"WITH entries AS ({_ENTRIES})", *(f"{table} AS ({delete} RETURNING 1)" for table, delete in _DELETES.items())]
)
_REMOVAL += f" SELECT {_COUNTED}"


@dataclass(frozen=True)
class Count:
    """How many rows of a month are old enough."""

    month: str
    """``2026-01``, in UTC, of when they were written."""
    table: str
    rows: int


@dataclass(frozen=True)
class Removed:
    """What one transaction removed of a conversation.

    Attributes:
        key: the conversation.
        entries: entries that went; 0 when there was none to remove.
        rows: rows that went with them.
        problem: why nothing was removed although it is old; empty when nothing is wrong.
    """

    key: ConversationKey
    entries: int = 0
    rows: int = 0
    problem: str = ""


def count_by_month(connection: psycopg.Connection[Any], cutoff: datetime, account_id: int | None = None) -> list[Count]:
    """What would be removed, by month and table. Reads all that is old.

    Raises:
        AuditDown: the database cannot be read.
    """
    try:
        found = connection.execute(_MONTHS.encode(), {"cutoff": cutoff, "account": account_id}).fetchall()
    except psycopg.Error as error:
        raise audit_down(error) from None
    return [Count(month, table, rows) for month, table, rows in found]


def conversations_older_than(
    connection: psycopg.Connection[Any], cutoff: datetime, account_id: int | None = None
) -> Iterator[ConversationKey]:
    """Conversations with turns or skips that were written before, each once, about those with the oldest first.

    Raises:
        AuditDown: the database cannot be read.
    """
    seen: set[ConversationKey] = set()
    last: tuple[Any, int, int, int] = (datetime(1, 1, 1, tzinfo=UTC), 0, 0, 0)
    while True:
        names = ("at", "after_account", "after_conversation", "after_number")
        values = {"cutoff": cutoff, "account": account_id, **dict(zip(names, last, strict=True))}
        try:
            page = connection.execute(_CANDIDATES.encode(), values).fetchall()
        except psycopg.Error as error:
            raise audit_down(error) from None
        if not page:
            return
        for _, account, conversation, _ in page:
            key = ConversationKey(account_id=account, conversation_id=conversation)
            if key not in seen:
                seen.add(key)
                yield key
        last = page[-1]


def remove_older(
    connection: psycopg.Connection[Any],
    key: ConversationKey,
    cutoff: datetime,
    *,
    heads: Heads,
    keys: Sequence[ChainKey],
    asked_by: str,
    now: datetime | None = None,
    most_entries: int = MOST_ENTRIES,
) -> Removed:
    """Remove the oldest entries of a conversation that were written before ``cutoff``; one transaction.

    What is not as Metta wrote it stays where it is, as evidence.

    Args:
        connection: of the schema's owner (``DATABASE_MIGRATE_URL``), in autocommit mode.
        key: the conversation.
        cutoff: at least ``LEAST_DAYS`` ago.
        heads: where chains end.
        keys: of the chain; the first one seals.
        asked_by: who asked for it.
        now: the time; the clock's when None.
        most_entries: of one transaction; what is left is for the next call.

    Raises:
        AuditDown: the database or the heads' table cannot be reached or refuses.
    """
    at = now or datetime.now(UTC)

    def work() -> tuple[Removed, Head]:
        entries = read_entries(connection, key)
        start, chain = start_of(entries, keys)
        tail, known = follow(chain, start, keys), heads.get(key)
        old = list(itertools.takewhile(lambda entry: is_older(entry, cutoff), chain))
        if not any(entry.kind in _RECORDS for entry in old):
            return Removed(key), Head()
        old = old[:most_entries]
        if problem := _problem(start, entries, tail, known):
            return Removed(key, problem=problem), Head()
        if known.number < tail.head.number:
            heads.advance(key, tail.head)  # a writer that goes on from an entry that is gone would break the chain
        last, by = old[-1], f"written before {cutoff.astimezone(UTC):%Y-%m-%d}"
        rows = _delete(connection, key, old)
        facts = {"through": last.number, "mac": last.mac.hex(), "entries": len(old), "rows": rows}
        facts |= {"by": by, "asked_by": asked_by}
        entry = seal(key, "retention", by, after=tail.head, with_key=keys[0], facts=facts, now=at)
        insert_entry(connection, entry)
        return Removed(key, len(old), rows), entry.head

    removed, head = in_one_moment(connection, work)
    if head.number:
        heads.advance(key, head)
    return removed


def _problem(start: Head, entries: Sequence[Entry], tail: Tail, known: Head) -> str:
    if back := [entry.number for entry in entries if entry.number <= start.number]:
        return f"entry {back[0]} stands where it was removed"
    if tail.broken_at is not None:
        return f"entry {tail.broken_at} is not as Metta wrote it"
    macs = {start.number: start.mac, **{entry.number: entry.mac for entry in entries}}
    if known.number > tail.head.number:
        return f"entry {tail.head.number + 1} was cut off"
    if known.number and macs.get(known.number, known.mac) != known.mac:
        return f"entry {known.number} is another than was written"
    return ""


def _delete(connection: psycopg.Connection[Any], key: ConversationKey, old: Sequence[Entry]) -> int:
    """Delete the entries and their rows in one statement, at whose end alone rows that refer to others are missed."""
    found = connection.execute(
        _REMOVAL.encode(),
        {
            "account": key.account_id,
            "conversation": key.conversation_id,
            "number": old[-1].number,
            "turns": [entry.subject for entry in old if entry.kind == "turn"],
            "skips": [entry.subject for entry in old if entry.kind == "skip"],
        },
    ).fetchone()
    return int(found[0]) if found else 0
