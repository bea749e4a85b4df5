"""A real PostgreSQL for the audit log's tests, started once, with the roles of production and a migrated database."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from metta.messages import ConversationKey
from metta.persistence.chain import ChainKey
from metta.persistence.heads import Heads
from metta.persistence.migrate import migrate
from metta.persistence.read import read_turns
from metta.persistence.verify import verify_conversation
from metta_local.postgres import DATABASE, OWNER_ROLE, EmbeddedPostgres, PostgresUrls
from tests_support.pgbouncer import PgBouncer, installed


@dataclass(frozen=True)
class Server:
    """A running server and how its databases are reached."""

    urls: PostgresUrls
    superuser_url: str

    def superuser(self) -> psycopg.Connection:
        """A connection that may do everything, for breaking things from outside."""
        return psycopg.connect(self.superuser_url, autocommit=True)

    def kill_backends(self, role: str = "metta_worker") -> int:
        """End every session of a role, as a restart or a pooler does; how many there were."""
        with self.superuser() as connection:
            killed = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [role]
            )
            return len(killed.fetchall())

    def of(self, database: str) -> PostgresUrls:
        """Connection strings of another database."""
        return PostgresUrls(
            *(
                url.removesuffix(DATABASE) + database
                for url in (self.urls.database_url, self.urls.migrate_url, self.urls.erase_url)
            )
        )

    async def waits_for_lock(self) -> None:
        """Return once a statement of Metta's waits for a lock."""
        with self.superuser() as admin:
            for _ in range(500):
                waiting = admin.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE application_name = 'metta' AND wait_event_type = 'Lock'"
                ).fetchone()
                if waiting is not None and waiting[0]:
                    return
                await asyncio.sleep(0.01)
        raise AssertionError("no statement came to wait")


@asynccontextmanager
async def blocked(server: Server, table: LiteralString) -> AsyncIterator[psycopg.Connection]:
    """Hold a lock on a table that every statement of the worker waits for."""
    with psycopg.connect(server.urls.migrate_url) as blocker:
        blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield blocker


def sound(
    urls: PostgresUrls,
    key: ConversationKey,
    heads: Heads,
    keys: Sequence[ChainKey],
    turn_ids: Collection[str],
    skips: int = 0,
) -> None:
    """Exactly these turns are there, each whole and once, and the chain verifies with the head outside."""
    with psycopg.connect(urls.database_url) as connection:
        turns = read_turns(connection, key)
        found = verify_conversation(connection, key, keys, heads.get(key))
    assert sorted(turn["id"] for turn in turns) == sorted(turn_ids)
    assert found.sound, [str(problem) for problem in found.problems]
    assert found.entries == heads.get(key).number == len(turn_ids) + skips


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory for a server of the test's own, where also root's server gets to; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="metta-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "postgres"


@pytest.fixture(scope="session")
def used_home() -> Iterator[Path]:
    """What a server that ran once and was stopped left in its directory."""
    with tempfile.TemporaryDirectory(prefix="metta-test-") as name:
        Path(name).chmod(0o711)
        with EmbeddedPostgres(Path(name) / "postgres"):
            pass
        yield Path(name) / "postgres"


@pytest.fixture
def used_directory(used_home: Path, directory: Path) -> Path:
    """A directory that a server ran on before; half a second cheaper than a new one."""
    subprocess.run(["cp", "-a", str(used_home), str(directory)], check=True)
    (directory / "port").unlink()  # the other copy may be in use
    return directory


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server, its database ``metta`` migrated."""
    postgres = EmbeddedPostgres()
    urls = postgres.start()
    try:
        migrate(urls.migrate_url)
        yield Server(urls, postgres.superuser_url)
    finally:
        postgres.stop()


@pytest.fixture(scope="session")
def urls(server: Server) -> PostgresUrls:
    """Connection strings of the migrated database, which tests share: each uses conversations of its own."""
    return server.urls


@pytest.fixture(scope="session")
def pooler(server: Server) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode in front of the server; tests that need it are skipped where there is none."""
    with PgBouncer(installed(), server.urls) as running:
        yield running


@pytest.fixture(scope="session")
def new_database(server: Server) -> Callable[..., PostgresUrls]:
    """Makes a database of its own for a test that changes the schema; empty unless ``migrated``."""
    numbers = itertools.count(1)

    def make(*, migrated: bool = False) -> PostgresUrls:
        name = f"{DATABASE}_{next(numbers)}"
        with server.superuser() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}".encode())
        other = server.of(name)
        if migrated:
            migrate(other.migrate_url)
        return other

    return make


def columns(urls: PostgresUrls) -> dict[str, dict[str, tuple[str, str | None]]]:
    """Table -> column -> type and comment."""
    found: defaultdict[str, dict[str, tuple[str, str | None]]] = defaultdict(dict)
    with psycopg.connect(urls.migrate_url) as connection:
        for table, column, kind, comment in connection.execute(
            "SELECT relname, attname, format_type(atttypid, atttypmod), col_description(pg_class.oid, attnum)"
            " FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid"
            " WHERE relnamespace = 'metta'::regnamespace AND relkind = 'r' AND attnum > 0 ORDER BY relname, attnum"
        ):
            found[table][column] = (kind, comment)
    return dict(found)
