"""Old code on a schema that is a release ahead, as while traffic shifts and after a rollback: nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg

from functional.persistence.samples import full_turn
from metta.persistence.migrate import migrate
from metta.persistence.read import read_turns
from metta.persistence.sql_files import MIGRATIONS
from metta.persistence.store import AuditStore
from metta_local.postgres import PostgresUrls

ADDED = """
ALTER TABLE metta.turns ADD COLUMN mood text;
ALTER TABLE metta.turns ADD COLUMN stars integer NOT NULL DEFAULT 0;
ALTER TABLE metta.tool_calls ADD COLUMN tries bigint;
CREATE TABLE metta.ratings (turn_id text PRIMARY KEY REFERENCES metta.turns (id), stars integer NOT NULL);
"""


def test_a_turn_is_saved_and_read_by_code_that_knows_nothing_of_what_a_migration_added(
    new_database: Callable[..., PostgresUrls], tmp_path: Path
) -> None:
    urls, folder = new_database(migrated=True), tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "0900_added.sql").write_text(ADDED)
    migrate(urls.migrate_url, folder=folder)
    turn = full_turn()

    async def save() -> None:
        store = AuditStore(urls.database_url)
        await store.save_turn(turn)
        await store.close()

    asyncio.run(save())

    (read,) = read_turns(urls.database_url, turn.key)
    assert read["id"] == turn.id
    with psycopg.connect(urls.database_url) as worker:
        assert worker.execute("SELECT mood, stars FROM metta.turns").fetchall() == [(None, 0)]
