"""``metta chaos`` as people run it: it finds nothing in the product, and much in one that lacks a guarantee.

The second half is the proof of the first: a harness that finds nothing must be one that would have found something.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

Json = dict[str, Any]


def chaos(*arguments: str) -> tuple[int, Json, str]:
    """Run it: exit code, report and what was said beside it."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "chaos", *arguments, "--json"],
        env=clean,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    report: Json = json.loads(done.stdout)
    return done.returncode, report, done.stderr


def test_faults_and_kills_break_no_promise() -> None:
    code, report, said = chaos("--messages", "50", "--faults", "0.1", "--kills", "3", "--workers", "3", "--seed", "3")

    assert report["violations_found"] == []
    assert report["violations"] == 0
    assert (code, said) == (0, "")
    assert report["messages"] == 50
    assert report["kills"] == 3
    assert min(report["faults_by_place"][place]["latency"] for place in ("chatwoot", "dynamodb", "sqs")) > 0
    assert report["replies"] > 15
    assert report["dead_letters"] == 0
    assert report["settled"] is True


@pytest.mark.parametrize(
    ("guarantee", "messages", "missed"),
    [
        ("idempotency", 30, {"doubled", "paid_twice"}),
        ("reread", 40, {"after_takeover", "stale"}),
        ("backoff", 12, {"retries"}),
    ],
)
def test_a_guarantee_that_is_taken_away_is_missed(guarantee: str, messages: int, missed: set[str]) -> None:
    code, report, said = chaos(
        *("--messages", str(messages), "--faults", "0.02", "--kills", "0", "--workers", "2", "--seed", "3"),
        *("--without", guarantee),
    )

    assert code == 1
    assert missed <= {violation["promise"] for violation in report["violations_found"]}
    assert "violations with seed 3" in said
    told = [line for violation in report["violations_found"] for line in violation.get("timeline", ())]
    assert any("create_message" in line for line in told)
