"""``metta bench audit`` measures what it says: every way writes the whole turn, and its figures are of that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from metta.messages import ConversationKey
from metta.persistence.chain import chain_keys
from metta.persistence.heads import all_heads
from metta.persistence.read import read_turns
from metta.persistence.verify import verify_conversation
from metta_local.bench import audit
from metta_local.bench.audit_turns import turn
from metta_local.bench.round_trips import RoundTrips
from metta_local.stack import LocalStack

Writer = tuple[audit.Child, RoundTrips]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack({}) as started:
        yield started


@pytest.fixture(scope="module")
def writer(stack: LocalStack) -> Iterator[Writer]:
    environment = stack.environment()
    given = {
        name: environment[name] for name in environment if name.startswith(("AWS_", "DATABASE_", "AUDIT_", "IDEM"))
    }
    with audit.counted(given, sys.stderr) as (child, trips):
        yield child, trips


def newest(stack: LocalStack, number: int) -> tuple[list[ConversationKey], list[dict[str, Any]]]:
    """Conversations and rows of the turns that were written last."""
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT account_id, conversation_id FROM metta.turns ORDER BY conversation_id DESC LIMIT %s", [number]
        ).fetchall()
        keys = [ConversationKey(account_id=account, conversation_id=conversation) for account, conversation in found]
        return keys, [row for key in keys for row in read_turns(connection, key)]


@pytest.mark.parametrize(
    "command", [{"save": way} for way in audit.SAVED] + [{"rush": way} for way in audit.RUSHES], ids=str
)
def test_every_way_writes_the_same_rows(stack: LocalStack, writer: Writer, command: dict[str, str]) -> None:
    child, _ = writer

    child.ask({**command, "times": 3})

    keys, rows = newest(stack, 3)
    wanted = turn(0)
    assert len(rows) == 3
    for key, row in zip(keys, rows, strict=True):
        same = turn(key.conversation_id - wanted.key.conversation_id)
        assert (row["id"], row["reply"]) == (same.id, same.reply)
        assert row["tool_calls"][0]["result"] == same.work.tool_calls[0].result
        assert [len(row[part]) for part in ("timings", "model_calls", "verdicts", "outgoing_messages")] == [
            len(same.timings), 2, 2, 1
        ]  # fmt: skip


def test_what_counts_as_saved_is_sealed_with_its_head_in_dynamodb(stack: LocalStack, writer: Writer) -> None:
    child, _ = writer
    environment = stack.environment()

    child.ask({"save": "saved", "times": 2})

    assert stack.aws is not None
    heads = dict(all_heads(stack.aws.client("dynamodb"), environment["IDEMPOTENCY_TABLE"]))
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        for key in newest(stack, 2)[0]:
            found = verify_conversation(connection, key, chain_keys(environment["AUDIT_KEY"]), heads[key])
            assert (found.problems, found.entries, found.unkeyed) == ([], 1, 0)


def test_a_saved_turn_takes_one_round_trip_to_the_database_and_two_to_dynamodb(writer: Writer) -> None:
    result = audit.round_trips(*writer, times=3)

    assert list(result["round_trips"].values()) == [1, 2]
    assert "at most 2: met" in audit.describe(result)


def test_figures_come_with_their_table_and_a_verdict(stack: LocalStack, writer: Writer) -> None:
    child, _ = writer
    database = audit.Database(stack.environment()["DATABASE_MIGRATE_URL"])
    try:
        cost, rush = audit.cpu(child, times=4, rounds=2), audit.inserts(child, database, times=8, rounds=2)
    finally:
        database.close()

    assert set(cost["milliseconds"]) == set(audit.SAVED)
    assert all(0 < ms["median"] <= ms["p95"] for ms in cost["milliseconds"].values())
    assert [row["way"] for row in rush["rows"]] == list(audit.RUSHES)
    assert rush["bytes_a_turn"] > 1000
    for result in (cost, rush):
        text = audit.describe(result)
        assert ("NOT MET" in text) is (result["ratio"] > result["target"])
        assert text.count("| ") >= 3
