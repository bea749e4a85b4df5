"""Ways of writing the same turns, for ``metta bench audit``: Metta's, the same without the chain, and plain psycopg."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb

from metta.bootstrap.auditing import audit_store
from metta.bootstrap.common import aws_client
from metta.guardrails import Guardrails
from metta.messages import JsonObject, Turn
from metta.persistence.batch import Batch, statement
from metta.persistence.chain import chain_keys
from metta.persistence.columns import columns
from metta.persistence.connection import audit_conninfo
from metta.persistence.rows import save_turn_rows
from metta.persistence.store import AuditStore
from metta.persistence.text import as_json
from metta.policy import load_policy
from metta.settings import Settings

AT_ONCE = 4
"""Connections; as many as the store has."""
COPIED = 100
"""Turns that a transaction of COPY holds."""


class Prepared:
    """A turn, and the same as rows for those who only insert."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        batch = Batch()
        save_turn_rows(batch, turn)
        self.rows: dict[str, list[JsonObject]] = batch.storable()
        self.tuples = {
            table: [tuple(_adapted(row.get(name), kind) for name, kind in columns(table).items()) for row in rows]
            for table, rows in self.rows.items()
        }


def _adapted(value: Any, kind: str) -> Any:
    return Jsonb(value) if kind == "jsonb" and value is not None else value


class Ways:
    """All ways, on one database.

    Args:
        settings: where database and table of heads are, and the chain's key.
    """

    def __init__(self, settings: Settings) -> None:
        url, key, policy = settings.database.get_secret_value(), settings.audit_key, load_policy()
        self.conninfo = audit_conninfo(url)
        self.dynamodb = aws_client("dynamodb", endpoint_url=settings.aws_endpoint_url)
        self.asked_of_dynamodb = 0
        self.dynamodb.meta.events.register("before-send", self._count)
        self._stores = {
            "saved": audit_store(settings, self.dynamodb, policy, Guardrails(policy)),
            "chain": AuditStore(url, keys=chain_keys(key.get_secret_value() if key else None), max_connections=AT_ONCE),
        }
        self._plain: list[AsyncConnection[Any]] = []

    def _count(self, **_: Any) -> None:
        self.asked_of_dynamodb += 1

    async def close(self) -> None:
        """Close all connections."""
        for store in self._stores.values():
            await store.close()
        for connection in self._plain:
            await connection.close()

    async def save(self, way: str, one: Prepared) -> None:
        """Write one turn.

        Args:
            way: ``saved``: as the worker does, with the heads in DynamoDB; ``chain``: the chain alone, heads in memory,
                nothing cleaned or masked; ``rows``: the statement without the chain.
            one: the turn.
        """
        if way != "rows":
            await self._stores[way].save_turn(one.turn)
            return
        batch = Batch()
        save_turn_rows(batch, one.turn)
        rows = batch.storable()
        [connection] = await self._connected(1)
        await (await connection.execute(statement(tuple(rows)), [as_json(rows)])).fetchone()

    async def rush(self, way: str, turns: Sequence[Prepared]) -> None:
        """Write all of them, a few at a time.

        Args:
            way: ``chain``; ``executemany``: a transaction per turn, rows ready as tuples; ``copy``: many of them per
                transaction.
            turns: new ones.
        """
        if way == "chain":
            shares: list[Sequence[Prepared]] = [turns[at::AT_ONCE] for at in range(AT_ONCE)]
            await asyncio.gather(*(self._saved_in_turn(share) for share in shares))
            return
        connections = await self._connected(AT_ONCE)
        insert = _executemany if way == "executemany" else _copy
        await asyncio.gather(*(insert(connection, turns[at::AT_ONCE]) for at, connection in enumerate(connections)))

    async def _saved_in_turn(self, turns: Sequence[Prepared]) -> None:
        for one in turns:
            await self._stores["chain"].save_turn(one.turn)

    async def _connected(self, number: int) -> Sequence[AsyncConnection[Any]]:
        while len(self._plain) < number:
            self._plain.append(await AsyncConnection.connect(self.conninfo, autocommit=True))
        return self._plain[:number]


async def _executemany(connection: AsyncConnection[Any], turns: Sequence[Prepared]) -> None:
    """As any program would: a transaction per turn and an INSERT per table, all sent together."""
    for one in turns:
        async with connection.transaction(), connection.pipeline(), connection.cursor() as cursor:
            for table, rows in one.tuples.items():
                names = list(columns(table))
                query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                    sql.Identifier("metta", table),
                    sql.SQL(", ").join(map(sql.Identifier, names)),
                    sql.SQL(", ").join([sql.Placeholder()] * len(names)),
                )
                await cursor.executemany(query, rows)


async def _copy(connection: AsyncConnection[Any], turns: Sequence[Prepared]) -> None:
    """As a bulk load would."""
    for start in range(0, len(turns), COPIED):
        part = turns[start : start + COPIED]
        async with connection.transaction(), connection.cursor() as cursor:
            for table in part[0].tuples:
                names = sql.SQL(", ").join(map(sql.Identifier, columns(table)))
                query = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier("metta", table), names)
                async with cursor.copy(query) as copy:
                    for one in part:
                        for row in one.tuples[table]:
                            await copy.write_row(row)
