"""What a worker does once at its start, so that the first turn finds it done: nothing of it is sent or written."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from metta.ai.warm import warm_turn
from metta.bootstrap.worker import Worker, build_worker
from metta.guardrails import Guardrails
from metta.guardrails.injection_rules import foreign_rules, rule_set
from metta.messages import ConversationKey
from metta.persistence.heads import MemoryHeads
from metta.persistence.store import AuditStore
from metta.settings import load


@pytest.fixture
def dynamodb() -> Iterator[tuple[Any, socket.socket]]:
    """A client, and where its requests would arrive."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client: Any = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(read_timeout=0.3, retries={"total_max_attempts": 1}),
        )
        yield client, listening


@pytest.fixture
def worker(dynamodb: tuple[Any, socket.socket]) -> Iterator[Worker]:
    given = {
        "CHATWOOT_BASE_URL": "http://127.0.0.1:1",
        "CHATWOOT_API_KEY": "token",
        "CHATWOOT_ACCOUNT_ID": "3",
        "ODOO_URL": "http://127.0.0.1:1",
        "ODOO_DB": "acme",
        "ODOO_USERNAME": "bot",
        "ODOO_API_KEY": "key",
        "OPENAI_API_KEY": "sk-emulated-0000",
        "OPENAI_MODEL": "gpt-5.6-luna",
        "IDEMPOTENCY_TABLE": "state",
        "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
    }
    built = build_worker(load(given), emit_metrics=False, log_stream=io.StringIO(), client=lambda _: dynamodb[0])
    yield built
    built.close()


def test_calls_of_dynamodb_are_made_up_to_the_sending(worker: Worker, dynamodb: tuple[Any, socket.socket]) -> None:
    client, listening = dynamodb
    made: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: made.append(model.name))

    worker.warm_calls()

    assert made == ["UpdateItem"]
    listening.settimeout(0.1)
    with pytest.raises(TimeoutError):
        listening.accept()


def test_a_turn_is_audited_up_to_the_saving() -> None:
    class Untouched(MemoryHeads):
        def look(self, key: ConversationKey) -> Any:
            raise AssertionError(f"the head of {key} was asked for")

    cleaned: list[str] = []

    def clean(text: str) -> str:
        cleaned.append(text)
        return text

    AuditStore("postgresql://nobody@127.0.0.1:1/none", heads=Untouched(), clean=clean).rehearse(warm_turn())

    assert any("1 202 555 0100" in text for text in cleaned)


def test_no_rule_of_the_injection_check_is_left_to_compile() -> None:
    rule_set.cache_clear()
    foreign_rules.cache_clear()

    Guardrails.prepare()

    rules = [*rule_set().rules, *foreign_rules().rules]
    assert [rule.id for rule in rules if vars(rule.pattern)["_compiled"] is None] == []
