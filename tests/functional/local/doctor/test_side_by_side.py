"""Areas are looked at side by side: what hangs or breaks in one is told there and never stops the others."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from metta_local.doctor.check import Check, Status, ok
from metta_local.doctor.side_by_side import Tell, Work, run


def work(area: str, *told: Check, seconds: float = 20) -> Work:
    async def look(tell: Tell) -> None:
        for check in told:
            tell(check)

    return Work(area, look, seconds)


def names(checks: list[Check]) -> list[str]:
    return [check.name for check in checks]


def test_findings_come_in_the_order_of_the_areas_whichever_ended_first() -> None:
    first_may_end = threading.Event()

    async def last(tell: Tell) -> None:
        await asyncio.to_thread(first_may_end.wait, 20)
        tell(ok("queue.slow", ""))

    async def early(tell: Tell) -> None:
        tell(ok("state.quick", ""))
        first_may_end.set()

    assert names(run([Work("queue", last, 20), Work("state", early, 20)])) == ["queue.slow", "state.quick"]


@pytest.mark.parametrize("how", ["awaiting", "blocking", "in a thread"])
def test_one_that_hangs_is_given_up_and_keeps_what_it_found(how: str) -> None:
    released = threading.Event()

    async def hang(tell: Tell) -> None:
        tell(ok("queue.connection", "there"))
        if how == "awaiting":
            await asyncio.sleep(60)
        elif how == "blocking":
            released.wait(60)
        else:
            await asyncio.to_thread(released.wait, 60)
        tell(ok("queue.late", "too late"))

    found = run([Work("queue", hang, 0.3), work("state", ok("state.connection", ""))])
    released.set()

    assert names(found) == ["queue.connection", "queue.time", "state.connection"]
    assert found[1].status is Status.FAIL
    assert "0.3 s" in found[1].found
    assert found[1].fix


def test_one_that_breaks_is_told_by_its_kind_and_not_by_its_words() -> None:
    async def broken(tell: Tell) -> None:
        tell(ok("queue.connection", "there"))
        raise ValueError("the password is 4711")

    found = run([Work("queue", broken, 20), work("state", ok("state.connection", ""))])

    assert names(found) == ["queue.connection", "queue.doctor", "state.connection"]
    assert "ValueError" in found[1].found
    assert "4711" not in found[1].found


def test_each_area_is_named_once_when_it_has_ended() -> None:
    ended: list[str] = []

    run([work("queue"), work("state")], ended.append)

    assert sorted(ended) == ["queue", "state"]


@pytest.fixture
def silent() -> Iterator[list[int]]:
    """Ports at which somebody takes connections and never says a word."""
    with ExitStack() as open_ones:
        servers = [open_ones.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        yield [server.getsockname()[1] for server in servers]


def test_when_everything_hangs_the_command_ends_and_says_so_of_each(silent: list[int]) -> None:
    aws, chatwoot, odoo, model, database = (f"127.0.0.1:{port}" for port in silent)
    variables = {
        "AWS_ENDPOINT_URL": f"http://{aws}",
        "AWS_SQS_QUEUE_URL": f"http://{aws}/000000000000/metta.fifo",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "IDEMPOTENCY_TABLE": "metta",
        "CHATWOOT_BASE_URL": f"http://{chatwoot}",
        "CHATWOOT_API_KEY": "k",
        "CHATWOOT_ACCOUNT_ID": "3",
        "ODOO_URL": f"http://{odoo}",
        "ODOO_DB": "acme",
        "ODOO_USERNAME": "bot",
        "ODOO_API_KEY": "k",
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"http://{model}/v1",
        "DATABASE_URL": f"postgresql://w:p@{database}/metta",
    }

    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "doctor"],
        env={"PATH": "/usr/bin:/bin", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == ""
    areas = {block.split("\n", 1)[0]: block for block in done.stdout.split("\n\n")}
    for area in ("queue", "state", "chatwoot", "odoo", "model", "database"):
        assert "\n  fail  " in areas[area], areas[area]
    assert "  ok    " in areas["settings"]


def test_a_call_that_fails_after_the_report_says_nothing_any_more() -> None:
    late = (
        "import logging; from metta_local.doctor.command import run; "
        "run(only='settings'); logging.getLogger('metta').error('late')"
    )
    done = subprocess.run(
        [sys.executable, "-c", late],
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
