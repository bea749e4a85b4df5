"""``metta chaos`` as people run it: it finds nothing in the product, and much in one that lacks a guarantee.

The second half is the proof of the first: a harness that finds nothing must be one that would have found something.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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


SABOTAGED = ("--faults", "0.02", "--kills", "0", "--workers", "2")
RUNS = {
    "whole": ("--messages", "50", "--faults", "0.1", "--kills", "3", "--workers", "3", "--seed", "3"),
    "idempotency": ("--messages", "30", *SABOTAGED, "--seed", "3", "--without", "idempotency"),
    "reread": ("--messages", "40", *SABOTAGED, "--seed", "3", "--without", "reread"),
    "backoff": ("--messages", "12", *SABOTAGED, "--seed", "48", "--without", "backoff"),
}
"""Each run waits more than it works, so two of them share the machine."""


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Future[tuple[int, Json, str]]]]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {name: pool.submit(chaos, *arguments) for name, arguments in RUNS.items()}


def test_faults_and_kills_break_no_promise(runs: dict[str, Future[tuple[int, Json, str]]]) -> None:
    code, report, said = runs["whole"].result()

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
    ("guarantee", "missed"),
    [
        ("idempotency", {"doubled", "paid_twice"}),
        ("reread", {"after_takeover", "stale"}),
        ("backoff", {"retries"}),
    ],
)
def test_a_guarantee_that_is_taken_away_is_missed(
    runs: dict[str, Future[tuple[int, Json, str]]], guarantee: str, missed: set[str]
) -> None:
    code, report, said = runs[guarantee].result()

    assert code == 1
    assert missed & {violation["promise"] for violation in report["violations_found"]}, "moments differ by machine"
    assert f"violations with seed {report['seed']}" in said
    told = [line for violation in report["violations_found"] for line in violation.get("timeline", ())]
    assert any("create_message" in line for line in told)
