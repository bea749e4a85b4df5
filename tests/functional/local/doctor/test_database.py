"""The audit log's database: not to be reached, behind this code, or not to be written to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from metta.persistence.sql_files import MIGRATIONS
from metta_local.postgres import DATABASE
from tests_support.pgbouncer import PgBouncer

from .conftest import Examine, Report
from .database_world import Databases

KEY = {"AUDIT_KEY": "a" * 64}
Ask = Callable[..., Report]


@pytest.fixture
def ask(databases: Databases, examine: Examine) -> Ask:
    """Examines the migrated database with the three roles; keywords change the variables."""
    return lambda **changed: examine("database", {**databases.variables(), **changed})


def test_a_migrated_database_with_three_roles_is_all_right(ask: Ask) -> None:
    report = ask()

    assert set(report.statuses.values()) == {"ok"}, report.found


def test_a_pooler_in_transaction_mode_is_all_right(ask: Ask, pooler: PgBouncer) -> None:
    urls = pooler.urls

    report = ask(
        DATABASE_URL=urls.database_url, DATABASE_MIGRATE_URL=urls.migrate_url, DATABASE_ERASE_URL=urls.erase_url
    )

    assert set(report.statuses.values()) == {"ok"}, report.found


def test_a_pooler_s_session_is_left_as_it_was(databases: Databases, ask: Ask, pooler: PgBouncer) -> None:
    ask(DATABASE_URL=pooler.urls.database_url)

    with psycopg.connect(pooler.urls.database_url, prepare_threshold=None) as connection:
        for _ in range(4):
            (timeout, read_only) = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')"
            ).fetchone() or ("", "")
            assert (timeout, read_only) == ("30s", "off")
            connection.commit()


class TestConnection:
    @pytest.mark.parametrize(
        ("change", "told", "fix"),
        [
            (lambda url: url.replace("127.0.0.1", "db..example"), "DNS", "slip"),
            (lambda url: url.replace("metta_worker:", "metta_worker:wrong-4711-"), "refuses role or password", "role"),
            (lambda url: url.replace("metta_worker", "nobody_4711"), "refuses role or password", "password"),
            (lambda url: f"{url}_4711", "no such database", "last /"),
            (lambda url: f"{url}?sslmode=require", "does not speak TLS", "TLS"),
            (lambda url: f"{url}?sslmode=very", "behind the ?", "take it away"),
            (lambda url: url.replace("metta_worker:", "metta_worker:p@ss"), "DNS", "percent-encoded"),
            (lambda _: "postgresql://w:p@/metta?host=/nowhere", "socket", "is it down"),
        ],
        ids=["host", "password", "role", "database", "tls", "parameter", "@ in a password", "socket"],
    )
    def test_what_stands_in_the_way_is_named(
        self, databases: Databases, ask: Ask, change: Callable[[str], str], told: str, fix: str
    ) -> None:
        report = ask(DATABASE_URL=change(databases.urls.database_url))

        status, found = report.one("database.connection")
        assert status == "fail"
        assert told in found
        assert fix in report.fixes["database.connection"]
        assert "4711" not in report.text
        assert urlsplit(databases.urls.database_url).password not in report.text

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda url: url.replace("metta_worker:", "metta_worker:wrong-4711-"), "refuses role or password"),
            (lambda url: url.replace("metta_worker", "nobody_4711"), "refuses role or password"),
            (lambda url: f"{url}_4711", "no such database"),
        ],
        ids=["password", "role", "database"],
    )
    def test_a_pooler_says_it_in_words_of_its_own(
        self, ask: Ask, pooler: PgBouncer, change: Callable[[str], str], told: str
    ) -> None:
        report = ask(DATABASE_URL=change(pooler.urls.database_url))

        status, found = report.one("database.connection")
        assert (status, told in found) == ("fail", True), found
        assert "4711" not in report.text

    def test_a_host_that_no_name_server_knows(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)

        report = ask(DATABASE_URL="postgresql://w:p@ep-mistyped-4711.example/metta?sslmode=verify-full")

        status, found = report.one("database.connection")
        assert (status, "DNS" in found) == ("fail", True)
        assert "4711" not in report.text

    def test_nobody_listens(self, ask: Ask) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))

            report = ask(DATABASE_URL=f"postgresql://w:p@127.0.0.1:{taken.getsockname()[1]}/metta")

        status, found = report.one("database.connection")
        assert (status, "refused" in found) == ("fail", True)

    def test_somebody_who_says_nothing(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("metta_local.doctor.database_connecting.CONNECT_SECONDS", 2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            report = ask(DATABASE_URL=f"postgresql://w:p@127.0.0.1:{silent.getsockname()[1]}/metta")

        status, found = report.one("database.connection")
        assert (status, "in time" in found) == ("fail", True)

    def test_what_is_no_connection_string(self, ask: Ask) -> None:
        report = ask(DATABASE_URL="postgresql://user:sec ret@@host:port:/x")

        assert report.statuses["database.connection"] == "fail"
        assert "database.tls" not in report.statuses
        assert "sec ret" not in report.text

    def test_a_role_that_may_not_connect(self, databases: Databases, ask: Ask) -> None:
        with databases.superuser() as admin:
            admin.execute("CREATE DATABASE closed")
            admin.execute("REVOKE ALL ON DATABASE closed FROM PUBLIC")

        report = ask(DATABASE_URL=databases.urls.database_url.removesuffix(DATABASE) + "closed")

        status, found = report.one("database.connection")
        assert (status, "may not connect" in found) == ("fail", True)

    def test_no_connection_left(self, databases: Databases, ask: Ask) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT 0")
            try:
                report = ask()
            finally:
                admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT -1")

        status, found = report.one("database.connection")
        assert (status, "no connection left" in found) == ("fail", True)


class TestTls:
    @pytest.mark.parametrize(
        ("mode", "status"), [("", "warn"), ("sslmode=require", "warn"), ("sslmode=prefer", "warn")]
    )
    def test_a_server_elsewhere_that_is_not_checked(
        self, databases: Databases, ask: Ask, mode: str, status: str
    ) -> None:
        parts = urlsplit(databases.urls.database_url)
        # the name of another machine, with an address that leads to this one
        url = f"postgresql://{parts.username}:{parts.password}@db.example:{parts.port}/metta?hostaddr=127.0.0.1&{mode}"

        report = ask(DATABASE_URL=url)

        assert report.statuses["database.tls"] == status
        assert "sslmode=verify-full" in report.fixes["database.tls"]

    def test_a_server_elsewhere_that_is_checked(self, ask: Ask) -> None:
        report = ask(DATABASE_URL="postgresql://w:p@db.example:1/metta?hostaddr=127.0.0.1&sslmode=verify-full")

        assert report.statuses["database.tls"] == "ok"


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
    def test_a_replica(self, databases: Databases, ask: Ask, replica: str) -> None:
        report = ask(DATABASE_URL=replica)

        status, found = report.one("database.writable")
        assert (status, "replica" in found) == ("fail", True)
        assert "primary" in report.fixes["database.writable"]

    def test_a_role_whose_transactions_only_read(self, databases: Databases, ask: Ask) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker SET default_transaction_read_only = on")
            try:
                report = ask()
            finally:
                admin.execute("ALTER ROLE metta_worker RESET default_transaction_read_only")

        status, found = report.one("database.writable")
        assert (status, "only read" in found) == ("fail", True)

    def test_nothing_is_written(self, databases: Databases, ask: Ask) -> None:
        with databases.superuser_of(DATABASE) as admin:
            before = admin.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables").fetchone()
            ask()
            admin.execute("SELECT pg_stat_clear_snapshot()")
            after = admin.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables").fetchone()

        assert before == after


def test_a_server_that_breaks_statements_off_too_soon(databases: Databases, ask: Ask) -> None:
    with databases.superuser() as admin:
        admin.execute("ALTER ROLE metta_worker SET statement_timeout = '200ms'")
        try:
            report = ask()
        finally:
            admin.execute("ALTER ROLE metta_worker SET statement_timeout = '30s'")

    status, found = report.one("database.timeouts")
    assert (status, "200 ms" in found) == ("warn", True)
    assert "statement_timeout" in report.fixes["database.timeouts"]


class TestRoom:
    def test_a_role_with_few_connections(self, databases: Databases, ask: Ask) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT 2")
            try:
                report = ask()
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
