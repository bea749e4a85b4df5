"""The demo's JSON, ``metta audit show --json`` and PostgreSQL's rows tell of the same turns in the same words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from functional.local.processes import metta
from functional.local.processes import variables as clean
from metta.messages import ConversationKey
from metta_local.aws import MiniStack
from metta_local.demo_report import audit_rows
from metta_local.postgres import EmbeddedPostgres
from tests_support.agreeing import is_in_the_database, tells_as_the_audit

pytestmark = pytest.mark.e2e

Json = dict[str, Any]


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """A database, and a table for the chain's heads, that outlive the demo."""
    with EmbeddedPostgres() as urls, MiniStack() as aws:
        queue, dead = aws.create_queues()
        yield {
            **aws.environment,
            "AWS_SQS_QUEUE_URL": queue,
            "AWS_SQS_DLQ_URL": dead,
            "IDEMPOTENCY_TABLE": aws.create_table(),
            "DATABASE_URL": urls.database_url,
            "DATABASE_MIGRATE_URL": urls.migrate_url,
            "AUDIT_KEY": "a key of the audit chain",
            "SQS_WAIT_TIME_SECONDS": "1",
        }


@pytest.fixture(scope="module")
def demo(variables: dict[str, str]) -> list[Json]:
    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "demo", "--json"],
        env=clean(**variables),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    conversations: list[Json] = json.loads(done.stdout)["conversations"]
    assert len(conversations) == 12
    return conversations


def test_the_same_turns_are_told_in_the_same_words_and_numbers(demo: list[Json], variables: dict[str, str]) -> None:
    for told in demo:
        key = ConversationKey(account_id=3, conversation_id=told["conversation_id"])
        done = metta("audit", "show", str(key), "--json", **variables)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        [turn], [of_demo] = shown["turns"], told["turns"]

        assert shown["chain"]["sound"] is True
        assert audit_rows(shown) == told["audit"]
        tells_as_the_audit(of_demo, turn)
        is_in_the_database(turn, variables["DATABASE_URL"])


def test_a_person_is_told_the_same(demo: list[Json], variables: dict[str, str]) -> None:
    [told] = [one for one in demo if one["name"] == "order status"]
    [turn] = told["turns"]

    shown = metta("audit", "show", f"3:{told['conversation_id']}", **variables).stdout

    for part in (turn["id"], turn["model"], f"{turn['cost_usd']:.6f}", "Hi, where is my order S00042?", "getOrder",
                 "verified by the WhatsApp number", "Answered by the assistant", "The chain is sound"):  # fmt: skip
        assert part in shown


def test_all_that_the_demo_wrote_is_sound(demo: list[Json], variables: dict[str, str]) -> None:
    done = metta("audit", "verify", "--json", **variables)
    found = json.loads(done.stdout)
    assert (found["sound"], found["conversations"], found["unkeyed"], found["ends_compared"]) == (True, 12, 0, True)
    assert found["rows"] == sum(len(one["audit"]) for one in demo)
