"""Reads entries of a conversation's chain and checks that each is sealed with the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from metta.messages import ConversationKey
from metta.persistence.chain import ChainKey, Entry, Head, is_sealed
from metta.persistence.exact import exact_async_cursor

SELECT_ENTRIES = """
    SELECT number, kind, subject, facts, digests, salt, key_id, mac, written_at FROM metta.entries
    WHERE account_id = %s AND conversation_id = %s AND number > %s ORDER BY number"""


@dataclass(frozen=True)
class Tail:
    """What the database has behind a known head.

    Attributes:
        head: where its chain ends; the known head when it has nothing more.
        broken_at: number of the first entry that is not sealed with the one before it; None when all are.
    """

    head: Head
    broken_at: int | None

    @property
    def sound(self) -> bool:
        """Whether every entry follows from the known head."""
        return self.broken_at is None


def as_entry(key: ConversationKey, row: dict[str, Any]) -> Entry:
    """A row of ``metta.entries``, also one that somebody emptied the MAC of."""
    return Entry(key=key, **row | {"mac": row["mac"] or b""})


def follow(entries: Iterable[Entry], after: Head, keys: Sequence[ChainKey]) -> Tail:
    """Go along ``entries`` from a known head to their end."""
    broken_at: int | None = None
    head = after
    for entry in entries:
        follows = entry.number == head.number + 1 and is_sealed(entry, head.mac, keys)
        if not follows and broken_at is None:
            broken_at = entry.number
        head = entry.head
    return Tail(head, broken_at)


async def read_tail(
    connection: AsyncConnection[Any], *, key: ConversationKey, after: Head, keys: Sequence[ChainKey]
) -> Tail:
    """What the database has of a conversation's chain behind ``after``."""
    async with exact_async_cursor(connection) as cursor:
        await cursor.execute(SELECT_ENTRIES, [key.account_id, key.conversation_id, after.number])
        return follow([as_entry(key, row) for row in await cursor.fetchall()], after, keys)
