"""Whoever changes the audit log behind Metta's back is found out: any row or column, order, cut ends, removals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn, message, new_key
from metta.messages import ConversationKey
from metta.persistence.batch import Batch
from metta.persistence.chain import ChainKey, Head, chain_keys, seal
from metta.persistence.columns import COLUMNS, columns
from metta.persistence.heads import MemoryHeads
from metta.persistence.rows import save_turn_rows
from metta.persistence.store import AuditStore
from metta.persistence.verify import Verified, conversations, verify_conversation
from metta_local.postgres import DATABASE, PostgresUrls

KEYS = chain_keys("a key of the audit chain")


@dataclass(frozen=True)
class Log:
    """A conversation of two turns and a skip that Metta wrote, and where its chain ends."""

    key: ConversationKey
    head: Head
    turns: tuple[str, str]


def written(urls: PostgresUrls, keys: tuple[ChainKey, ...] = KEYS) -> Log:
    key, heads = new_key(), MemoryHeads()
    first, second = full_turn(key), full_turn(key)

    async def run() -> None:
        store = AuditStore(urls.database_url, heads=heads, keys=keys)
        await store.save_turn(first)
        await store.save_skip(message(key, 100_000 + key.conversation_id), "human_wrote")
        await store.save_turn(second)
        await store.close()

    asyncio.run(run())
    return Log(key, heads.get(key), (first.id, second.id))


def verified(urls: PostgresUrls, log: Log, keys: tuple[ChainKey, ...] = KEYS) -> Verified:
    with psycopg.connect(urls.database_url) as connection:
        return verify_conversation(connection, log.key, keys, log.head)


@contextmanager
def tampering(server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody who may do everything and has switched off what would stop him; undone at the end."""
    with psycopg.connect(server.superuser_url, dbname=DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")  # no foreign keys
        checks = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = 'metta'::regnamespace"
        ).fetchall()
        for table, name in checks:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        yield connection
        connection.rollback()


def of(table: str, log: Log) -> sql.Composable:
    """The rows of the conversation in a table."""
    if table in ("turns", "skips", "entries", "conversations"):
        return sql.SQL("account_id = {} AND conversation_id = {}").format(
            sql.Literal(log.key.account_id), sql.Literal(log.key.conversation_id)
        )
    return sql.SQL("turn_id IN ({}, {})").format(*map(sql.Literal, log.turns))


def places(connection: psycopg.Connection[Any], table: str, log: Log) -> list[tuple[str, int]]:
    """Physical place of each row of the conversation in a table, and the number of the entry that knows it."""
    number = {log.turns[0]: 1, log.turns[1]: 3}
    subject = {"turns": "id", "skips": "'skip'", "entries": "number"}.get(table, "turn_id")
    query = sql.SQL("SELECT ctid::text, {} FROM {} WHERE {} ORDER BY ctid")
    rows = connection.execute(query.format(sql.SQL(subject), sql.Identifier("metta", table), of(table, log)))  # type: ignore[arg-type]
    return [(ctid, value if isinstance(value, int) else number.get(value, 2)) for ctid, value in rows]


def found_by(connection: psycopg.Connection[Any], log: Log) -> Verified:
    return verify_conversation(connection, log.key, KEYS, log.head)


@pytest.fixture(scope="module")
def log(urls: PostgresUrls) -> Log:
    return written(urls)


def test_what_metta_wrote_is_sound(urls: PostgresUrls, log: Log) -> None:
    batch = Batch()
    save_turn_rows(batch, full_turn())

    found = verified(urls, log)

    assert (found.problems, found.entries, found.erased, found.unkeyed) == ([], 3, 0, 0)
    assert found.rows == 2 * sum(map(len, batch.rows.values())) + 1


OTHER = {
    "text": "COALESCE({}, '') || 'x'",
    "bigint": "COALESCE({}, 0) + 1000",
    "integer": "{} + 1000",
    "boolean": "NOT {}",
    "numeric": "{} + 0.0000001",
    "double precision": "{} * 1.0000001 + 0.0000001",
    "timestamptz": "{} + interval '1 microsecond'",
    "jsonb": "CASE WHEN {} = '1' THEN '2'::jsonb ELSE '1'::jsonb END",
    "bigint[]": "{} || 9::bigint",
    "bytea": "overlay({} placing '\\x00'::bytea from 3 for 1)",
}
CELLS = [(table, column) for table in COLUMNS for column in columns(table)]


@pytest.mark.parametrize(("table", "column"), CELLS, ids=lambda name: name)
def test_any_column_that_is_changed_is_found(server: Server, log: Log, table: str, column: str) -> None:
    changed = OTHER[columns(table)[column]]
    with tampering(server) as connection:
        [(ctid, number), *_] = places(connection, table, log)
        query = sql.SQL("UPDATE {} SET {} = {} WHERE ctid = {}::tid").format(
            sql.Identifier("metta", table), sql.Identifier(column),
            sql.SQL(changed.replace("{}", f'"{column}"')), sql.Literal(ctid),  # type: ignore[arg-type]
        )  # fmt: skip
        assert connection.execute(query).rowcount == 1
        found = found_by(connection, log)
    assert not found.sound
    assert found.problems[0].number in (number, None), str(found.problems[0])


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_row_that_is_removed_doubled_or_exchanged_is_found(server: Server, log: Log, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from([table for table in COLUMNS if table != "entries"]))
    at = sql.Identifier("metta", table)
    names = sql.SQL(", ").join(map(sql.Identifier, columns(table)))
    with tampering(server) as connection:
        for name, definition in connection.execute(
            "SELECT conname, conrelid::regclass::text FROM pg_constraint"
            " WHERE contype IN ('p', 'u', 'f') AND connamespace = 'metta'::regnamespace"
        ).fetchall():
            connection.execute(f"ALTER TABLE {definition} DROP CONSTRAINT IF EXISTS {name} CASCADE".encode())
        rows = places(connection, table, log)
        one, number = data.draw(st.sampled_from(rows))
        way = data.draw(st.sampled_from(["removed", "doubled", "given to another conversation"]))
        if way == "removed":
            connection.execute(sql.SQL("DELETE FROM {} WHERE ctid = {}::tid").format(at, sql.Literal(one)))
        elif way == "doubled":
            query = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE ctid = {}::tid")
            connection.execute(query.format(at, names, names, at, sql.Literal(one)))
        else:
            owner = "conversation_id" if "conversation_id" in columns(table) else "turn_id"
            other = "777777" if owner == "conversation_id" else "'a turn of nobody'"
            query = sql.SQL("UPDATE {} SET {} = {} WHERE ctid = {}::tid")
            connection.execute(query.format(at, sql.Identifier(owner), sql.SQL(other), sql.Literal(one)))  # type: ignore[arg-type]
        found = found_by(connection, log)
    assert not found.sound, f"{table} {way}"
    assert found.problems[0].number == number, str(found.problems[0])


@given(st.permutations([1, 2, 3]).filter(lambda order: order != [1, 2, 3]))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_entries_in_another_order_are_found(server: Server, log: Log, order: list[int]) -> None:
    with tampering(server) as connection:
        for before, after in zip([1, 2, 3], order, strict=True):
            connection.execute("UPDATE metta.entries SET number = %s WHERE number = %s AND conversation_id = %s",
                               [after + 10, before, log.key.conversation_id])  # fmt: skip
        connection.execute("UPDATE metta.entries SET number = number - 10 WHERE conversation_id = %s",
                           [log.key.conversation_id])  # fmt: skip
        found = found_by(connection, log)
    assert found.problems[0].number == next(at for at, was in enumerate(order, 1) if at != was)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_chain_that_is_cut_off_with_its_rows_is_found(server: Server, log: Log, left: int) -> None:
    with tampering(server) as connection:
        for table in COLUMNS:
            for ctid, number in places(connection, table, log):
                if number > left:
                    connection.execute(f"DELETE FROM metta.{table} WHERE ctid = %s::tid".encode(), [ctid])
        found = found_by(connection, log)
        known = conversations(connection)
    assert [(problem.number, problem.what) for problem in found.problems] == [
        (left + 1, "cut off: the chain went on to entry 3")
    ]
    assert (log.key in known) is (left > 0)


def test_an_entry_that_was_made_without_the_key_is_found(server: Server, log: Log) -> None:
    with tampering(server) as connection:
        forged = seal(log.key, "skip", "6002 human_wrote", after=log.head, with_key=ChainKey(b"another"))
        forged = replace(forged, key_id=KEYS[0].id)
        row = forged.row()
        connection.execute(
            "INSERT INTO metta.entries (account_id, conversation_id, number, kind, subject, facts, digests, key_id,"
            " mac, written_at) VALUES (%s, %s, %s, %s, %s, '{}', '{}', %s, %s, %s)",
            [row[name] for name in ("account_id", "conversation_id", "number", "kind", "subject", "key_id", "mac",
                                    "written_at")],
        )  # fmt: skip
        found = found_by(connection, log)
    assert found.problems[0].number == 4
    assert "not written by Metta" in found.problems[0].what


def test_contents_that_were_emptied_by_anybody_else_than_erasure_are_missed(server: Server, log: Log) -> None:
    with tampering(server) as connection:
        connection.execute("UPDATE metta.turns SET reply = NULL, identity_email = NULL, identity_phone = NULL,"
                           " identity_partner_id = NULL WHERE id = %s", [log.turns[0]])  # fmt: skip
        only_contents = found_by(connection, log)
        connection.execute("UPDATE metta.entries SET salt = NULL WHERE conversation_id = %s AND number = 1",
                           [log.key.conversation_id])  # fmt: skip
        both = found_by(connection, log)
    assert str(only_contents.problems[0]) == (
        f"entry 1 ({log.turns[0]}), turns row 0: contents are gone without an erasure"
    )
    assert any("salt is gone without an erasure" in problem.what for problem in both.problems)


def test_a_turn_that_was_put_in_beside_the_chain_is_found(server: Server, log: Log) -> None:
    with tampering(server) as connection:
        names = ", ".join(name for name in columns("turns") if name != "id")
        connection.execute(f"INSERT INTO metta.turns (id, {names}) SELECT 't-false', {names} FROM metta.turns"
                           " WHERE id = %s".encode(), [log.turns[0]])  # fmt: skip
        found = found_by(connection, log)
    assert [str(problem) for problem in found.problems] == ["no entry (t-false): a turn that no entry knows of"]


def test_entries_of_a_key_that_is_not_at_hand_are_not_called_sound(urls: PostgresUrls, log: Log) -> None:
    found = verified(urls, log, chain_keys("another key"))
    assert "sealed with a key that is not at hand" in found.problems[0].what


def test_entries_of_an_earlier_key_are_sound_while_it_is_named(urls: PostgresUrls, log: Log) -> None:
    assert verified(urls, log, chain_keys("a new key, a key of the audit chain")).sound


def test_without_a_key_the_log_says_that_it_proves_nothing_against_people(urls: PostgresUrls) -> None:
    own = written(urls, chain_keys(None))
    found = verified(urls, own, chain_keys(None))
    assert (found.sound, found.unkeyed) == (True, 3)
