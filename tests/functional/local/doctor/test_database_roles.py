"""Three roles, each with its part and no more; what is too much is told with what follows from it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from metta.persistence.sql_files import MIGRATIONS
from metta_local.postgres import PostgresUrls

from .conftest import Examine
from .database_world import Databases


@pytest.fixture
def own(databases: Databases) -> PostgresUrls:
    """A migrated database for one test to spoil."""
    return databases.new(migrated_with=MIGRATIONS)


def spoil(databases: Databases, urls: PostgresUrls, statement: str) -> None:
    with databases.superuser_of(urlsplit(urls.database_url).path[1:]) as admin:
        admin.execute(statement.encode())


def as_role(databases: Databases, url: str, name: str) -> str:
    """The same database with another role, which is made with this name."""
    with databases.superuser() as admin:
        admin.execute(f"DROP ROLE IF EXISTS {name}".encode())
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p'".encode())
        admin.execute(f"GRANT CONNECT ON DATABASE {urlsplit(url).path[1:]} TO {name}".encode())
    parts = urlsplit(url)
    return f"postgresql://{name}:p@{parts.hostname}:{parts.port}{parts.path}"


class TestWorker:
    @pytest.mark.parametrize(
        ("statement", "told"),
        [
            ("GRANT UPDATE ON metta.turns TO metta_worker", "UPDATE"),
            ("GRANT UPDATE (reply) ON metta.turns TO metta_worker", "UPDATE"),
            ("GRANT DELETE ON metta.entries TO metta_worker", "DELETE"),
            ("GRANT TRUNCATE ON metta.skips TO PUBLIC", "DELETE"),
        ],
    )
    def test_it_could_change_what_the_log_says(
        self, databases: Databases, own: PostgresUrls, examine: Examine, statement: str, told: str
    ) -> None:
        spoil(databases, own, statement)

        report = examine("database", databases.variables(own))

        status, found = report.one("database.worker_role")
        assert (status, f"may {told}" in found) == ("warn", True)
        assert "metta migrate" in report.fixes["database.worker_role"]

    def test_it_writes_all_through_a_group(self, databases: Databases, own: PostgresUrls, examine: Examine) -> None:
        url = as_role(databases, own.database_url, "console_made")
        with databases.superuser() as admin:
            admin.execute("GRANT pg_read_all_data, pg_write_all_data TO console_made")

        report = examine("database", {**databases.variables(own), "DATABASE_URL": url})

        assert report.statuses["database.worker_role"] == "warn"
        assert "neon_superuser" in report.fixes["database.worker_role"]

    @pytest.mark.parametrize("group", [False, True], ids=["itself", "by its group"])
    def test_it_owns_the_log(self, databases: Databases, own: PostgresUrls, examine: Examine, group: bool) -> None:
        url = as_role(databases, own.database_url, "in_the_owners") if group else own.migrate_url
        if group:
            with databases.superuser() as admin:
                admin.execute("GRANT metta_owner TO in_the_owners")

        report = examine("database", {**databases.variables(own), "DATABASE_URL": url})

        status, found = report.one("database.worker_role")
        assert (status, "owns the audit log" in found) == ("fail", True)
        assert "CREATE ROLE metta_worker" in report.fixes["database.worker_role"]

    @pytest.mark.parametrize("right", ["SUPERUSER", "CREATEROLE"])
    def test_it_administers_the_server(
        self, databases: Databases, own: PostgresUrls, examine: Examine, right: str
    ) -> None:
        url = as_role(databases, own.database_url, f"admin_{right.lower()}")
        with databases.superuser() as admin:
            admin.execute(f"ALTER ROLE admin_{right.lower()} {right}".encode())

        report = examine("database", {**databases.variables(own), "DATABASE_URL": url})

        status, found = report.one("database.worker_role")
        assert (status, "administers" in found) == ("fail", True)

    def test_its_rights_were_never_given(self, databases: Databases, own: PostgresUrls, examine: Examine) -> None:
        url = as_role(databases, own.database_url, "newcomer")

        report = examine("database", {**databases.variables(own), "DATABASE_URL": url})

        assert report.statuses["database.schema"] == "fail"
        assert report.statuses["database.worker_role"] == "fail"
        assert "metta migrate" in report.fixes["database.worker_role"]

    def test_one_table_was_taken_from_it(self, databases: Databases, own: PostgresUrls, examine: Examine) -> None:
        spoil(databases, own, "REVOKE INSERT ON metta.turns FROM metta_worker")

        status, found = examine("database", databases.variables(own)).one("database.worker_role")

        assert (status, "turns" in found) == ("fail", True)


class TestOthers:
    def test_migrate_and_erase_are_not_needed_by_the_worker(self, databases: Databases, examine: Examine) -> None:
        variables = {**databases.variables(), "DATABASE_MIGRATE_URL": None, "DATABASE_ERASE_URL": None}

        report = examine("database", variables)

        assert report.code == 0
        assert {report.statuses[f"database.{which}_role"] for which in ("migrate", "erase")} == {"skip"}

    @pytest.mark.parametrize(("variable", "check"), [("MIGRATE", "migrate_role"), ("ERASE", "erase_role")])
    def test_the_same_role_as_the_worker_s(
        self, databases: Databases, examine: Examine, variable: str, check: str
    ) -> None:
        changed = {f"DATABASE_{variable}_URL": databases.urls.database_url}

        report = examine("database", databases.variables() | changed)

        status, found = report.one(f"database.{check}")
        assert (status, "one role" in found) == ("fail", True)

    @pytest.mark.parametrize(("variable", "check"), [("MIGRATE", "migrate_role"), ("ERASE", "erase_role")])
    def test_another_database(
        self, databases: Databases, own: PostgresUrls, examine: Examine, variable: str, check: str
    ) -> None:
        elsewhere = {"MIGRATE": own.migrate_url, "ERASE": own.erase_url}[variable]

        report = examine("database", databases.variables() | {f"DATABASE_{variable}_URL": elsewhere})

        status, found = report.one(f"database.{check}")
        assert (status, "another database" in found) == ("fail", True)

    def test_a_password_that_was_mistyped(self, databases: Databases, examine: Examine) -> None:
        wrong = databases.urls.migrate_url.replace("metta_owner:", "metta_owner:wrong-4711-")

        report = examine("database", databases.variables() | {"DATABASE_MIGRATE_URL": wrong})

        status, found = report.one("database.migrate_role")
        assert (status, found.startswith("DATABASE_MIGRATE_URL")) == ("fail", True)
        assert "4711" not in report.text

    def test_one_that_does_not_own_the_schema_cannot_migrate(self, databases: Databases, examine: Examine) -> None:
        changed = {"DATABASE_MIGRATE_URL": databases.urls.erase_url}

        report = examine("database", databases.variables() | changed)

        status, found = report.one("database.migrate_role")
        assert (status, "cannot migrate" in found) == ("fail", True)

    def test_the_owner_in_place_of_the_eraser(self, databases: Databases, examine: Examine) -> None:
        changed = {"DATABASE_ERASE_URL": databases.urls.migrate_url}

        report = examine("database", databases.variables() | changed)

        assert report.statuses["database.erase_role"] == "warn"

    @pytest.mark.parametrize(
        ("statement", "status"),
        [
            ("REVOKE UPDATE (text) ON metta.incoming_messages FROM metta_erase", "fail"),
            ("REVOKE INSERT ON metta.entries FROM metta_erase", "fail"),
            ("GRANT DELETE ON metta.turns TO metta_erase", "warn"),
            ("GRANT UPDATE ON metta.entries TO metta_erase", "warn"),
        ],
    )
    def test_an_eraser_with_other_rights_than_its_own(
        self, databases: Databases, own: PostgresUrls, examine: Examine, statement: str, status: str
    ) -> None:
        spoil(databases, own, statement)

        report = examine("database", databases.variables(own))

        assert report.bad() == {"database.erase_role"}
        assert report.statuses["database.erase_role"] == status
        assert "metta migrate" in report.fixes["database.erase_role"]
