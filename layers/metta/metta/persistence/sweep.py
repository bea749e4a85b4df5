"""Goes through all conversations, those that are left and those that are gone, a page at a time.

For ``metta audit verify``: what the database has is looked up among the heads kept outside, then the heads among what
the database has. A page of each is in memory, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import psycopg

from metta.messages import ConversationKey
from metta.persistence.chain import Head
from metta.persistence.entry_rows import PARTS
from metta.persistence.heads import all_heads, heads_of
from metta.persistence.read import moment

PAGE = 100
"""Conversations looked up at once; DynamoDB gives no more in one answer."""
_TABLES = ("entries", "turns", "skips", "conversations")
_FIRST, _LAST = -(2**63), 2**63 - 1


class HeadsBook:
    """The heads kept outside the database.

    Args:
        client: a boto3 DynamoDB client whose credentials may scan.
        table: the table of turn state.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def of(self, keys: Sequence[ConversationKey]) -> dict[ConversationKey, Head]:
        """The heads of at most ``PAGE`` conversations; ``Head()`` where none is known.

        Raises:
            AuditDown: the table cannot be read.
        """
        return heads_of(self._client, self._table, keys)

    def all(self) -> Iterator[tuple[ConversationKey, Head]]:
        """Every head, in no order.

        Raises:
            AuditDown: the table cannot be read.
        """
        return all_heads(self._client, self._table)


def sweep(
    connection: psycopg.Connection[Any], book: HeadsBook | None, account_id: int | None = None
) -> Iterator[tuple[ConversationKey, Head | None]]:
    """Every conversation of the log with its head: first those in the database, in order, then those only a head is of.

    Args:
        connection: as ``reading`` gives it, outside a transaction: each page is read in one of its own.
        book: the heads; None leaves them out, and with them what is gone as a whole.
        account_id: only conversations of this account.

    Raises:
        AuditDown: the heads cannot be read.
    """
    after = (_FIRST, _FIRST) if account_id is None else (account_id, _FIRST)
    while page := _page(connection, after, _LAST if account_id is None else account_id):
        heads = None if book is None else book.of(page)
        for key in page:
            yield key, None if heads is None else heads[key]
        after = page[-1].account_id, page[-1].conversation_id
    if book is None:
        return
    of_account = ((key, head) for key, head in book.all() if account_id in (None, key.account_id))
    for heads_page in _batched(of_account):
        there = known_of(connection, [key for key, _ in heads_page])
        yield from ((key, head) for key, head in heads_page if key not in there)


def count_conversations(connection: psycopg.Connection[Any], account_id: int | None = None) -> int:
    """About how many there are in the database, for whoever waits."""
    row = connection.execute(
        "SELECT count(*) FROM (SELECT DISTINCT account_id, conversation_id FROM metta.entries"
        " WHERE account_id BETWEEN %s AND %s) AS known",
        [_FIRST if account_id is None else account_id, _LAST if account_id is None else account_id],
    ).fetchone()
    return int(row[0]) if row else 0


def strays(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Rows that belong to no conversation, so that none is checked with them, in words. Constraints forbid them.

    Goes through the indexes of all tables.

    Args:
        connection: as ``reading`` gives it, outside a transaction.
    """
    for table in (*_TABLES, *PARTS):
        lost = "account_id IS NULL OR conversation_id IS NULL"
        if table in PARTS:
            lost = "NOT EXISTS (SELECT FROM metta.turns WHERE turns.id = stray.turn_id)"
        with moment(connection, statement_seconds=0):
            found = connection.execute(f"SELECT count(*) FROM metta.{table} AS stray WHERE {lost}".encode()).fetchone()  # noqa: S608
        if found is not None and found[0]:
            yield f"{table}: {found[0]} rows that belong to no {'turn' if table in PARTS else 'conversation'}"


def _page(connection: psycopg.Connection[Any], after: tuple[int, int], last: int) -> list[ConversationKey]:
    """The next conversations in their order, from the indexes of all tables that name them."""
    each = " UNION ".join(
        f"(SELECT DISTINCT account_id, conversation_id FROM metta.{table}"  # noqa: S608 - our own names
        " WHERE (account_id, conversation_id) > (%(account)s, %(conversation)s) AND account_id <= %(last)s"
        " ORDER BY account_id, conversation_id LIMIT %(page)s)"
        for table in _TABLES
    )
    query = f"SELECT * FROM ({each}) AS known ORDER BY 1, 2 LIMIT %(page)s"  # noqa: S608
    values = {"account": after[0], "conversation": after[1], "last": last, "page": PAGE}
    with moment(connection, statement_seconds=0):
        found = connection.execute(query.encode(), values).fetchall()
    return [ConversationKey(account_id=account, conversation_id=conversation) for account, conversation in found]


def known_of(connection: psycopg.Connection[Any], keys: Sequence[ConversationKey]) -> set[ConversationKey]:
    """Which of these the database has anything of."""
    # each a lookup by index, as subqueries with a limit are: what EXISTS may become reads whole tables
    looked_up = ", ".join(
        f"(SELECT true FROM metta.{table} WHERE account_id = asked.account"  # noqa: S608 - our own names
        " AND conversation_id = asked.conversation LIMIT 1)"
        for table in _TABLES
    )
    query = (
        "SELECT account, conversation FROM unnest(%s::bigint[], %s::bigint[]) AS asked (account, conversation)"  # noqa: S608
        f" WHERE coalesce({looked_up})"
    )
    with moment(connection, statement_seconds=0):
        found = connection.execute(
            query.encode(), [[key.account_id for key in keys], [key.conversation_id for key in keys]]
        ).fetchall()
    return {ConversationKey(account_id=account, conversation_id=conversation) for account, conversation in found}


def _batched(
    heads: Iterable[tuple[ConversationKey, Head]],
) -> Iterator[list[tuple[ConversationKey, Head]]]:
    going = iter(heads)
    while batch := list(islice(going, PAGE)):
        yield batch
