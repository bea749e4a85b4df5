"""Whether demo, page, ``metta audit show --json`` and PostgreSQL tell of a turn in the same words and numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

Json = dict[str, Any]
_FINDING = ("check", "kind", "start", "end", "score")
_CALL = ("name", "arguments", "result", "ok", "duration_ms")


def tells_as_the_audit(told: Json, turn: Json) -> None:
    """What the demo and the page tell of a turn is what the audit log shows.

    Args:
        told: a turn as the demo and the page have it; where the page says more of a part than the demo, the common part
            is compared.
        turn: the same of ``metta audit show --json``.
    """
    for name in ("id", "language", "model", "cost_usd", "latency_ms", "outcome", "reason"):
        assert told[name] == turn[name], name
    assert told["identity"] == turn["identity_level"]
    assert [one if isinstance(one, str) else one["text"] for one in told["messages"]] == [
        message["text"] for message in turn["incoming_messages"]
    ]
    assert told["tokens"] == turn["input_tokens"] + turn["output_tokens"]
    calls = told["model_calls"]
    assert (calls if isinstance(calls, int) else len(calls)) == len(turn["model_calls"])
    assert [_verdict(one) for one in told["verdicts"]] == [_verdict(one) for one in turn["verdicts"]]
    assert [_only(_CALL, one) for one in told["tool_calls"]] == [_only(_CALL, one) for one in turn["tool_calls"]]
    assert told["reply"] == (turn["reply"] if turn["outcome"] == "answered" else None)
    sent = {message["kind"]: message["text"] for message in turn["outgoing_messages"]}
    handed = told["handoff"]
    assert (handed and (handed["note"], handed["word"])) == (
        (sent["handoff_note"], sent["handoff_word"]) if turn["outcome"] == "handed_off" else None
    )


def is_in_the_database(turn: Json, url: str) -> None:
    """A turn of ``metta audit show --json`` is what PostgreSQL holds, read past Metta's own code."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        row = connection.execute("SELECT * FROM metta.turns WHERE id = %s", [turn["id"]]).fetchone()
        texts = connection.execute(
            "SELECT text FROM metta.incoming_messages WHERE turn_id = %s ORDER BY ordinal", [turn["id"]]
        ).fetchall()
        calls = connection.execute(
            "SELECT sum(input_tokens) AS tokens, sum(cost_usd) AS cost FROM metta.model_calls WHERE turn_id = %s",
            [turn["id"]],
        ).fetchone()
    assert row is not None
    assert calls is not None
    for name in ("reply", "reason", "outcome", "prompt_version", "guardrail_version", "input_tokens", "latency_ms"):
        assert turn[name] == row[name], name
    assert Decimal(str(turn["cost_usd"])) == row["cost_usd"]
    assert turn["cost_usd"] == pytest.approx(float(calls["cost"] or 0), abs=1e-12)
    assert turn["input_tokens"] == (calls["tokens"] or 0)
    assert turn["started_at"] == row["started_at"].isoformat()
    assert [message["text"] for message in turn["incoming_messages"]] == [one["text"] for one in texts]


def _verdict(of: Json) -> Json:
    return _only(("direction", "action", "reason"), of) | {"findings": [_only(_FINDING, one) for one in of["findings"]]}


def _only(names: tuple[str, ...], of: Json) -> Json:
    return {name: of[name] for name in names}
