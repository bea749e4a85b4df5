"""Old code runs on the new schema while traffic shifts, and after a rollback: migrations add, and take away later."""

from __future__ import annotations

import pytest

from metta.persistence.sql_files import read_migrations
from tests_support.contracting import contracting

HOW = (
    "the release before cannot live with it: do it once no release in use needs it any more, and say since when, on the"
    " line above, as `-- contract: since vN`"
)


def test_no_migration_takes_away_what_the_release_before_uses() -> None:
    migrations = read_migrations()

    assert len(migrations) >= 2
    assert {one.name: contracting(one.sql) for one in migrations if contracting(one.sql)} == {}, HOW


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE metta.turns DROP COLUMN reply;",
        "ALTER TABLE metta.turns\n    ADD COLUMN words text,\n    DROP COLUMN reply",
        "DROP TABLE metta.skips;",
        "ALTER TABLE metta.turns RENAME COLUMN reply TO answer;",
        "ALTER TABLE metta.turns RENAME TO replies;",
        "ALTER TABLE metta.turns ADD COLUMN words bigint NOT NULL;",
        "ALTER TABLE metta.turns ADD words bigint NOT NULL, ADD b text DEFAULT 'x';",
        "alter table metta.turns alter column reply set not null;",
        "ALTER TABLE metta.turns ALTER COLUMN reply DROP DEFAULT;",
        "ALTER TABLE metta.turns ALTER reply TYPE varchar(10);",
        "ALTER TABLE metta.turns ALTER COLUMN reply SET DATA TYPE varchar(10);",
        "ALTER TABLE metta.turns ADD CONSTRAINT short CHECK (length(reply) < 10);",
        "ALTER TABLE metta.turns ADD CHECK (length(reply) < 10);",
        "CREATE UNIQUE INDEX one ON metta.turns (reply);",
        "DELETE FROM metta.skips;",
        "REVOKE INSERT ON metta.turns FROM metta_worker;",
        "-- contract: since v2\nALTER TABLE metta.a ADD b text; DROP TABLE metta.skips;",
        "-- contract: some day\nDROP TABLE metta.skips;",
        "CREATE TABLE metta.new (id text); DROP TABLE metta.turns;",
    ],
)
def test_what_takes_away_renames_or_tightens_is_found(sql: str) -> None:
    assert len(contracting(sql)) >= 1


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE metta.new (id text PRIMARY KEY, n bigint NOT NULL CHECK (n > 0));",
        "CREATE TABLE metta.new (id text); CREATE UNIQUE INDEX one ON metta.new (id);",
        "CREATE TABLE metta.new (id text); ALTER TABLE metta.new ADD CONSTRAINT c CHECK (id <> '');",
        "ALTER TABLE metta.turns ADD COLUMN words bigint;",
        "ALTER TABLE metta.turns ADD COLUMN words bigint NOT NULL DEFAULT 0;",
        "ALTER TABLE metta.turns ALTER COLUMN reply DROP NOT NULL;",
        "CREATE INDEX one ON metta.turns (reply);",
        "COMMENT ON TABLE metta.turns IS 'Do not DROP TABLE or RENAME; NOT NULL';",
        "-- DROP TABLE metta.turns;\nCREATE INDEX one ON metta.turns (reply); /* RENAME */",
        "-- contract: since v2\nALTER TABLE metta.turns DROP COLUMN reply;",
    ],
)
def test_what_only_adds_is_let_through(sql: str) -> None:
    assert contracting(sql) == []
