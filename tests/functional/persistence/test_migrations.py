"""`metta migrate` brings any database to the newest schema, or changes nothing and says why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from metta.errors import AuditDown, MigrationError, SettingsError
from metta.persistence.migrate import migrate, status
from metta.persistence.sql_files import MIGRATIONS, read_migrations
from metta_local.postgres import PostgresUrls

NewDatabase = Callable[..., PostgresUrls]
NAMES = tuple(path.name for path in sorted(MIGRATIONS.glob("*.sql")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    return tmp_path / "migrations"


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'metta'")}


def test_an_empty_database_gets_the_schema_and_a_second_run_has_nothing_to_do(new_database: NewDatabase) -> None:
    urls = new_database()
    before = status(urls.migrate_url)

    first = migrate(urls.migrate_url)
    second = migrate(urls.migrate_url)

    assert (before.applied, before.pending, before.current) == ((), NAMES, False)
    assert (first.applied, first.already) == (NAMES, ())
    assert (second.applied, second.already) == ((), NAMES)
    assert first.granted == second.granted == ("metta_worker", "metta_erase")
    assert {"turns", "migrations"} <= tables(urls.migrate_url)


def test_the_worker_can_see_how_the_schema_stands(new_database: NewDatabase) -> None:
    urls = new_database(migrated=True)

    seen = status(urls.database_url)

    assert seen.current
    assert [one.name for one in seen.applied] == list(NAMES)
    assert all(one.applied_at.tzinfo is not None for one in seen.applied)


def test_processes_that_migrate_at_the_same_time_apply_each_file_once(new_database: NewDatabase) -> None:
    urls = new_database()
    code = "import sys; from metta.persistence.migrate import migrate; print(len(migrate(sys.argv[1]).applied))"

    def run(_: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", code, urls.migrate_url], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(run, range(3)))

    assert sorted(counts) == [0, 0, len(NAMES)]
    assert status(urls.migrate_url).current


def test_a_new_file_is_applied_to_a_database_that_has_the_older_ones(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database(migrated=True)
    (folder / "0900_more.sql").write_text("CREATE TABLE metta.more (); INSERT INTO metta.more DEFAULT VALUES;")

    behind = status(urls.migrate_url, folder=folder)
    report = migrate(urls.migrate_url, folder=folder)

    assert (behind.pending, behind.current) == (("0900_more.sql",), False)
    assert report.applied == ("0900_more.sql",)
    with psycopg.connect(urls.database_url) as worker:  # a new table's rights come with it
        assert worker.execute("SELECT count(*) FROM metta.more").fetchone() == (1,)


def test_an_applied_file_that_was_edited_stops_the_run_and_is_named(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database(migrated=True)
    (folder / NAMES[0]).write_text((folder / NAMES[0]).read_text() + "\n-- harmless?\n")
    (folder / "0900_more.sql").write_text("CREATE TABLE metta.more ();")

    assert status(urls.migrate_url, folder=folder).changed == (NAMES[0],)
    with pytest.raises(MigrationError, match=NAMES[0]):
        migrate(urls.migrate_url, folder=folder)

    assert "more" not in tables(urls.migrate_url)


def test_a_checkout_with_windows_newlines_is_the_same_migration(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database(migrated=True)
    for path in folder.glob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrate(urls.migrate_url, folder=folder).applied == ()


def test_a_file_that_fails_leaves_nothing_of_the_run_behind(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database()
    (folder / "0900_more.sql").write_text("CREATE TABLE metta.more ();")
    (folder / "0901_bad.sql").write_text("CREATE TABLE metta.bad (); SELECT 1 / 0;")

    with pytest.raises(MigrationError, match=r"0901_bad.sql: division by zero .*nothing was changed"):
        migrate(urls.migrate_url, folder=folder)

    assert tables(urls.migrate_url) == set()


def test_a_database_migrated_by_a_newer_version_is_left_alone(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database()
    (folder / "0900_more.sql").write_text("CREATE TABLE metta.more ();")
    migrate(urls.migrate_url, folder=folder)

    assert status(urls.migrate_url).newer == ("0900_more.sql",)
    assert status(urls.migrate_url).current
    assert migrate(urls.migrate_url).applied == ()


def test_a_file_numbered_before_an_applied_one_is_refused(new_database: NewDatabase, folder: Path) -> None:
    urls = new_database()
    (folder / "0900_more.sql").write_text("CREATE TABLE metta.more ();")
    migrate(urls.migrate_url, folder=folder)
    (folder / "0800_late.sql").write_text("CREATE TABLE metta.late ();")

    with pytest.raises(MigrationError, match="0800_late"):
        migrate(urls.migrate_url, folder=folder)


@pytest.mark.parametrize(
    ("name", "said"), [("0002_twin.sql", "the same number"), ("3_short.sql", "NNNN_words"), ("late.sql", "NNNN_words")]
)
def test_a_misnamed_file_is_refused_before_the_database_is_asked(folder: Path, name: str, said: str) -> None:
    (folder / name).write_text("")

    with pytest.raises(MigrationError, match=said):
        read_migrations(folder)


def test_a_run_that_finds_another_one_still_going_says_so(new_database: NewDatabase) -> None:
    urls = new_database()
    with psycopg.connect(urls.migrate_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x6D65747461])

        with pytest.raises(MigrationError, match="another migration"):
            migrate(urls.migrate_url, lock_timeout_seconds=0.1)

    assert migrate(urls.migrate_url).applied == NAMES


def test_a_role_that_may_not_change_the_schema_is_told_so(new_database: NewDatabase) -> None:
    urls = new_database()

    with pytest.raises(MigrationError, match="permission denied"):
        migrate(urls.database_url)


def test_a_schema_the_operator_made_beforehand_is_used(new_database: NewDatabase) -> None:
    urls = new_database()
    with psycopg.connect(urls.migrate_url) as owner:
        owner.execute("CREATE SCHEMA metta")

    assert migrate(urls.migrate_url).applied == NAMES


def test_no_database_and_no_url_are_different_errors() -> None:
    with pytest.raises(AuditDown, match="connection refused"):
        migrate("postgresql://owner:topsecret@127.0.0.1:1/metta")
    with pytest.raises(AuditDown, match="connection refused"):
        status("postgresql://owner:topsecret@127.0.0.1:1/metta")
    with pytest.raises(SettingsError, match="DATABASE_MIGRATE_URL"):
        migrate("postgresq://owner:topsecret@127.0.0.1:1/metta")
