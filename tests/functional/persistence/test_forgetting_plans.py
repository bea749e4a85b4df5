"""Forgetting goes by index in a log that is large: an erasure reads one conversation, retention reads what is old."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from functional.persistence.forgetting import KEYS
from metta.messages import ConversationKey
from metta.persistence.columns import COLUMNS
from metta.persistence.erase import (
    CONVERSATION,
    contacts_of,
    conversations_of,
    erase_conversation,
    look_at_conversation,
)
from metta.persistence.heads import MemoryHeads
from metta.persistence.retention import conversations_older_than, remove_older
from metta_local.postgres import PostgresUrls

ROWS = 12_000
VALUES = {"text": "'x'", "bigint": "n", "integer": "0", "boolean": "false", "jsonb": "'{}'", "numeric": "0",
          "double precision": "0", "bigint[]": "'{}'", "bytea": "'\\x00'",
          "timestamptz": "now() - n * interval '1 minute'"}  # fmt: skip
NAMED = {"id": "'t-' || n", "turn_id": "'t-' || n", "account_id": "3", "conversation_id": "n / 4",
         "contact_id": "n / 8", "message_id": "n", "phase": "'sent'", "outcome": "'answered'",
         "identity_level": "'claimed'", "kind": "'reply'", "direction": "'input'", "action": "'allow'",
         "number": "1 + n % 4", "subject": "'t-' || n", "step": "'note'"}  # fmt: skip


@pytest.fixture(scope="module")
def filled(new_database: Callable[..., PostgresUrls]) -> PostgresUrls:
    """A database with thousands of rows in each table, so that reading one as a whole shows."""
    urls = new_database(migrated=True)
    with psycopg.connect(urls.migrate_url) as owner:
        for table in sorted(COLUMNS, key=lambda name: (name not in ("turns", "verdicts"), name == "verdicts")):
            columns = [column.split(maxsplit=1) for column in COLUMNS[table].split(",")]
            named = NAMED | ({"kind": "'turn'"} if table == "entries" else {})
            values = [named.get(name, VALUES[kind.strip()]) for name, kind in columns]
            names = ", ".join(name for name, _ in columns)
            owner.execute(
                f"INSERT INTO metta.{table} ({names}) SELECT {', '.join(values)}"
                f" FROM generate_series(1, {ROWS}) AS n".encode()
            )
    with psycopg.connect(urls.migrate_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
    return urls


@contextmanager
def no_table_read_as_a_whole(urls: PostgresUrls) -> Iterator[None]:
    before = scans(urls)
    yield
    assert scans(urls) - before == set()


def scans(urls: PostgresUrls) -> set[tuple[str, int]]:
    """Tables with how often they were read as a whole; sessions tell when they end."""
    with psycopg.connect(urls.migrate_url, autocommit=True) as owner:
        others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(100):
            if not owner.execute(f"{others} AND backend_type = 'client backend'".encode()).fetchall():
                break
            time.sleep(0.05)
        return set(owner.execute("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname <> 'migrations'"))


def connected(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True)


def test_a_contacts_conversations_are_found_by_index(filled: PostgresUrls) -> None:
    with no_table_read_as_a_whole(filled), connected(filled.erase_url) as connection:
        assert len(conversations_of(connection, 3, 77)) == 2
        assert contacts_of(connection, ConversationKey(account_id=3, conversation_id=77)) == {38}


def test_an_erasure_reads_its_conversation_alone(filled: PostgresUrls) -> None:
    key = ConversationKey(account_id=3, conversation_id=500)
    with no_table_read_as_a_whole(filled), connected(filled.erase_url) as connection:
        rows = look_at_conversation(connection, key).rows
        done = erase_conversation(connection, key, heads=MemoryHeads(), keys=KEYS, by=CONVERSATION, asked_by="Ada")
    assert (done.rows, rows) == (28, 28)


def test_retention_finds_and_removes_what_is_old_by_index(
    filled: PostgresUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metta.persistence.retention._problem", lambda *_: "")  # these rows were not sealed
    cutoff = datetime.now(UTC) - timedelta(minutes=ROWS - 100)
    with no_table_read_as_a_whole(filled), connected(filled.migrate_url) as connection:
        keys = list(conversations_older_than(connection, cutoff))
        done = remove_older(connection, keys[0], cutoff, heads=MemoryHeads(), keys=KEYS, asked_by="Ada")
    assert len(keys) in (25, 26)
    assert done.entries > 0


def test_every_table_that_grows_is_vacuumed_long_before_a_fifth_of_it_changed(filled: PostgresUrls) -> None:
    with psycopg.connect(filled.migrate_url) as owner:
        told = dict(
            owner.execute(
                "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r'"
            ).fetchall()
        )
    wanted = {"autovacuum_vacuum_scale_factor=0.02", "autovacuum_vacuum_insert_scale_factor=0.02"}
    assert {table for table in COLUMNS if not wanted <= set(told[table] or ())} == set()
