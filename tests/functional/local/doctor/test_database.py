"""The audit log's database: sound, behind this code, not to be written to, or nearly full."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from metta.persistence.sql_files import MIGRATIONS
from metta_local.postgres import DATABASE
from tests_support.pgbouncer import PgBouncer

from .conftest import AskDatabase, Examine
from .database_world import Databases


def test_a_migrated_database_with_three_roles_is_all_right(ask_database: AskDatabase) -> None:
    report = ask_database()

    assert set(report.statuses.values()) == {"ok"}, report.found


def test_a_pooler_in_transaction_mode_is_all_right(ask_database: AskDatabase, pooler: PgBouncer) -> None:
    urls = pooler.urls

    report = ask_database(
        DATABASE_URL=urls.database_url, DATABASE_MIGRATE_URL=urls.migrate_url, DATABASE_ERASE_URL=urls.erase_url
    )

    assert set(report.statuses.values()) == {"ok"}, report.found


def test_a_pooler_s_session_is_left_as_it_was(
    databases: Databases, ask_database: AskDatabase, pooler: PgBouncer
) -> None:
    ask_database(DATABASE_URL=pooler.urls.database_url)

    with psycopg.connect(pooler.urls.database_url, prepare_threshold=None) as connection:
        for _ in range(4):
            (timeout, read_only) = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')"
            ).fetchone() or ("", "")
            assert (timeout, read_only) == ("30s", "off")
            connection.commit()


class TestSchema:
    def test_none_yet(self, databases: Databases, examine: Examine) -> None:
        report = examine("database", databases.variables(databases.new()))

        status, found = report.one("database.schema")
        assert (status, "no schema" in found) == ("fail", True)
        assert "metta migrate" in report.fixes["database.schema"]
        assert report.statuses["database.worker_role"] == "skip"

    def test_one_that_is_behind(self, databases: Databases, examine: Examine, tmp_path: Path) -> None:
        for file in sorted(MIGRATIONS.glob("*.sql"))[:-1]:
            (tmp_path / file.name).write_bytes(file.read_bytes())
        urls = databases.new(migrated_with=tmp_path)

        report = examine("database", databases.variables(urls))

        status, found = report.one("database.schema")
        newest = max(file.name for file in MIGRATIONS.glob("*.sql"))
        assert (status, newest in found) == ("fail", True)
        assert "metta migrate" in report.fixes["database.schema"]

    def test_one_that_is_newer(self, databases: Databases, examine: Examine) -> None:
        urls = databases.new(migrated_with=MIGRATIONS)
        with psycopg.connect(urls.migrate_url) as owner:
            owner.execute("INSERT INTO metta.migrations (number, name, checksum) VALUES (99, '0099_next.sql', 'x')")

        report = examine("database", databases.variables(urls))

        assert report.code == 0
        assert report.statuses["database.schema"] == "warn"

    def test_one_of_other_files(self, databases: Databases, examine: Examine) -> None:
        urls = databases.new(migrated_with=MIGRATIONS)
        with psycopg.connect(urls.migrate_url) as owner:
            owner.execute("UPDATE metta.migrations SET checksum = 'x' WHERE number = 1")

        assert examine("database", databases.variables(urls)).statuses["database.schema"] == "fail"


class TestWriting:
    def test_a_replica(self, databases: Databases, ask_database: AskDatabase, replica: str) -> None:
        report = ask_database(DATABASE_URL=replica)

        status, found = report.one("database.writable")
        assert (status, "replica" in found) == ("fail", True)
        assert "primary" in report.fixes["database.writable"]

    def test_a_role_whose_transactions_only_read(self, databases: Databases, ask_database: AskDatabase) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker SET default_transaction_read_only = on")
            try:
                report = ask_database()
            finally:
                admin.execute("ALTER ROLE metta_worker RESET default_transaction_read_only")

        status, found = report.one("database.writable")
        assert (status, "only read" in found) == ("fail", True)

    def test_nothing_is_written(self, databases: Databases, ask_database: AskDatabase) -> None:
        with databases.superuser_of(DATABASE) as admin:
            before = admin.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables").fetchone()
            ask_database()
            admin.execute("SELECT pg_stat_clear_snapshot()")
            after = admin.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables").fetchone()

        assert before == after


def test_a_server_that_breaks_statements_off_too_soon(databases: Databases, ask_database: AskDatabase) -> None:
    with databases.superuser() as admin:
        admin.execute("ALTER ROLE metta_worker SET statement_timeout = '200ms'")
        try:
            report = ask_database()
        finally:
            admin.execute("ALTER ROLE metta_worker SET statement_timeout = '30s'")

    status, found = report.one("database.timeouts")
    assert (status, "200 ms" in found) == ("warn", True)
    assert "statement_timeout" in report.fixes["database.timeouts"]


class TestRoom:
    def test_a_role_with_few_connections(self, databases: Databases, ask_database: AskDatabase) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT 2")
            try:
                report = ask_database()
            finally:
                admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT -1")

        assert report.statuses["database.room"] == "warn"

    def test_a_database_that_is_nearly_full(self, databases: Databases, examine: Examine) -> None:
        urls = databases.new(migrated_with=MIGRATIONS)
        with databases.superuser() as admin:  # Neon tells its limit by this setting, in megabytes
            admin.execute(
                f"ALTER DATABASE {urlsplit(urls.database_url).path[1:]} SET neon.max_cluster_size = 7".encode()
            )

        report = examine("database", databases.variables(urls))

        status, found = report.one("database.room")
        assert (status, "of 7 MB" in found) == ("warn", True)
        assert "metta audit erase --older-than" in report.fixes["database.room"]
