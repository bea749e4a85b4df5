"""A disk that is full: the turn is not lost, and the chain goes on when there is room again."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from functional.persistence.conftest import Server, sound
from functional.persistence.samples import full_turn, new_key
from functional.persistence.trouble import KEYS, save
from metta.errors import AuditDown
from metta.persistence.heads import MemoryHeads
from metta.persistence.migrate import migrate
from metta_local.postgres import OWNER_ROLE, EmbeddedPostgres


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of a few megabytes that the server may write to."""
    place = Path("/tmp") / f"metta-small-disk-{new_key().conversation_id}"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        place.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def fill(connection: psycopg.Connection) -> None:
    """Take all room that is left, in small steps."""
    connection.execute("CREATE TABLE filler (text text)")
    with suppress(psycopg.errors.DiskFull):
        while True:
            connection.execute("INSERT INTO filler SELECT repeat(md5(n::text), 60) FROM generate_series(1, 50) n")


def test_a_disk_that_is_full_is_an_audit_error_and_the_turn_is_saved_when_there_is_room(small_disk: Path) -> None:
    data = small_disk / "data"
    data.mkdir()
    shutil.chown(data, "nobody")
    heads, key = MemoryHeads(), new_key()
    first, turn, other = full_turn(key), full_turn(key), full_turn(key, reply="x" * 100_000)
    postgres = EmbeddedPostgres()
    try:
        server = Server(postgres.start(), postgres.superuser_url)
        urls = server.of("small")
        with server.superuser() as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{data}'".encode())
            admin.execute(f"CREATE DATABASE small OWNER {OWNER_ROLE} TABLESPACE small".encode())
        migrate(urls.migrate_url)
        save(urls.database_url, heads, first)
        with psycopg.connect(server.superuser_url, dbname="small", autocommit=True) as filler:
            fill(filler)
            with pytest.raises(AuditDown, match="run out of disk"):
                save(urls.database_url, heads, *(full_turn(new_key()) for _ in range(200)), other)
            filler.execute("DROP TABLE filler")
        save(urls.database_url, heads, turn, other)

        sound(urls, key, heads, KEYS, [first.id, turn.id, other.id])
    finally:
        postgres.stop()
