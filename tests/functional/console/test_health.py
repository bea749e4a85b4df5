"""The health check looks at everything at once, names what is down, and shows no secret while doing so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metta.persistence import migrate
from metta.settings import SECRET_NAMES
from metta_local.chatwoot.faults import Fault as ChatwootFault
from metta_local.lambda_context import LocalContext
from metta_local.odoo.faults import Fault, FaultKind

from .conftest import Operator, request

NOBODY = "http://127.0.0.1:1"
Look = Callable[..., tuple[int, str, dict[str, dict[str, Any]]]]


@pytest.fixture
def look(operator: Operator) -> Look:
    """The health that a console with other variables sees."""

    def see(**changes: str) -> tuple[int, str, dict[str, dict[str, Any]]]:
        answer = operator.builds(**changes).handle(request("GET", "/test/chatwoot/health"), LocalContext())
        told = json.loads(answer["body"])
        for name in SECRET_NAMES:
            value = (operator.stack.environment() | changes).get(name)
            assert not value or value not in answer["body"]
        assert "secret-password" not in answer["body"]
        return answer["statusCode"], told["status"], {check["name"]: check for check in told["checks"]}

    return see


def test_with_all_there_everything_is_ok_and_each_check_tells_its_time(operator: Operator) -> None:
    code, status, checks = operator.health()

    assert (code, status) == (200, "ok"), checks
    assert set(checks) == {
        "chatwoot",
        "chatwoot_history",
        "odoo",
        "model",
        "database",
        "audit_key",
        "state",
        "queue",
        "dead_letter_queue",
        "policy",
    }
    assert all(check["latency_ms"] > 0 for check in checks.values())
    assert checks["database"]["detail"].startswith("the schema is at 000")
    assert checks["queue"]["detail"] == "about 0 waiting, 0 in flight"


def test_the_look_at_the_model_costs_nothing(operator: Operator) -> None:
    operator.health()

    assert operator.model.requests == [], "neither an answer nor a moderation was asked for"


def test_a_message_on_the_queue_shows_in_its_depth(operator: Operator) -> None:
    assert operator.stack.aws is not None
    sqs, url = operator.stack.aws.client("sqs"), operator.stack.environment()["AWS_SQS_DLQ_URL"]
    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="3:1", MessageDeduplicationId="1")
    try:
        _, _, checks = operator.health()
    finally:
        sqs.purge_queue(QueueUrl=url)

    assert checks["dead_letter_queue"]["detail"] == "about 1 waiting, 0 in flight"


@pytest.mark.parametrize(
    ("changes", "name", "says"),
    [
        ({"CHATWOOT_BASE_URL": NOBODY}, "chatwoot", "ConnectError"),
        ({"CHATWOOT_API_KEY": "wrong-token-000"}, "chatwoot", "Invalid Access Token"),
        ({"CHATWOOT_ACCOUNT_ID": "4"}, "chatwoot", "refused"),
        ({"OPENAI_BASE_URL": f"{NOBODY}/v1"}, "model", "APIConnectionError"),
        ({"OPENAI_API_KEY": "sk-wrong-00000000"}, "model", "refused (401)"),
        ({"IDEMPOTENCY_TABLE": "no-such-table"}, "state", "ResourceNotFoundException"),
        ({"AWS_SQS_QUEUE_URL": f"{NOBODY}/000000000000/none.fifo"}, "queue", "refused"),
    ],
)
def test_what_customers_cannot_be_answered_without_makes_it_down(
    look: Look, changes: dict[str, str], name: str, says: str
) -> None:
    code, status, checks = look(**changes)

    assert (code, status) == (503, "down")
    assert (checks[name]["status"], says in checks[name]["detail"]) == ("down", True), checks[name]
    assert checks["odoo"]["status"] == "ok", "the others are looked at all the same"


@pytest.mark.parametrize(
    ("changes", "name", "verdict", "says"),
    [
        ({"CHATWOOT_HISTORY_API_KEY": "metta-bot-token"}, "chatwoot_history", "down", "not authorized for bots"),
        ({"ODOO_URL": NOBODY}, "odoo", "down", ""),
        ({"ODOO_API_KEY": "wrong-key-000"}, "odoo", "down", "ODOO_"),
        ({"OPENAI_MODEL": "gpt-0"}, "model", "degraded", "OPENAI_MODEL"),
        ({"OPENAI_BASE_URL": "{model}/elsewhere"}, "model", "degraded", "lists no models"),
        (
            {"DATABASE_URL": "postgresql://metta_worker:secret-password-1@127.0.0.1:1/metta"},
            "database",
            "down",
            "connection refused",
        ),
        ({"AUDIT_KEY": ""}, "audit_key", "degraded", "nobody can prove it"),
        ({"AUDIT_KEY": "too-short-a-key"}, "audit_key", "degraded", "guessed"),
        ({"AWS_SQS_DLQ_URL": f"{NOBODY}/000000000000/none.fifo"}, "dead_letter_queue", "down", "refused"),
    ],
)
def test_what_only_makes_answers_worse_makes_it_degraded(
    look: Look, operator: Operator, changes: dict[str, str], name: str, verdict: str, says: str
) -> None:
    model = operator.stack.environment()["OPENAI_BASE_URL"].removesuffix("/v1")
    code, status, checks = look(**{key: value.replace("{model}", model) for key, value in changes.items()})

    assert (code, status) == (200, "degraded"), checks
    assert (checks[name]["status"], says in checks[name]["detail"]) == (verdict, True), checks[name]


def test_a_schema_that_is_behind_is_named(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    files = migrate.read_migrations()
    later = migrate.Migration(9999, "9999_later.sql", "SELECT 1", "0" * 64)
    monkeypatch.setattr(migrate, "read_migrations", lambda *_: (*files, later))

    _, status, checks = operator.health()

    assert status == "degraded"
    assert "9999_later.sql" in checks["database"]["detail"]
    assert "metta migrate" in checks["database"]["detail"]


def test_a_dependency_that_hangs_does_not_keep_the_others_waiting(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metta.console.health.check_all.__kwdefaults__", {"seconds": 0.5})
    operator.chatwoot.faults.add(ChatwootFault("*", "delay", delay_seconds=5, times=None))
    operator.odoo.faults.add(Fault(FaultKind.DELAY, seconds=5))

    code, _, checks = operator.health()

    assert code == 503
    slow = {name for name, check in checks.items() if check["detail"] == "no answer within 0.5 s"}
    assert slow == {"chatwoot", "chatwoot_history", "odoo"}


def test_the_secret_is_read_anew_and_what_changed_since_is_named(look: Look, operator: Operator) -> None:
    assert operator.stack.aws is not None
    client = operator.stack.aws.client("secretsmanager")
    held = {"CHATWOOT_API_KEY": "metta-bot-token", "AUDIT_KEY": "an-audit-key-of-ours"}
    arn = operator.stack.aws.create_secret(held, name="console")
    environment = {"METTA_SECRET_ARN": arn}
    assert look(**environment)[2]["secret"]["status"] == "ok"
    console = operator.builds(**environment)
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(held | {"AUDIT_KEY": "a-new-audit-key"}))
    answer = console.handle(request("GET", "/test/chatwoot/health"), LocalContext())

    (check,) = (one for one in json.loads(answer["body"])["checks"] if one["name"] == "secret")
    assert check["status"] == "degraded"
    assert check["detail"] == "changed since this function started: AUDIT_KEY"
    assert "a-new-audit-key" not in answer["body"]


def test_a_policy_file_that_broke_since_the_start_is_down(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("limits: {usd_per_day: 5}\n")
    console = operator.builds(METTA_POLICY=str(path))
    assert console.handle(request("GET", "/test/chatwoot/health"), LocalContext())["statusCode"] == 200
    path.write_text("limits: {usd_per_day: -5}\n")
    answer = console.handle(request("GET", "/test/chatwoot/health"), LocalContext())

    (check,) = (one for one in json.loads(answer["body"])["checks"] if one["name"] == "policy")
    assert (answer["statusCode"], check["status"]) == (503, "down")
    assert "usd_per_day" in check["detail"]
