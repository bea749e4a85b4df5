"""``metta audit stats`` counts what happened, by day and in total, in the database itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from functional.audit.conftest import KEY, Log
from functional.audit.generated import generate
from functional.persistence.conftest import Server
from functional.persistence.samples import full_turn, message, new_key
from metta.messages import AgentWork, Finding, ModelCall, Turn, Verdict
from metta.persistence.chain import chain_keys
from metta.persistence.erase import CONVERSATION, erase_conversation
from metta.persistence.heads import DynamoHeads
from metta.persistence.read import conversation_of

DAY = datetime(2026, 11, 22, tzinfo=UTC)
BOTH_DAYS = ("--from", "2026-11-21", "--to", "2026-11-23")


def turn(at: datetime, took: float, waited: float, outcome: str, reason: str = "", **fields: Any) -> Turn:
    key = fields.pop("key", None) or new_key()
    ended = at + timedelta(seconds=took)
    wrote = message(key, created_at=ended - timedelta(seconds=waited))
    return full_turn(key, started_at=at, finished_at=ended, messages=(wrote,), outcome=outcome, reason=reason, **fields)


def asked(cost: float) -> AgentWork:
    call = ModelCall(
        model="m", input_tokens=1000, cached_tokens=400, output_tokens=100, reasoning_tokens=20, cost_usd=cost,
        started_at=DAY, duration_ms=500,
    )  # fmt: skip
    return AgentWork(prompt_version="p", model_calls=[call])


def judged(*kinds: str) -> Verdict:
    findings = tuple(
        Finding(check=kind.partition("/")[0], kind=kind.partition("/")[2], start=number, end=number + 1, score=1)
        for number, kind in enumerate(kinds)
    )
    return Verdict(direction="input", action="redact", text="text", findings=findings)


def stats(log: Log, *arguments: str) -> dict[str, Any]:
    done = log.audit("stats", *(arguments or BOTH_DAYS), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def two_days(own_log: Log) -> Log:
    """Five turns of three conversations on one day, and two of one of them on the next."""
    first, second, third = new_key(), new_key(), new_key()
    nothing = {"input_verdict": None, "output_verdict": None, "work": AgentWork()}
    own_log.write(
        turn(DAY, 1, 4, "answered", key=first, **nothing | {"work": asked(0.001)}),
        turn(DAY, 2, 6, "answered", key=first, **nothing | {"work": asked(0.002)}),
        turn(DAY, 3, 8, "handed_off", "human_request", key=second, **nothing | {
            "input_verdict": judged("rules/human_request", "pii/EMAIL", "pii/EMAIL")}),
        turn(DAY, 9, 90, "dropped", "overtaken", key=third, **nothing | {"work": asked(0.004)}),
        turn(DAY, 4, 10, "answered", "input_blocked:injection/x", key=third,
             **nothing | {"input_verdict": judged("injection/x", "pii/EMAIL")}),
        turn(DAY + timedelta(days=1), 5, 12, "answered", key=first, **nothing | {"work": asked(0.003)}),
        turn(DAY + timedelta(days=1), 5, 12, "skipped", "human_took_over", key=first, **nothing),
        (message(first, 9_001, created_at=DAY), "human_assigned"),
        (message(first, 9_002, created_at=DAY - timedelta(days=1)), "blocked_contact"),
    )  # fmt: skip
    return own_log


def test_a_day_and_the_whole_are_counted(two_days: Log) -> None:
    found = stats(two_days)

    before, day, after = found["days"]
    assert (before["day"], before["turns"], before["skips"]) == (
        "2026-11-21", 0, [{"reason": "blocked_contact", "messages": 1}]
    )  # fmt: skip
    assert day == {
        "day": "2026-11-22", "turns": 5, "answered": 3, "handed_off": 1, "dropped": 1, "skipped": 0,
        "conversations": 3, "served": 3, "contained": 2, "containment": pytest.approx(2 / 3),
        "latency_p50_ms": 2500.0, "latency_p95_ms": pytest.approx(3850), "waited_p50_ms": 7000.0,
        "waited_p95_ms": pytest.approx(9700), "model_calls": 3, "tool_calls": 0, "input_tokens": 3000,
        "cached_tokens": 1200, "output_tokens": 300, "reasoning_tokens": 60, "cost_usd": pytest.approx(0.007),
        "cost_per_reply_usd": pytest.approx(0.007 / 3),
        "reasons": [
            {"outcome": "answered", "reason": "input_blocked:injection/x", "turns": 1},
            {"outcome": "dropped", "reason": "overtaken", "turns": 1},
            {"outcome": "handed_off", "reason": "human_request", "turns": 1},
        ],
        "findings": [
            {"direction": "input", "check": "pii", "kind": "EMAIL", "findings": 3, "turns": 2},
            {"direction": "input", "check": "injection", "kind": "x", "findings": 1, "turns": 1},
            {"direction": "input", "check": "rules", "kind": "human_request", "findings": 1, "turns": 1},
        ],
        "skips": [{"reason": "human_assigned", "messages": 1}],
    }  # fmt: skip
    assert (after["day"], after["turns"], after["conversations"], after["contained"]) == ("2026-11-23", 2, 1, 0)
    total = found["total"]
    assert (total["turns"], total["conversations"], total["served"], total["contained"]) == (7, 3, 3, 1)
    assert total["latency_p50_ms"] == 3000.0
    assert total["cost_per_reply_usd"] == pytest.approx(0.010 / 4)
    assert sum(one["messages"] for one in total["skips"]) == 2


def test_a_person_reads_one_table_and_the_reasons_in_words(two_days: Log) -> None:
    done = two_days.audit("stats", *BOTH_DAYS)

    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][:4] == ["day", "turns", "answered", "handed"]
    assert lines[2] == [
        "2026-11-22", "5", "3", "1", "1", "0", "3", "67%", "7.0", "9.7", "2.5", "3.8", "3,000", "300", "0.00700",
        "0.00233",
    ]  # fmt: skip
    assert lines[4][:3] == ["total", "7", "4"]
    assert "1  Handed to a person: the customer asked for a person (human_request)" in done.stdout
    assert "2  input pii/EMAIL: an e-mail address" in done.stdout
    assert "1  the contact is blocked in Chatwoot (blocked_contact)" in done.stdout
    assert not [line for line in done.stdout.splitlines() if "\x1b" in line]


def test_another_account_and_an_empty_period_count_nothing(two_days: Log) -> None:
    for arguments in ((*BOTH_DAYS, "--account", "4"), ("--from", "2020-01-01", "--to", "2020-01-31")):
        found = stats(two_days, *arguments)
        assert found["days"] == []
        assert (found["total"]["turns"], found["total"]["cost_usd"]) == (0, 0)
        assert found["total"]["containment"] is None
        assert found["total"]["latency_p50_ms"] is None
        assert two_days.audit("stats", *arguments).returncode == 0
    assert stats(two_days, *BOTH_DAYS, "--account", "3")["total"]["turns"] == 7


def test_erasing_a_person_changes_no_number(two_days: Log) -> None:
    before = stats(two_days)
    with psycopg.connect(two_days.urls.erase_url, autocommit=True) as connection:
        for key in set(map(conversation_of, turns_of(two_days))):
            erase_conversation(
                connection, key, heads=DynamoHeads(two_days.dynamodb, two_days.table),
                keys=chain_keys(KEY), by=CONVERSATION, asked_by="me",
            )  # fmt: skip

    assert stats(two_days) == before


def turns_of(log: Log) -> list[dict[str, Any]]:
    done = log.audit("export", *BOTH_DAYS)
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["record"] == "turn"]


def test_counts_of_very_many_turns_are_those_of_the_rows(own_log: Log, server: Server) -> None:
    generate(server, own_log.urls, turns=2_000, days=4)

    found = stats(own_log, "--from", "2026-01-01", "--to", "2026-01-04")

    assert [day["turns"] for day in found["days"]] == [500] * 4
    total = found["total"]
    assert (total["answered"], total["handed_off"], total["dropped"]) == (1_600, 200, 200)
    assert (total["conversations"], total["served"], total["contained"]) == (1_000, 1_000, 800)
    assert total["input_tokens"] == 1_800_000
    assert total["findings"] == [
        {"direction": "input", "check": "pii", "kind": "EMAIL", "findings": 10_000, "turns": 2_000}
    ]
