"""``metta doctor`` against emulated and embedded services: each test makes one mistake that operators make."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from metta.persistence.migrate import migrate
from metta_local import cli
from metta_local.aws import MiniStack
from metta_local.odoo import OdooEmulator
from metta_local.postgres import EmbeddedPostgres
from metta_local.serving import LoopbackServer
from tests_support.pgbouncer import PgBouncer, installed

from .aws_world import AwsWorld
from .chatwoot_world import ChatwootWorld
from .database_world import Databases

VERSIONS = ("15.0", "16.0", "17.0", "18.0", "19.0")


class Switch:
    """An ASGI application whose inner one can be changed while it is served."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Report:
    """What the doctor said."""

    code: int
    text: str
    """All that it printed."""
    statuses: dict[str, str]
    found: dict[str, str]
    fixes: dict[str, str]

    def bad(self) -> set[str]:
        """The checks that warn or fail, without the warning that every internal user gets."""
        return {name for name, status in self.statuses.items() if status in ("warn", "fail")} - {"odoo.sees_more"}

    def one(self, check: str) -> tuple[str, str]:
        """Status and finding of one check."""
        return self.statuses[check], self.found[check]


Doctor = Callable[..., Report]
Examine = Callable[[str, Mapping[str, str | None]], Report]
"""Runs the command for one area with exactly these variables of Metta's."""
AskDatabase = Callable[..., Report]


@pytest.fixture(scope="session")
def strict_ministack() -> Iterator[MiniStack]:
    with MiniStack(enforce_iam=True) as started:
        yield started


@pytest.fixture
def world(aws: MiniStack) -> AwsWorld:
    """An AWS in which everything is allowed."""
    return AwsWorld(aws)


@pytest.fixture
def strict(strict_ministack: MiniStack) -> AwsWorld:
    """An AWS that holds users to their rights."""
    return AwsWorld(strict_ministack)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A server whose database ``metta`` is migrated."""
    postgres = EmbeddedPostgres()
    urls = postgres.start()
    try:
        migrate(urls.migrate_url)
        yield Databases(urls, postgres.superuser_url)
    finally:
        postgres.stop()


@pytest.fixture
def ask_database(databases: Databases, examine: Examine) -> AskDatabase:
    """Examines the migrated database with the three roles; keywords change the variables."""
    return lambda **changed: examine("database", {**databases.variables(), **changed})


@pytest.fixture(scope="session")
def pooler(databases: Databases) -> Iterator[PgBouncer]:
    """PgBouncer in transaction mode in front of the server."""
    with PgBouncer(installed(), databases.urls) as running:
        yield running


@pytest.fixture(scope="session")
def replica() -> Iterator[str]:
    """The worker's connection string of a server that only follows another."""
    with tempfile.TemporaryDirectory(prefix="metta-test-") as name:
        Path(name).chmod(0o711)
        home = Path(name) / "postgres"
        with EmbeddedPostgres(home) as urls:
            migrate(urls.migrate_url)
        shutil.copy2(home / "data" / "PG_VERSION", home / "data" / "standby.signal")
        owner = (home / "data" / "PG_VERSION").stat()
        os.chown(home / "data" / "standby.signal", owner.st_uid, owner.st_gid)
        with EmbeddedPostgres(home) as urls:
            yield urls.database_url


@pytest.fixture(scope="session")
def _switch() -> Iterator[tuple[Switch, str]]:
    switch = Switch()
    with LoopbackServer(switch) as server:
        yield switch, server.url


@pytest.fixture
def served(_switch: tuple[Switch, str]) -> Callable[[Any], str]:
    """Puts an application behind the server and gives its address."""
    switch, url = _switch

    def put(app: Any) -> str:
        switch.app = app
        return url

    return put


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Runs the command as JSON and as text; both have to say the same, with one line of advice where one is needed."""

    def run(only: str, variables: Mapping[str, str | None]) -> Report:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.delenv(name, raising=False) if value is None else patch.setenv(name, value)
            capsys.readouterr()
            code = cli.main(["doctor", "--only", only, "--json"])
            out, err = capsys.readouterr()
            again = cli.main(["doctor", "--only", only])
            text = capsys.readouterr().out
        assert err == ""
        told = json.loads(out)["checks"]
        assert (code, again) == ((0, 0) if all(check["status"] != "fail" for check in told) else (1, 1))
        lines = [_without_numbers(line) for line in text.splitlines()]
        for check in told:
            assert bool(check["fix"]) == (check["status"] in ("warn", "fail")), check
            assert "\n" not in check["found"] + check["fix"]
            area, _, subject = check["check"].partition(".")
            assert area == only
            line = next(line for line in lines if re.match(rf"  {check['status']} +{subject} ", line))
            assert line.endswith(f"  {_without_numbers(check['found'])}")
            assert not check["fix"] or lines[lines.index(line) + 1].strip() == f"-> {_without_numbers(check['fix'])}"
        return Report(
            code=code,
            text=out + text,
            statuses={check["check"]: check["status"] for check in told},
            found={check["check"]: check["found"] for check in told},
            fixes={check["check"]: check["fix"] for check in told},
        )

    return run


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that knows ``chat.shop.example``, which is here, and no other name."""
    known = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "chat.shop.example":
            return known("127.0.0.1", *rest, **named)
        if name in ("127.0.0.1", "localhost", None):
            return known(host, *rest, **named)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def chatwoot(examine: Examine, served: Callable[[Any], str]) -> ChatwootWorld:
    """A Chatwoot in which all is well."""
    return ChatwootWorld(examine, served)


def _without_numbers(line: str) -> str:
    """Two runs may count differently what is in use at their moment."""
    return re.sub(r"\d+", "#", line)


@pytest.fixture
def doctor(
    served: Callable[[Any], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Doctor:
    """Runs the command with the emulator's variables; keywords change them, None takes one away."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("limits: {odoo_seconds: 1}\n", encoding="utf-8")
    monkeypatch.setattr("metta.integrations.odoo.client.RETRY_PAUSE_SECONDS", 0.01)

    def run(emulator: OdooEmulator | None = None, *, only: str = "odoo", **variables: str | None) -> Report:
        emulator = emulator or OdooEmulator()
        given: dict[str, str | None] = {
            "ODOO_URL": served(emulator.app) if "ODOO_URL" not in variables else None,
            "ODOO_DB": emulator.database,
            "ODOO_USERNAME": emulator.username,
            "ODOO_API_KEY": emulator.api_key,
            "METTA_POLICY": str(policy),
        }
        with monkeypatch.context() as patch:
            for name, value in (given | variables).items():
                if value is None:
                    patch.delenv(name, raising=False)
                else:
                    patch.setenv(name, value)
            capsys.readouterr()
            code = cli.main(["doctor", "--only", only, "--json"])
        out, err = capsys.readouterr()
        assert err == ""
        told = json.loads(out)
        assert set(told) == {"ok", "checks"}
        assert all(set(check) == {"check", "status", "found", "fix"} for check in told["checks"])
        assert told["ok"] == (code == 0)
        return Report(
            code=code,
            text=out + err,
            statuses={check["check"]: check["status"] for check in told["checks"]},
            found={check["check"]: check["found"] for check in told["checks"]},
            fixes={check["check"]: check["fix"] for check in told["checks"]},
        )

    return run
