"""Whoever deploys gets the newest schema or the reason why not, at once: CloudFormation is never left waiting."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from functional.persistence.conftest import Server
from metta.bootstrap.migrate import migration
from metta.errors import AuditDown, MigrationError, SettingsError
from metta.persistence import at_deploy
from metta.persistence.at_deploy import SchemaResource
from metta.persistence.migrate import MigrationReport, migrate, status
from metta.persistence.sql_files import MIGRATIONS
from metta_local.lambda_context import LocalContext
from metta_local.postgres import PostgresUrls

NewDatabase = Callable[..., PostgresUrls]
NEWEST = int(max(path.name for path in MIGRATIONS.glob("*.sql"))[:4])
LOCK = 0x6D65747461


class CloudFormation:
    """Takes the answers; refuses the first ``refusing`` of them."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.refusing = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                refused, outer.refusing = outer.refusing > 0, outer.refusing - 1
                if not refused:
                    outer.content_types.append(self.headers["Content-Type"])
                    outer.answers.append(json.loads(body))
                self.send_response(503 if refused else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    def request(self, kind: str, **more: str) -> dict[str, Any]:
        return {
            "RequestType": kind,
            "ResponseURL": f"http://127.0.0.1:{self.server.server_port}/answer?Signature=precious",
            "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/metta/1",
            "RequestId": "request-7",
            "LogicalResourceId": "SchemaMigration",
            **more,
        }

    @property
    def answer(self) -> dict[str, Any]:
        (only,) = self.answers
        return only


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    waiting = CloudFormation()
    thread = threading.Thread(target=partial(waiting.server.serve_forever, poll_interval=0.02), daemon=True)
    thread.start()
    yield waiting
    waiting.server.shutdown()
    waiting.server.server_close()
    thread.join()


def resource(url: str, **more: Any) -> SchemaResource:
    return SchemaResource(lambda seconds: migrate(url, seconds=seconds, **more), pause=lambda _: None)


def failing(error: BaseException) -> SchemaResource:
    def raises(seconds: float) -> MigrationReport:
        raise error

    return SchemaResource(raises, pause=lambda _: None)


def test_a_first_deployment_gets_the_newest_schema(cloudformation: CloudFormation, new_database: NewDatabase) -> None:
    urls = new_database()

    resource(urls.migrate_url).handle(cloudformation.request("Create"), LocalContext(60))

    assert cloudformation.answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "metta-schema",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/metta/1",
        "RequestId": "request-7",
        "LogicalResourceId": "SchemaMigration",
        "Data": {"Schema": str(NEWEST), "Applied": ",".join(sorted(path.name for path in MIGRATIONS.glob("*.sql")))},
    }
    assert cloudformation.content_types == [""], "the address is signed without one"
    assert status(urls.migrate_url).current


def test_a_rollback_to_older_code_succeeds_and_changes_nothing(
    cloudformation: CloudFormation, new_database: NewDatabase, tmp_path: Path
) -> None:
    urls = new_database()
    newer = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, newer)
    (newer / "0900_more.sql").write_text("CREATE TABLE metta.more (name text);")
    migrate(urls.migrate_url, folder=newer)
    with psycopg.connect(urls.migrate_url) as owner:
        owner.execute("GRANT UPDATE (name) ON metta.more TO metta_erase")  # a right that only newer code knows of

    resource(urls.migrate_url).handle(
        cloudformation.request("Update", PhysicalResourceId="metta-schema"), LocalContext(60)
    )

    assert (cloudformation.answer["Status"], cloudformation.answer["Data"]) == (
        "SUCCESS",
        {"Schema": "900", "Applied": ""},
    )
    assert cloudformation.answer["PhysicalResourceId"] == "metta-schema", "another one would be a replacement"
    with psycopg.connect(urls.migrate_url) as owner:
        asked = owner.execute("SELECT has_column_privilege('metta_erase', 'metta.more', 'name', 'UPDATE')")
        assert asked.fetchone() == (True,)


def test_deleting_the_stack_touches_nothing_and_succeeds(cloudformation: CloudFormation) -> None:
    never = failing(AssertionError("asked to migrate"))

    never.handle(cloudformation.request("Delete", PhysicalResourceId="of an older release"), LocalContext(60))

    assert cloudformation.answer["Status"] == "SUCCESS"
    assert cloudformation.answer["PhysicalResourceId"] == "of an older release"


def test_a_file_that_fails_rolls_the_deployment_back_with_its_name(
    cloudformation: CloudFormation, new_database: NewDatabase, tmp_path: Path
) -> None:
    urls = new_database(migrated=True)
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "0900_bad.sql").write_text("CREATE TABLE metta.bad (); SELECT 1 / 0;")

    resource(urls.migrate_url, folder=folder).handle(cloudformation.request("Update"), LocalContext(60))

    assert cloudformation.answer["Status"] == "FAILED"
    assert cloudformation.answer["Reason"].startswith("0900_bad.sql: division by zero")
    assert "nothing was changed" in cloudformation.answer["Reason"]
    assert "Data" not in cloudformation.answer


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://owner:topsecret@127.0.0.1:1/metta", "connection refused"),
        ("postgresq://owner:topsecret@127.0.0.1:1/metta", "DATABASE_MIGRATE_URL"),
        ("SERVER", "the password was refused"),
    ],
)
def test_no_reason_holds_credentials(cloudformation: CloudFormation, server: Server, url: str, said: str) -> None:
    if url == "SERVER":
        url = server.urls.migrate_url.replace(password_of(server.urls.migrate_url), "topsecret")

    resource(url).handle(cloudformation.request("Create"), LocalContext(60))

    assert cloudformation.answer["Status"] == "FAILED"
    assert said in cloudformation.answer["Reason"]
    assert "topsecret" not in json.dumps(cloudformation.answer)
    assert "owner" not in cloudformation.answer["Reason"]


def password_of(url: str) -> str:
    password = psycopg.conninfo.conninfo_to_dict(url)["password"]
    assert isinstance(password, str)
    return password


def test_an_error_that_nobody_thought_of_is_answered_without_its_text(
    cloudformation: CloudFormation, caplog: pytest.LogCaptureFixture
) -> None:
    error = ImportError("no module for postgresql://owner:topsecret@db")

    failing(error).handle(cloudformation.request("Create"), LocalContext(60))

    assert cloudformation.answer["Status"] == "FAILED"
    assert "ImportError" in cloudformation.answer["Reason"]
    assert "topsecret" not in json.dumps(cloudformation.answer) + caplog.text
    assert any("raises" in str(getattr(record, "frames", "")) for record in caplog.records), "the log says where"


def test_a_reason_of_any_length_and_language_fits_into_an_answer(cloudformation: CloudFormation) -> None:
    failing(SettingsError("ü" * 5000)).handle(cloudformation.request("Create"), LocalContext(60))

    assert len(json.dumps(cloudformation.answer)) <= 4096


def test_a_migration_that_takes_too_long_is_undone_and_answered_in_time(
    cloudformation: CloudFormation, new_database: NewDatabase, server: Server, tmp_path: Path
) -> None:
    urls = new_database(migrated=True)
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "0900_slow.sql").write_text("CREATE TABLE metta.slow (); SELECT pg_sleep(60);")
    context = LocalContext(at_deploy.ANSWER_SECONDS + at_deploy.UNDO_SECONDS + 1)

    resource(urls.migrate_url, folder=folder).handle(cloudformation.request("Update"), context)

    assert cloudformation.answer["Reason"] == "0900_slow.sql: time ran out; nothing was changed"
    assert context.get_remaining_time_in_millis() > 0
    assert asleep(server) == 0, "a statement that goes on would hold its locks"
    assert status(urls.migrate_url, folder=folder).pending == ("0900_slow.sql",)


def asleep(server: Server) -> int:
    """Statements that still sleep, once the server had a moment to end them."""
    until, running = time.monotonic() + 10, 1
    while running and time.monotonic() < until:
        with server.superuser() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
                " AND state <> 'idle'"
            ).fetchone()
        running = int(row[0]) if row else 0
        time.sleep(0.05)
    return running


def test_a_call_that_never_comes_back_is_answered_in_time(cloudformation: CloudFormation) -> None:
    forever = threading.Event()

    def hangs(seconds: float) -> MigrationReport:
        forever.wait()
        raise MigrationError("too late")

    context = LocalContext(at_deploy.ANSWER_SECONDS + 0.3)
    SchemaResource(hangs, pause=lambda _: None).handle(cloudformation.request("Create"), context)
    forever.set()

    assert cloudformation.answer["Status"] == "FAILED"
    assert "did not end within the function's time" in cloudformation.answer["Reason"]
    assert context.get_remaining_time_in_millis() > 0


def test_a_run_that_waits_for_another_one_says_so(cloudformation: CloudFormation, new_database: NewDatabase) -> None:
    urls = new_database()
    with psycopg.connect(urls.migrate_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        resource(urls.migrate_url, lock_timeout_seconds=0.1).handle(cloudformation.request("Create"), LocalContext(60))

    assert "another migration" in cloudformation.answer["Reason"]


def test_an_answer_that_gets_lost_is_sent_again(cloudformation: CloudFormation) -> None:
    cloudformation.refusing = 3

    failing(SettingsError("not set: X")).handle(cloudformation.request("Create"), LocalContext(60))

    assert cloudformation.answer["Reason"] == "not set: X"


def test_an_answer_that_never_arrives_makes_lambda_call_again(
    cloudformation: CloudFormation, caplog: pytest.LogCaptureFixture
) -> None:
    cloudformation.refusing = 1000
    caplog.set_level(logging.DEBUG)

    with pytest.raises(OSError, match="did not reach CloudFormation") as raised:
        failing(SettingsError("not set: X")).handle(cloudformation.request("Create"), LocalContext(60))

    assert "precious" not in caplog.text + str(raised.value), "who has the address may answer in our name"


def test_by_hand_it_says_what_it_did(new_database: NewDatabase) -> None:
    urls = new_database()

    first = resource(urls.migrate_url, worker_role="somebody").handle({}, LocalContext(60))
    second = resource(urls.migrate_url).handle({}, LocalContext(60))

    assert (first["schema"], len(first["applied"]), first["missing_roles"]) == (NEWEST, NEWEST, ["somebody"])
    assert second == {"schema": NEWEST, "applied": [], "missing_roles": []}
    with pytest.raises(MigrationError, match="not set: X"):
        failing(SettingsError("not set: X")).handle({}, LocalContext(60))


def test_a_server_that_is_still_asleep_is_waited_for(
    server: Server, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = new_database()
    name = psycopg.conninfo.conninfo_to_dict(urls.migrate_url)["dbname"]
    open_or_close = f"ALTER DATABASE {name} ALLOW_CONNECTIONS %s"
    pauses: list[float] = []

    def wake_at_the_second(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            with server.superuser() as connection:
                connection.execute((open_or_close % "true").encode())

    with server.superuser() as connection:
        connection.execute((open_or_close % "false").encode())
    with pytest.raises(AuditDown):
        migrate(urls.migrate_url)
    monkeypatch.setattr("metta.persistence.bounded.time.sleep", wake_at_the_second)

    assert migrate(urls.migrate_url, wake_seconds=60).schema == NEWEST
    assert len(pauses) == 2


def test_a_wrong_password_is_not_tried_for_a_minute(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.urls.migrate_url.replace(password_of(server.urls.migrate_url), "topsecret")
    slept: list[float] = []
    monkeypatch.setattr("metta.persistence.bounded.time.sleep", slept.append)

    with pytest.raises(Exception, match="the password was refused"):
        migrate(url, wake_seconds=60)

    assert slept == []


def test_the_function_names_what_its_secret_lacks(
    cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METTA_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:metta-AbCdEf")
    held: list[dict[str, str]] = [{"OPENAI_API_KEY": "sk-1"}]
    monkeypatch.setattr("metta.settings.fetch_secret", lambda arn, max_age: held[-1])

    migration().handle(cloudformation.request("Create"), LocalContext(60))

    assert cloudformation.answer["Status"] == "FAILED"
    assert cloudformation.answer["Reason"].startswith("not set: DATABASE_MIGRATE_URL")
    assert "MigrateSecretArn" in cloudformation.answer["Reason"]


def test_the_function_migrates_with_the_variables_it_has(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = new_database()
    monkeypatch.delenv("METTA_SECRET_ARN", raising=False)
    monkeypatch.setenv("DATABASE_MIGRATE_URL", urls.migrate_url)

    assert migration().handle({"source": "by hand"}, LocalContext(60))["schema"] == NEWEST

    assert status(urls.database_url).current
