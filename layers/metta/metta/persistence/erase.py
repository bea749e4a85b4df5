"""Forgets a conversation: its contents and their salts become NULL, and its chain says so and stays whole.

First what is kept outside the database is told, so that whoever writes from then on leaves out what is older, and the
key of encrypted contents is destroyed. Then rows and chain change in one transaction, then the head outside moves on.
Killed anywhere, a second run does what is left. Turn state has contents too: ``metta.queue.forgetting`` empties it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from metta.messages import ConversationKey
from metta.persistence.chain import ChainKey, Head, seal
from metta.persistence.connection import audit_down
from metta.persistence.entering import in_one_moment, insert_entry, tail_of
from metta.persistence.grants import CONTENTS
from metta.persistence.heads import Heads

CONVERSATION = "conversation"
"""``by`` of an erasure that named the conversation itself."""
MAY_ERASE: LiteralString = (
    "has_column_privilege('metta.turns', 'reply', 'UPDATE') AND has_table_privilege('metta.entries', 'INSERT')"
)
"""SQL that is true for a role that may erase."""
_OWN = ("turns", "skips", "conversations")
_OF_CONVERSATION: LiteralString = "account_id = %(account)s AND conversation_id = %(conversation)s"
_OF_TURNS: LiteralString = (
    "turn_id IN (SELECT id FROM metta.turns WHERE account_id = %(account)s AND conversation_id = %(conversation)s"
    " UNION SELECT subject FROM metta.entries"
    " WHERE account_id = %(account)s AND conversation_id = %(conversation)s AND kind = 'turn')"
)


@dataclass(frozen=True)
class Erased:
    """What an erasure found in the database and did.

    Attributes:
        key: the conversation.
        rows: rows whose contents were emptied; with a dry run, those that would be.
        through: number of the last entry whose contents are gone; 0 when there was none.
        sound: whether the end of the chain was as Metta wrote it; when not, ``metta audit verify`` says where.
    """

    key: ConversationKey
    rows: int
    through: int
    sound: bool = True


def by_contact(contact_id: int) -> str:
    """``by`` of an erasure that named a contact."""
    return f"contact {contact_id}"


def conversations_of(connection: psycopg.Connection[Any], account_id: int, contact_id: int) -> set[ConversationKey]:
    """Every conversation of an account that turns, conversations or skips name the contact in.

    Raises:
        AuditDown: the database cannot be read.
    """
    where = "WHERE account_id = %(account)s AND contact_id = %(contact)s"
    query = " UNION ".join(f"SELECT conversation_id FROM metta.{table} {where}" for table in _OWN)  # noqa: S608
    try:
        found = connection.execute(query.encode(), {"account": account_id, "contact": contact_id})
        return {ConversationKey(account_id=account_id, conversation_id=conversation) for (conversation,) in found}
    except psycopg.Error as error:
        raise audit_down(error) from None


def contacts_of(connection: psycopg.Connection[Any], key: ConversationKey) -> set[int]:
    """Every contact that the conversation's rows name.

    Raises:
        AuditDown: the database cannot be read.
    """
    query = " UNION ".join(f"SELECT contact_id FROM metta.{table} WHERE {_OF_CONVERSATION}" for table in _OWN)  # noqa: S608
    try:
        return {contact for (contact,) in connection.execute(query.encode(), _where(key))}
    except psycopg.Error as error:
        raise audit_down(error) from None


def sealed_with(connection: psycopg.Connection[Any], key: ConversationKey) -> set[str]:
    """Ids of the keys that the conversation's entries were sealed with.

    Raises:
        AuditDown: the database cannot be read.
    """
    query = f"SELECT DISTINCT key_id FROM metta.entries WHERE {_OF_CONVERSATION} AND key_id <> ''"  # noqa: S608
    try:
        return {key_id for (key_id,) in connection.execute(query.encode(), _where(key))}
    except psycopg.Error as error:
        raise audit_down(error) from None


def look_at_conversation(connection: psycopg.Connection[Any], key: ConversationKey) -> Erased:
    """What ``erase_conversation`` would erase.

    Raises:
        AuditDown: the database cannot be read.
    """
    try:
        rows = sum(_count(connection, key, table) for table in CONTENTS)
        end = connection.execute(
            f"SELECT coalesce(max(number), 0) FROM metta.entries WHERE {_OF_CONVERSATION}".encode(),  # noqa: S608
            _where(key),
        ).fetchone()
    except psycopg.Error as error:
        raise audit_down(error) from None
    return Erased(key, rows, end[0] if end and rows else 0)


def erase_conversation(
    connection: psycopg.Connection[Any],
    key: ConversationKey,
    *,
    heads: Heads,
    keys: Sequence[ChainKey],
    by: str,
    asked_by: str,
    now: datetime | None = None,
) -> Erased:
    """Erase all contents that the database has of the conversation now; what is gone already stays gone.

    The chain gets an entry each time, since each time somebody asked for it.

    Args:
        connection: of the role that erases (``DATABASE_ERASE_URL``), in autocommit mode.
        key: the conversation.
        heads: where chains end.
        keys: of the chain; the first one seals.
        by: what was named: ``by_contact`` or ``CONVERSATION``.
        asked_by: who asked for it.
        now: the time; the clock's when None.

    Raises:
        AuditDown: the database or the heads' table cannot be reached or refuses; a second run does what is left.
    """
    at = now or datetime.now(UTC)
    heads.forget(key, at)
    known = heads.get(key)

    def work() -> tuple[Erased, Head]:
        tail = tail_of(connection, key, known, keys)
        rows = sum(_empty(connection, key, table) for table in CONTENTS)
        connection.execute(
            f"UPDATE metta.entries SET salt = NULL WHERE {_OF_CONVERSATION} AND salt IS NOT NULL".encode(),  # noqa: S608
            _where(key),
        )
        # also where nothing was left: the number is what stops a writer that looked before it could know
        facts = {"through": tail.head.number, "by": by, "rows": rows, "asked_by": asked_by}
        entry = seal(key, "erasure", by, after=tail.head, with_key=keys[0], facts=facts, now=at)
        insert_entry(connection, entry)
        return Erased(key, rows, tail.head.number, tail.sound), entry.head

    erased, head = in_one_moment(connection, work)
    heads.advance(key, head)
    return erased


def _where(key: ConversationKey) -> dict[str, int]:
    return {"account": key.account_id, "conversation": key.conversation_id}


def _rows(table: str) -> sql.Composable:
    """Rows of the conversation in a table that have contents."""
    filled = sql.SQL(" OR ").join(sql.SQL("{} IS NOT NULL").format(sql.Identifier(name)) for name in CONTENTS[table])
    return sql.SQL("{} AND ({})").format(sql.SQL(_OF_CONVERSATION if table in _OWN else _OF_TURNS), filled)


def _empty(connection: psycopg.Connection[Any], key: ConversationKey, table: str) -> int:
    nothing = sql.SQL(", ").join(sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in CONTENTS[table])
    update = sql.SQL("UPDATE {} SET {} WHERE {}").format(sql.Identifier("metta", table), nothing, _rows(table))
    return connection.execute(update, _where(key)).rowcount


def _count(connection: psycopg.Connection[Any], key: ConversationKey, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier("metta", table), _rows(table))
    row = connection.execute(query, _where(key)).fetchone()
    return int(row[0]) if row else 0
