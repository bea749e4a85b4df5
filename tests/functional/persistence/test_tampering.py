"""What somebody with every right does who knows how the proof is made: each try is found, its first bad row named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn
from functional.persistence.test_verify import KEYS, Log, found_by, tampering, written
from functional.persistence.tries import TRIES
from metta.persistence.chain import Head
from metta.persistence.erase import CONVERSATION, erase_conversation
from metta.persistence.heads import MemoryHeads
from metta.persistence.retention import remove_older
from metta.persistence.store import AuditStore
from metta.persistence.verify import verify_conversation
from metta_local.postgres import DATABASE, PostgresUrls

LATER = datetime.now(UTC) + timedelta(days=1)


def freed(connection: psycopg.Connection[Any]) -> None:
    """Takes every constraint away that is left."""
    found = connection.execute(
        "SELECT conname, conrelid::regclass::text FROM pg_constraint"
        " WHERE contype IN ('p', 'u', 'f') AND connamespace = 'metta'::regnamespace"
    ).fetchall()
    for name, table in found:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name} CASCADE".encode())
    for table, column in connection.execute(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r' AND attnotnull AND attnum > 0"
    ).fetchall():
        connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL".encode())


@pytest.fixture(scope="module")
def log(urls: PostgresUrls) -> Log:
    return written(urls)


@pytest.fixture(scope="module")
def other(urls: PostgresUrls) -> Log:
    return written(urls)


@pytest.mark.parametrize("name", TRIES)
def test_what_was_done_is_found(server: Server, log: Log, other: Log, name: str) -> None:
    statement, number = TRIES[name]
    values = {
        ":first": log.turns[0],
        ":second": log.turns[1],
        ":others": other.turns[0],
        ":other": str(other.key.conversation_id),
        ":c": str(log.key.conversation_id),
    }
    for placeholder, value in values.items():
        statement = statement.replace(placeholder, value)
    with tampering(server) as connection:
        freed(connection)
        assert connection.execute(statement.encode()).rowcount
        found = found_by(connection, log)
    assert not found.sound
    assert found.problems[0].number == number, [str(problem) for problem in found.problems]


@pytest.fixture
def forgotten(urls: PostgresUrls) -> Iterator[tuple[Log, MemoryHeads, list[Any]]]:
    """A conversation that was erased; its head, and the salt and the contents of a skip that were in it."""
    log, heads = written(urls), MemoryHeads()
    heads.advance(log.key, log.head)
    where = [log.key.conversation_id]
    with psycopg.connect(urls.erase_url, autocommit=True) as connection:
        old = connection.execute(
            "SELECT salt, text, attachments FROM metta.entries JOIN metta.skips USING (account_id, conversation_id)"
            " WHERE conversation_id = %s AND number = 2", where).fetchone()  # fmt: skip
        assert old is not None
        erase_conversation(connection, log.key, heads=heads, keys=KEYS, by=CONVERSATION, asked_by="a test")
    return Log(log.key, heads.get(log.key), log.turns), heads, [old[0], old[1], Jsonb(old[2])]


@pytest.mark.parametrize("hours", [0, 2])
def test_a_chain_that_nothing_outside_knows_the_end_of_is_not_called_sound_for_long(
    urls: PostgresUrls, log: Log, hours: int
) -> None:
    """Another table than the worker's, or an empty one, would otherwise prove anything."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    with psycopg.connect(urls.database_url) as connection:
        found = verify_conversation(connection, log.key, KEYS, Head(), now)
    named = [(3, "nothing outside says whether the chain ends here")] if hours else []
    assert [(problem.number, problem.what) for problem in found.problems] == named


@pytest.mark.parametrize("with_salt", [True, False])
def test_what_was_erased_and_stands_there_again_is_found(
    server: Server, forgotten: tuple[Log, MemoryHeads, list[Any]], with_salt: bool
) -> None:
    log, _, (salt, text, attachments) = forgotten
    with tampering(server) as connection:
        connection.execute("UPDATE metta.skips SET text = %s, attachments = %s WHERE conversation_id = %s",
                           [text, attachments, log.key.conversation_id])  # fmt: skip
        connection.execute("UPDATE metta.entries SET salt = %s WHERE conversation_id = %s AND number = 2",
                           [salt if with_salt else None, log.key.conversation_id])  # fmt: skip
        found = found_by(connection, log)
    assert found.problems[0].number == 2
    assert found.problems[0].what == (
        "its salt stands where it was erased" if with_salt else "contents stand where they were erased"
    )


@pytest.mark.parametrize("column", ["salt", "facts"])
def test_an_erasure_that_is_changed_is_found(
    server: Server, forgotten: tuple[Log, MemoryHeads, list[Any]], column: str
) -> None:
    log, _, _ = forgotten
    value = {"salt": r"'\x00'::bytea", "facts": """facts || '{"through": 2}'"""}[column]
    with tampering(server) as connection:
        connection.execute(f"UPDATE metta.entries SET {column} = {value} WHERE conversation_id = %s"
                           " AND kind = 'erasure'".encode(), [log.key.conversation_id])  # fmt: skip
        found = found_by(connection, log)
    assert any(problem.number == 4 for problem in found.problems)
    assert found.problems[0].number == (4 if column == "salt" else 1)


def test_an_erasure_that_is_given_to_another_conversation_erases_nothing_there(
    server: Server, forgotten: tuple[Log, MemoryHeads, list[Any]], other: Log
) -> None:
    with tampering(server) as connection:
        connection.execute("UPDATE metta.entries SET conversation_id = %s WHERE conversation_id = %s AND kind ="
                           " 'erasure'", [other.key.conversation_id, forgotten[0].key.conversation_id])  # fmt: skip
        connection.execute("UPDATE metta.entries SET salt = NULL WHERE conversation_id = %s AND number = 2",
                           [other.key.conversation_id])  # fmt: skip
        taken, given = found_by(connection, forgotten[0]), found_by(connection, other)
    assert taken.problems[0].number == 1
    assert any("cut off" in problem.what for problem in taken.problems)
    assert given.problems[0].what == "its salt is gone without an erasure"
    assert given.problems[-1].number == 4


@pytest.fixture
def aged(urls: PostgresUrls) -> tuple[Log, MemoryHeads]:
    """A conversation whose first entries were removed by age."""
    log, heads = written(urls), MemoryHeads()
    heads.advance(log.key, log.head)
    with psycopg.connect(urls.migrate_url, autocommit=True) as connection:
        remove_older(connection, log.key, LATER, heads=heads, keys=KEYS, asked_by="a test", most_entries=2)
    return Log(log.key, heads.get(log.key), log.turns), heads


def put_back(connection: psycopg.Connection[Any], log: Log) -> None:
    connection.execute(
        "INSERT INTO metta.entries SELECT account_id, conversation_id, 2, kind, subject, facts, digests, salt, key_id,"
        " mac, written_at FROM metta.entries WHERE conversation_id = %s AND number = 3", [log.key.conversation_id]
    )  # fmt: skip


def test_an_entry_that_stands_where_it_was_removed_by_age_is_found(
    server: Server, aged: tuple[Log, MemoryHeads]
) -> None:
    with tampering(server) as connection:
        assert found_by(connection, aged[0]).sound
        put_back(connection, aged[0])
        found = found_by(connection, aged[0])
    assert [problem.number for problem in found.problems] == [2]
    assert found.problems[0].what == "stands where it was removed by age"


def test_removal_by_age_leaves_what_stands_where_it_was_removed(
    server: Server, urls: PostgresUrls, aged: tuple[Log, MemoryHeads]
) -> None:
    log, heads = aged
    with psycopg.connect(server.superuser_url, dbname=DATABASE) as connection:
        put_back(connection, log)
    with psycopg.connect(urls.migrate_url, autocommit=True) as connection:
        done = remove_older(connection, log.key, LATER, heads=heads, keys=KEYS, asked_by="a test")
    assert (done.entries, done.problem) == (0, "entry 2 stands where it was removed")


@pytest.mark.parametrize("change", ["written_at = 'infinity'", "written_at = NULL", "mac = NULL"])
def test_who_changes_columns_stops_neither_writers_nor_a_removal_by_age(
    server: Server, new_database: Callable[..., PostgresUrls], change: str
) -> None:
    urls, heads = new_database(migrated=True), MemoryHeads()
    log = written(urls)
    with psycopg.connect(server.superuser_url, dbname=urls.database_url.rpartition("/")[2]) as connection:
        freed(connection)
        connection.execute("CREATE UNIQUE INDEX entries_pkey ON metta.entries (conversation_id, number)")
        connection.execute("CREATE UNIQUE INDEX turns_pkey ON metta.turns (id)")
        connection.execute(f"UPDATE metta.entries SET {change} WHERE number = 3".encode())
    turn = full_turn(log.key)

    async def write() -> None:
        store = AuditStore(urls.database_url, heads=heads, keys=KEYS)
        await store.save_turn(turn)
        await store.close()

    asyncio.run(write())
    with psycopg.connect(urls.migrate_url, autocommit=True) as connection:
        done = remove_older(connection, log.key, LATER, heads=heads, keys=KEYS, asked_by="a test")
        found = verify_conversation(connection, log.key, KEYS, heads.get(log.key))
    assert (done.entries, done.problem) == (0, "entry 3 is not as Metta wrote it")
    assert found.problems[0].number == 3
    assert found.entries == heads.get(log.key).number == 4
