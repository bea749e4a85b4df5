"""Who may do what with the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from functional.persistence.conftest import Server, columns
from functional.persistence.samples import full_turn
from metta.persistence.columns import COLUMNS
from metta.persistence.grants import EMPTIED
from metta.persistence.migrate import migrate
from metta.persistence.store import AuditStore
from metta_local.postgres import PostgresUrls

TYPES = {"timestamp with time zone": "timestamptz"}
DENIED = psycopg.errors.InsufficientPrivilege


def save_one(urls: PostgresUrls) -> None:
    async def run() -> None:
        store = AuditStore(urls.database_url)
        await store.save_turn(full_turn())
        await store.close()

    asyncio.run(run())


@pytest.mark.parametrize("table", [*COLUMNS, "migrations"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET {} = NULL", "DELETE FROM {} WHERE {} IS NULL", "TRUNCATE {}", "DROP TABLE {}"]
)
def test_the_worker_cannot_change_or_remove_what_it_wrote(urls: PostgresUrls, table: str, statement: str) -> None:
    column = next(iter(columns(urls)[table]))
    query = sql.SQL(statement).format(sql.Identifier("metta", table), sql.Identifier(column))  # type: ignore[arg-type]

    with psycopg.connect(urls.database_url) as connection, pytest.raises(DENIED):
        connection.execute(query)


def test_the_worker_cannot_pretend_a_migration_or_make_tables(urls: PostgresUrls) -> None:
    for statement in (
        b"INSERT INTO metta.migrations (number, name, checksum) VALUES (9, '', '')",
        b"CREATE TABLE metta.own ()",
        b"CREATE TABLE public.own ()",
        b"CREATE TEMPORARY TABLE own ()",
    ):
        with psycopg.connect(urls.database_url) as connection, pytest.raises(DENIED):
            connection.execute(statement)


def test_the_role_that_erases_can_empty_contents_and_nothing_else(
    new_database: Callable[..., PostgresUrls],
) -> None:
    urls = new_database(migrated=True)
    save_one(urls)
    every = columns(urls)
    with psycopg.connect(urls.erase_url, autocommit=True) as connection:
        for table in COLUMNS:
            for column in every[table]:
                update = sql.SQL("UPDATE {} SET {} = NULL").format(
                    sql.Identifier("metta", table), sql.Identifier(column)
                )
                if column in EMPTIED.get(table, ()):
                    connection.execute(update)
                else:
                    with pytest.raises(DENIED):
                        connection.execute(update)
            with pytest.raises(DENIED):
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("metta", table)))
            refusal = psycopg.errors.NotNullViolation if table == "entries" else DENIED
            with pytest.raises(refusal):
                connection.execute(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(sql.Identifier("metta", table)))


def test_rights_that_someone_added_by_hand_are_taken_away_by_the_next_run(
    new_database: Callable[..., PostgresUrls],
) -> None:
    urls = new_database(migrated=True)
    with psycopg.connect(urls.migrate_url) as owner:
        owner.execute("GRANT UPDATE ON metta.turns TO metta_worker")
        owner.execute("GRANT UPDATE (reply) ON metta.turns TO metta_worker")

    migrate(urls.migrate_url)

    with psycopg.connect(urls.database_url) as connection, pytest.raises(DENIED):
        connection.execute("UPDATE metta.turns SET reply = ''")


def test_a_role_that_does_not_exist_yet_is_reported_and_gets_its_rights_later(
    server: Server, new_database: Callable[..., PostgresUrls]
) -> None:
    urls = new_database()

    first = migrate(urls.migrate_url, worker_role="other worker")
    with server.superuser() as admin:
        admin.execute("CREATE ROLE \"other worker\" LOGIN PASSWORD 'x'")
    second = migrate(urls.migrate_url, worker_role="other worker")

    assert (first.granted, first.missing_roles) == (("metta_erase",), ("other worker",))
    assert (second.granted, second.missing_roles) == (("other worker", "metta_erase"), ())
    with psycopg.connect(urls.database_url, user="other worker", password="x") as connection:
        assert connection.execute("SELECT count(*) FROM metta.turns").fetchone() == (0,)


def test_an_operator_with_a_single_role_keeps_it(new_database: Callable[..., PostgresUrls]) -> None:
    urls = new_database()

    migrate(urls.migrate_url, worker_role="metta_owner", erase_role="metta_owner")
    migrate(urls.migrate_url, worker_role="metta_owner", erase_role="metta_owner")

    save_one(PostgresUrls(urls.migrate_url, urls.migrate_url, urls.migrate_url))
    with psycopg.connect(urls.migrate_url) as owner:
        assert owner.execute("UPDATE metta.turns SET reason = 'by hand'").rowcount == 1
