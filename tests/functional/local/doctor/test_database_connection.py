"""A database that cannot be reached, or whose connection others could listen to: the line says where it is stuck."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from metta_local.postgres import DATABASE
from tests_support.pgbouncer import PgBouncer
from tests_support.tls import certificate

from .conftest import AskDatabase
from .database_world import Databases


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
        self, databases: Databases, ask_database: AskDatabase, change: Callable[[str], str], told: str, fix: str
    ) -> None:
        report = ask_database(DATABASE_URL=change(databases.urls.database_url))

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
        self, ask_database: AskDatabase, pooler: PgBouncer, change: Callable[[str], str], told: str
    ) -> None:
        report = ask_database(DATABASE_URL=change(pooler.urls.database_url))

        status, found = report.one("database.connection")
        assert (status, told in found) == ("fail", True), found
        assert "4711" not in report.text

    def test_a_host_that_no_name_server_knows(self, ask_database: AskDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)

        report = ask_database(DATABASE_URL="postgresql://w:p@ep-mistyped-4711.example/metta?sslmode=verify-full")

        status, found = report.one("database.connection")
        assert (status, "DNS" in found) == ("fail", True)
        assert "4711" not in report.text

    def test_nobody_listens(self, ask_database: AskDatabase) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))

            report = ask_database(DATABASE_URL=f"postgresql://w:p@127.0.0.1:{taken.getsockname()[1]}/metta")

        status, found = report.one("database.connection")
        assert (status, "refused" in found) == ("fail", True)

    def test_somebody_who_says_nothing(self, ask_database: AskDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("metta_local.doctor.database_connecting.CONNECT_SECONDS", 2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            report = ask_database(DATABASE_URL=f"postgresql://w:p@127.0.0.1:{silent.getsockname()[1]}/metta")

        status, found = report.one("database.connection")
        assert (status, "in time" in found) == ("fail", True)

    def test_what_is_no_connection_string(self, ask_database: AskDatabase) -> None:
        report = ask_database(DATABASE_URL="postgresql://user:sec ret@@host:port:/x")

        assert report.statuses["database.connection"] == "fail"
        assert "database.tls" not in report.statuses
        assert "sec ret" not in report.text

    def test_a_role_that_may_not_connect(self, databases: Databases, ask_database: AskDatabase) -> None:
        with databases.superuser() as admin:
            admin.execute("CREATE DATABASE closed")
            admin.execute("REVOKE ALL ON DATABASE closed FROM PUBLIC")

        report = ask_database(DATABASE_URL=databases.urls.database_url.removesuffix(DATABASE) + "closed")

        status, found = report.one("database.connection")
        assert (status, "may not connect" in found) == ("fail", True)

    def test_no_connection_left(self, databases: Databases, ask_database: AskDatabase) -> None:
        with databases.superuser() as admin:
            admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT 0")
            try:
                report = ask_database()
            finally:
                admin.execute("ALTER ROLE metta_worker CONNECTION LIMIT -1")

        status, found = report.one("database.connection")
        assert (status, "no connection left" in found) == ("fail", True)


class TestTls:
    def test_a_certificate_that_nobody_vouches_for(self, ask_database: AskDatabase, tmp_path: Path) -> None:
        files = certificate(tmp_path, "db.example")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=offer_tls, args=(server, context), daemon=True).start()
            port = server.getsockname()[1]

            report = ask_database(
                DATABASE_URL=f"postgresql://w:p@db.example:{port}/metta?hostaddr=127.0.0.1&sslmode=verify-full"
            )

        status, found = report.one("database.connection")
        assert (status, "certificate" in found) == ("fail", True)
        assert "sslrootcert" in report.fixes["database.connection"]

    @pytest.mark.parametrize(
        ("mode", "status"), [("", "warn"), ("sslmode=require", "warn"), ("sslmode=prefer", "warn")]
    )
    def test_a_server_elsewhere_that_is_not_checked(
        self, databases: Databases, ask_database: AskDatabase, mode: str, status: str
    ) -> None:
        parts = urlsplit(databases.urls.database_url)
        # the name of another machine, with an address that leads to this one
        url = f"postgresql://{parts.username}:{parts.password}@db.example:{parts.port}/metta?hostaddr=127.0.0.1&{mode}"

        report = ask_database(DATABASE_URL=url)

        assert report.statuses["database.tls"] == status
        assert "sslmode=verify-full" in report.fixes["database.tls"]

    def test_a_server_elsewhere_that_is_checked(self, ask_database: AskDatabase) -> None:
        report = ask_database(DATABASE_URL="postgresql://w:p@db.example:1/metta?hostaddr=127.0.0.1&sslmode=verify-full")

        assert report.statuses["database.tls"] == "ok"


def offer_tls(server: socket.socket, context: ssl.SSLContext) -> None:
    """Begin with every client as PostgreSQL does, up to the certificate."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError):
            client.recv(8)  # the request for TLS
            client.sendall(b"S")
            context.wrap_socket(client, server_side=True).close()
