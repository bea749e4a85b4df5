"""A conversation's rows by the entry of the chain that they belong to, beside the digests that it has of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from metta.messages import ConversationKey, JsonObject
from metta.persistence.chain import ORDER, Entry, ordered
from metta.persistence.columns import columns
from metta.persistence.exact import exact_cursor

OWN = ("turns", "skips", "conversations")
"""Tables whose rows name their conversation themselves; rows of the others name a turn."""
PARTS = tuple(table for table in ORDER if table not in OWN)
_OF_CONVERSATION: LiteralString = "account_id = %s AND conversation_id = %s"


class EntryRows:
    """All rows of a conversation, by the entry that they belong to."""

    def __init__(self, connection: psycopg.Connection[Any], key: ConversationKey, turns: Iterable[str]) -> None:
        where = [key.account_id, key.conversation_id]
        self._turns: defaultdict[str, dict[str, list[JsonObject]]] = defaultdict(dict)
        self._skips: defaultdict[str, dict[str, list[JsonObject]]] = defaultdict(dict)
        for row in _select(connection, "turns", _OF_CONVERSATION, where):
            self._turns[row["id"]].setdefault("turns", []).append(row)
        for row in _select(connection, "skips", _OF_CONVERSATION, where):
            self._skips[f"{row['message_id']} {row['reason']}"].setdefault("skips", []).append(row)
        for row in _select(connection, "conversations", _OF_CONVERSATION, where):
            self._turns[row["turn_id"]].setdefault("conversations", []).append(row)
        known = [list({*turns, *self._turns})]  # planning a join for each part costs more than reading it
        for table in PARTS:
            found: defaultdict[str, list[JsonObject]] = defaultdict(list)
            for row in _select(connection, table, "turn_id = ANY(%s)", known):
                found[row["turn_id"]].append(row)
            for turn_id, rows in found.items():
                self._turns[turn_id][table] = _placed(table, rows)

    def of(self, entry: Entry) -> Mapping[str, list[JsonObject]]:
        """Table -> the rows of an entry that are there."""
        own = self._turns if entry.kind == "turn" else self._skips
        return own.get(entry.subject, {})

    def subjects(self) -> Iterator[tuple[str, str]]:
        """Kind and subject of everything that is there."""
        yield from (("turn", turn_id) for turn_id in self._turns)
        yield from (("skip", subject) for subject in self._skips)


def _placed(table: str, rows: Sequence[JsonObject]) -> list[JsonObject]:
    """In their order; behind the others those that somebody took their place from."""
    lost = [row for row in rows if any(row[column] is None for column in ORDER[table])]
    return ordered(table, [row for row in rows if row not in lost]) + lost if lost else ordered(table, rows)


def _select(
    connection: psycopg.Connection[Any], table: LiteralString, where: LiteralString, values: list[Any]
) -> Iterator[JsonObject]:
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns(table))), sql.Identifier("metta", table), sql.SQL(where)
    )
    with exact_cursor(connection) as cursor:
        yield from cursor.execute(query, values)


def places(
    table: str, written: Sequence[str], read: Sequence[JsonObject]
) -> Iterator[tuple[int, str | None, JsonObject | None]]:
    """Digests beside rows. Rows are numbered in their turn, so that one that is missing leaves a gap in its place."""
    if ORDER[table] == ("ordinal",):
        of_place: dict[int, JsonObject] = {}
        more = [row for row in read if of_place.setdefault(row["ordinal"], row) is not row]
        more += [of_place.pop(place) for place in list(of_place) if place not in range(len(written))]
        for place, digest in enumerate(written):
            yield place, digest, of_place.get(place)
        yield from ((row["ordinal"], None, row) for row in more)
        return
    for place, (digest, row) in enumerate(zip_longest(written, read)):
        yield place, digest, row
