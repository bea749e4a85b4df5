"""``metta worker``, ``up``, ``tool`` and ``migrate`` as processes on a local stack."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from metta_local.chatwoot import ChatwootEmulator
from metta_local.inprocess import InProcessWorker
from metta_local.postgres import EmbeddedPostgres
from metta_local.stack import LocalStack

from .processes import ended, metta, running, until

pytestmark = pytest.mark.e2e

QUICK = {"BURST_QUIET_SECONDS": "0.2", "SQS_WAIT_TIME_SECONDS": "1", "SHUTDOWN_TIMEOUT_SECONDS": "10"}


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """Everything but a worker."""
    with LocalStack(QUICK) as started:
        yield started


@pytest.fixture
def chatwoot(stack: LocalStack) -> ChatwootEmulator:
    assert stack.chatwoot is not None
    return stack.chatwoot


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(chatwoot: ChatwootEmulator, text: str) -> int:
    """A new customer writes; gives the conversation."""
    contact = chatwoot.add_contact("Ada Quick")
    conversation: int = chatwoot.customer_writes(contact["id"], text)["conversation_id"]
    return conversation


def in_flight(stack: LocalStack) -> int:
    """Messages that are hidden because somebody works on them."""
    assert stack.aws is not None
    name = "ApproximateNumberOfMessagesNotVisible"
    queue_url = stack.environment()["AWS_SQS_QUEUE_URL"]
    found = stack.aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])
    return int(found["Attributes"][name])


def answers_ok(health: httpx.Client) -> bool:
    try:
        return bool(health.get("/").json()["status"] == "ok")
    except httpx.HTTPError:
        return False


def until_the_model_is_asked(stack: LocalStack) -> None:
    model = stack.model
    assert model is not None
    asked = len(model.requests)
    until(lambda: len(model.requests) > asked)


def test_the_worker_answers_is_healthy_and_finishes_the_reply_it_is_writing_when_told_to_stop(
    stack: LocalStack, chatwoot: ChatwootEmulator
) -> None:
    assert stack.model is not None
    port = free_port()
    with (
        running("worker", "--health-port", str(port), "--json", **stack.environment()) as worker,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as health,
    ):
        until(lambda: answers_ok(health))
        conversation = ask(chatwoot, "Do you sell mugs?")
        until(lambda: chatwoot.customer_sees(conversation) != [])
        assert "Mug" in chatwoot.customer_sees(conversation)[0]

        stack.model.latency = 1.5
        last = ask(chatwoot, "Do you sell lamps?")
        until_the_model_is_asked(stack)
        code, out, err = ended(worker, signal.SIGTERM, within=20)
        stack.model.latency = 0
        assert code == 0, err
        assert "Traceback" not in err
        assert len(chatwoot.customer_sees(last)) == 1
        assert in_flight(stack) == 0
        *_, stopped = (json.loads(line) for line in out.splitlines())
        assert stopped["stopped"]["finished"] is True
        assert stopped["stopped"]["messages"] >= 2
        with pytest.raises(httpx.ConnectError):
            health.get("/")


def test_a_worker_that_cannot_finish_in_time_gives_the_message_back_and_leaves(
    stack: LocalStack, chatwoot: ChatwootEmulator
) -> None:
    assert stack.model is not None
    environment = stack.environment() | {"SHUTDOWN_TIMEOUT_SECONDS": "1", "SQS_VISIBILITY_TIMEOUT": "600"}
    stack.model.latency = 30
    try:
        with running("worker", **environment) as worker:
            conversation = ask(chatwoot, "Do you sell blankets?")
            until_the_model_is_asked(stack)
            code, _, err = ended(worker, signal.SIGINT, within=15)
    finally:
        stack.model.latency = 0
    assert code == 0, err
    assert in_flight(stack) == 0, "it would have stayed hidden for ten minutes"
    assert chatwoot.customer_sees(conversation) == []


@pytest.fixture
def own_logging() -> Iterator[None]:
    """A handler built in this process sets up logging for all of it; what was before comes back."""
    logger = logging.getLogger("metta")
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.mark.usefixtures("own_logging")
def test_the_loop_learns_which_records_the_handler_gives_back(
    stack: LocalStack, chatwoot: ChatwootEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str] = []
    with stack.applied(), Path(os.devnull).open("w") as nowhere:
        worker = InProcessWorker(stack.settings(), log_stream=nowhere, emit_metrics=False)
        monkeypatch.setattr(worker.loop, "left_by_handler", left.append)
        with worker:
            conversation = ask(chatwoot, "Do you sell mugs?")
            until(lambda: chatwoot.customer_sees(conversation) != [])
    assert left, "the quiet window gave the message back, and a heartbeat would have hidden it again"


def test_up_prints_its_variables_answers_and_leaves_nothing_behind() -> None:
    with running("up", "--json", "--port", "0", **QUICK) as up:
        assert up.stdout is not None
        shown: dict[str, Any] = json.loads(up.stdout.readline())
        chatwoot = shown["environment"]["CHATWOOT_BASE_URL"]
        wrote = httpx.post(
            f"{chatwoot}/emulator/customer_writes", json={"contact_id": 901, "text": "Do you sell mugs?"}
        ).json()
        conversation = {"conversation_id": wrote["conversation_id"]}

        def seen() -> list[str]:
            texts: list[str] = httpx.post(f"{chatwoot}/emulator/customer_sees", json=conversation).json()
            return texts

        until(lambda: seen() != [])
        assert "Mug" in seen()[0]
        simulate = f"{shown['console']}/test/chatwoot/simulate"
        told = httpx.post(simulate, json={"content": "Do you sell mugs?"}, timeout=30).json()
        assert (told["outcome"], told["reply"]) == ("answered", seen()[0]), "what it says is what a customer was told"
        assert httpx.get(f"{shown['console']}/test/chatwoot/health").json()["status"] == "ok"
        up.send_signal(signal.SIGTERM)
        assert up.stderr is not None
        assert any("stopping" in line for line in up.stderr)
        code, out, err = ended(up, signal.SIGINT, within=15)
    assert code == 0, f"an impatient second signal broke the cleaning up: {err}"
    assert out == "", "logs belong on stderr"
    for name in ("CHATWOOT_BASE_URL", "AWS_ENDPOINT_URL", "ODOO_URL"):
        with pytest.raises(httpx.ConnectError):
            httpx.get(shown["environment"][name])
    with pytest.raises(httpx.ConnectError):
        httpx.get(shown["console"])


def test_tool_prints_the_result_and_nothing_else(stack: LocalStack) -> None:
    odoo = {name: value for name, value in stack.environment().items() if name.startswith("ODOO_")}
    call = ("tool", "getOrder", '{"orderNumber": "S00042"}', "--phone", "+49 151 12345678", "--level", "verified")
    done = metta(*call, **odoo)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["found"] is True
    assert "PX0042LENA" in done.stdout
    assert metta(*call, **odoo).stdout == done.stdout, "the same question, another answer"


@pytest.mark.parametrize(
    "identity",
    [
        ["--phone", "+393475550199", "--level", "verified"],
        ["--email", "marco@example.com", "--level", "claimed"],
        ["--email", "lena@example.org", "--level", "anonymous"],
        [],
    ],
    ids=["somebody else", "somebody else claimed", "anonymous", "nobody"],
)
def test_tool_shows_an_order_to_nobody_but_its_owner(stack: LocalStack, identity: list[str]) -> None:
    odoo = {name: value for name, value in stack.environment().items() if name.startswith("ODOO_")}
    done = metta("tool", "getOrder", '{"orderNumber": "S00042"}', *identity, **odoo)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["found"] is False
    assert "Lena" not in done.stdout


def test_migrate_brings_an_empty_database_up_to_date_and_says_so() -> None:
    with EmbeddedPostgres() as urls:
        given = {"DATABASE_MIGRATE_URL": urls.migrate_url, "DATABASE_URL": urls.database_url}
        before = metta("migrate", "--status", **given)
        assert before.returncode == 1
        assert "pending" in before.stdout
        demo = metta("demo", DATABASE_URL=urls.database_url)
        assert demo.returncode == 1
        assert "metta migrate" in demo.stderr, "it would have played to an audit log that is not there"
        migrated = metta("migrate", "--json", **given)
        assert migrated.returncode == 0, migrated.stderr
        assert json.loads(migrated.stdout)["applied"]
        again = metta("migrate", **given)
        assert again.returncode == 0
        assert "up to date" in again.stdout
        after = metta("migrate", "--status", "--json", **given)
        assert after.returncode == 0
        assert json.loads(after.stdout)["current"] is True
