"""The local stack: what it starts, what it leaves to real services, and that nothing is left of it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from metta.errors import SettingsError
from metta.persistence.migrate import status
from metta_local import stack as stack_module
from metta_local.stack import LocalStack


def listens(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((str(address.hostname), int(address.port or 80))) == 0


@pytest.fixture
def reals() -> dict[str, str]:
    """Variables of real services; none is ever contacted by the stack itself."""
    return {
        "AWS_SQS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/metta.fifo",
        "IDEMPOTENCY_TABLE": "metta",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DATABASE_URL": "postgresql://worker:x@db.example/metta",
        "CHATWOOT_BASE_URL": "https://chat.example.com",
        "CHATWOOT_API_KEY": "real-token",
        "CHATWOOT_ACCOUNT_ID": "7",
        "ODOO_URL": "https://shop.example.com",
        "ODOO_DB": "shop",
        "ODOO_USERNAME": "bot",
        "ODOO_API_KEY": "real-key",
        "OPENAI_API_KEY": "sk-real",
    }


def test_with_everything_real_nothing_is_started_and_nothing_changed(reals: dict[str, str]) -> None:
    with LocalStack(reals) as stack:
        assert stack.environment() == reals
        assert not any(facts["emulated"] for facts in stack.describe().values())
        assert stack.receiver_url is None, "no secret, no receiver"


def test_a_real_service_is_used_in_the_place_of_its_emulator_alone(reals: dict[str, str]) -> None:
    given = {name: value for name, value in reals.items() if not name.startswith(("ODOO", "CHATWOOT"))}
    with LocalStack(given) as stack:
        emulated = {name for name, facts in stack.describe().items() if facts["emulated"]}
        assert emulated == {"odoo", "chatwoot"}
        environment = stack.environment()
        assert environment["OPENAI_API_KEY"] == "sk-real"
        assert "OPENAI_BASE_URL" not in environment
        assert environment["ODOO_DB"] == "acme"
        assert listens(environment["CHATWOOT_BASE_URL"])
        assert stack.chatwoot is not None
        assert stack.chatwoot.webhook_url == stack.receiver_url
    assert not listens(environment["CHATWOOT_BASE_URL"])


def test_keys_of_a_real_account_do_not_reach_an_emulator(reals: dict[str, str]) -> None:
    left_over = {"CHATWOOT_API_KEY": "real-token", "CHATWOOT_HISTORY_API_KEY": "real-user", "ODOO_API_KEY": "real-key"}
    given = {name: reals[name] for name in ("AWS_SQS_QUEUE_URL", "IDEMPOTENCY_TABLE", "DATABASE_URL")}
    with LocalStack(given | left_over | {"AWS_DEFAULT_REGION": "eu-central-1"}) as stack:
        assert not set(left_over.values()) & set(stack.environment().values())


def test_a_second_run_on_a_real_queue_or_database_does_not_repeat_the_ids_of_the_first(reals: dict[str, str]) -> None:
    given = {name: value for name, value in reals.items() if not name.startswith("CHATWOOT")}
    with LocalStack(given) as first:
        assert first.chatwoot is not None
        contact = first.chatwoot.add_contact("Ada Quick")["id"]
        earlier = [first.chatwoot.customer_writes(contact, "Hello", new_conversation=True) for _ in range(20)][-1]
    with LocalStack(given) as second:
        assert second.chatwoot is not None
        contact = second.chatwoot.add_contact("Ada Quick")["id"]
        later = second.chatwoot.customer_writes(contact, "Hello")
    assert later["conversation_id"] > earlier["conversation_id"]
    assert later["id"] > earlier["id"]


def test_a_real_queue_without_its_table_is_refused(reals: dict[str, str]) -> None:
    del reals["IDEMPOTENCY_TABLE"]
    with pytest.raises(SettingsError, match="IDEMPOTENCY_TABLE"):
        LocalStack(reals).start()


def test_everything_embedded_works_and_is_gone_afterwards(tmp_path: Path) -> None:
    real_account = {"AWS_PROFILE": "work", "METTA_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:1:secret:x"}
    with LocalStack(real_account, tmp_path / "kept") as stack:
        environment = stack.environment()
        assert not set(real_account) & set(environment)
        assert status(environment["DATABASE_URL"]).current, "the database was not migrated"
        assert stack.aws is not None
        tables = stack.aws.client("dynamodb").list_tables()["TableNames"]
        assert environment["IDEMPOTENCY_TABLE"] in tables
        assert httpx.get(f"{environment['OPENAI_BASE_URL']}/models").status_code == 401
        aws_url, database_url = stack.aws.url, environment["DATABASE_URL"]
        before = dict(os.environ)
        with stack.applied():
            assert os.environ["AWS_ENDPOINT_URL"] == aws_url
        assert dict(os.environ) == before
    assert not listens(aws_url)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database_url)
    key = environment["AUDIT_KEY"]
    assert (tmp_path / "kept" / "audit.key").read_text() == key, "the kept chain could not be verified later"


def test_a_start_that_fails_half_way_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = LocalStack({})
    monkeypatch.setattr(stack_module, "OdooEmulator", lambda _version: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stack.start()
    assert stack.aws is not None
    environment = stack.environment()
    assert not listens(environment["OPENAI_BASE_URL"])
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(environment["DATABASE_URL"])
    assert stack.aws.url == "", "MiniStack still runs"
