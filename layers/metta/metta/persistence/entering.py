"""Adds an entry that says what was forgotten to a conversation's chain, while workers may write to the same one.

For ``erase`` and ``retention``, which an operator runs: on a connection of their own role, never from a function.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from metta.errors import AuditDown, SettingsError
from metta.messages import ConversationKey
from metta.persistence.chain import ChainKey, Entry, Head
from metta.persistence.columns import columns
from metta.persistence.connection import audit_down
from metta.persistence.exact import exact_cursor
from metta.persistence.tail import SELECT_ENTRIES, Tail, as_entry, follow

T = TypeVar("T")

_TRIES = 20
_PAUSE_SECONDS = 0.02
"""Before another try, times its number and a random share."""
_AGAIN = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


def in_one_moment(connection: psycopg.Connection[Any], work: Callable[[], T]) -> T:
    """Run ``work`` in a transaction that sees one moment; again where somebody else wrote to the conversation.

    Args:
        connection: in autocommit mode.
        work: all that it does is undone before it is run again.

    Raises:
        AuditDown: the database cannot be reached or refuses, or others write to the conversation all the time.
    """
    for tried in range(1, _TRIES + 1):
        try:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                return work()
        except _AGAIN:
            pass
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != "entries_pkey":
                raise audit_down(error) from None
        except psycopg.Error as error:
            raise audit_down(error) from None
        time.sleep(_PAUSE_SECONDS * tried * random.random())  # noqa: S311 - no secret
    raise AuditDown("audit database: others write to the same conversation all the time")


def require_right(connection: psycopg.Connection[Any], right: LiteralString, variable: str) -> None:
    """Make sure that the connection's role may do what it is for, before anything else is done that cannot be undone.

    Args:
        connection: in autocommit mode.
        right: SQL that is true when it may.
        variable: name of the variable that named the role.

    Raises:
        AuditDown: the database cannot be reached, or cannot be written to now.
        SettingsError: it may not.
    """
    try:
        found = connection.execute(
            sql.SQL("SELECT current_user, current_setting('transaction_read_only')::boolean, {}").format(sql.SQL(right))
        ).fetchone()
    except psycopg.Error as error:
        raise audit_down(error) from None
    role, read_only, may = found or ("", True, False)
    if read_only:
        raise AuditDown("audit database: it is read-only for now")
    if not may:
        raise SettingsError(
            f"{variable}: the role {role} has not the right to this (`metta migrate` gives each role its rights)"
        )


def read_entries(connection: psycopg.Connection[Any], key: ConversationKey, after: int = 0) -> list[Entry]:
    """Entries of a conversation behind a number, in their order."""
    with exact_cursor(connection) as cursor:
        cursor.execute(SELECT_ENTRIES, [key.account_id, key.conversation_id, after])
        return [as_entry(key, row) for row in cursor]


def tail_of(connection: psycopg.Connection[Any], key: ConversationKey, known: Head, keys: Sequence[ChainKey]) -> Tail:
    """Where the database's chain ends, and whether what stands behind the known head follows from it."""
    return follow(read_entries(connection, key, known.number), known, keys)


def insert_entry(connection: psycopg.Connection[Any], entry: Entry) -> None:
    """Add the entry.

    Raises:
        psycopg.errors.UniqueViolation: its number is taken.
    """
    names = tuple(columns("entries"))
    row = {name: getattr(entry, name, None) for name in names}
    row |= {"account_id": entry.key.account_id, "conversation_id": entry.key.conversation_id}
    row |= {"facts": Jsonb(entry.facts), "digests": Jsonb(entry.digests)}
    connection.execute(
        sql.SQL("INSERT INTO metta.entries ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
        ),
        row,
    )
