"""A console on the local stack: embedded AWS and PostgreSQL, emulators of Chatwoot, Odoo and the model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from metta.bootstrap.console import Console, build_console
from metta.settings import load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator
from metta_local.odoo import OdooEmulator
from metta_local.stack import LocalStack

ARN = "arn:aws:iam::000000000000:user/operator"


def request(method: str, path: str, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """A request as a Function URL with AuthType AWS_IAM sends it."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "stage": "$default",
            "http": {"method": method, "path": path},
            "authorizer": {"iam": {"userArn": ARN}},
        },
        "isBase64Encoded": False,
    }
    return event | ({} if body is None else {"body": body}) | changes


@dataclass
class Operator:
    """Whoever asks the console, and the world that it must leave as it is."""

    stack: LocalStack
    console: Console
    log: io.StringIO
    chatwoot: ChatwootEmulator
    odoo: OdooEmulator
    model: ModelEmulator
    closing: ExitStack

    def builds(self, **changes: str) -> Console:
        """A console with other variables."""
        console = build_console(load(self.stack.environment() | changes), log_stream=self.log)
        self.closing.callback(console.pipeline.close)
        self.closing.callback(console.close)
        return console

    def sends(self, event: Mapping[str, Any], *, seconds: float = 60) -> tuple[int, Any]:
        """Status and body of the answer."""
        answer = self.console.handle(event, LocalContext(seconds=seconds))
        return answer["statusCode"], json.loads(answer["body"])

    def simulates(self, content: str | list[str], *, seconds: float = 60, **more: Any) -> dict[str, Any]:
        """What came of a simulation."""
        body = json.dumps({"content": content, **more})
        status, told = self.sends(request("POST", "/test/chatwoot/simulate", body), seconds=seconds)
        assert status == 200, told
        return dict(told)

    def refused(self, body: Mapping[str, Any]) -> list[str]:
        """Names of the fields that a simulation is refused for."""
        status, told = self.sends(request("POST", "/test/chatwoot/simulate", json.dumps(body)))
        assert status == 422, told
        return [problem["field"] for problem in told["fields"]]

    def health(self) -> tuple[int, str, dict[str, dict[str, Any]]]:
        """Status code, status and checks by name."""
        status, told = self.sends(request("GET", "/test/chatwoot/health"))
        return status, told["status"], {check["name"]: check for check in told["checks"]}

    def items(self) -> dict[str, dict[str, Any]]:
        """Everything in the table of turn state."""
        assert self.stack.aws is not None
        table = self.stack.environment()["IDEMPOTENCY_TABLE"]
        found = self.stack.aws.client("dynamodb").scan(TableName=table)["Items"]
        return {item["id"]["S"]: item for item in found}

    def audited(self) -> int:
        """Rows of the audit log."""
        with psycopg.connect(self.stack.environment()["DATABASE_MIGRATE_URL"]) as connection:
            query = "SELECT (SELECT count(*) FROM metta.turns) + (SELECT count(*) FROM metta.skips)"
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def started() -> Iterator[LocalStack]:
    with LocalStack({}) as stack, stack.applied():
        yield stack


@pytest.fixture
def operator(started: LocalStack) -> Iterator[Operator]:
    assert started.chatwoot is not None
    assert started.odoo is not None
    assert started.model is not None
    started.model.reset()
    with ExitStack() as closing:
        closing.callback(started.odoo.faults.clear)
        closing.callback(started.chatwoot.faults.clear)
        log = io.StringIO()
        console = build_console(started.settings(), log_stream=log)
        closing.callback(console.pipeline.close)
        closing.callback(console.close)
        yield Operator(started, console, log, started.chatwoot, started.odoo, started.model, closing)
