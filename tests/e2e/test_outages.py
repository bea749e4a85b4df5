"""Each dependency goes down and comes back: every customer gets one answer, and the audit is whole."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from metta.bootstrap.common import aws_client
from metta.bootstrap.worker import build_worker
from metta.messages import ConversationKey
from metta.persistence.read import read_turns
from metta.settings import load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.chatwoot.faults import Fault as ChatwootFault
from metta_local.model import ModelEmulator
from metta_local.model.scripting import Fail
from metta_local.odoo import Fault, FaultKind, OdooEmulator
from metta_local.sqs import sqs_client
from metta_local.stack import LocalStack
from metta_local.worker import QueueWorker
from tests_support.proxy import Proxy

pytestmark = pytest.mark.e2e

LENA = 901
WHATSAPP = 12


def by_way_of(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}" if user else f"127.0.0.1:{proxy.port}"))


@dataclass
class Running:
    chatwoot: ChatwootEmulator
    odoo: OdooEmulator
    model: ModelEmulator
    database: Proxy
    dynamodb: Proxy
    database_url: str
    log: io.StringIO

    def asks(self, text: str) -> int:
        """A question in a conversation of its own."""
        message = self.chatwoot.customer_writes(LENA, text, WHATSAPP, new_conversation=True)
        return int(message["conversation_id"])

    def replies(self, conversation: int) -> list[str]:
        return [m["content"] for m in self.chatwoot.messages(conversation) if m["message_type"] == 1]

    def audit(self, conversation: int) -> list[Any]:
        return read_turns(self.database_url, ConversationKey(account_id=3, conversation_id=conversation))

    def until(self, reached: Callable[[], Any], seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, self.log.getvalue()[-3000:]
            time.sleep(0.05)

    def logged(self, words: str) -> int:
        return self.log.getvalue().count(words)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with LocalStack({}) as stack, stack.applied():
        environment = stack.environment()
        aws, database = urlsplit(environment["AWS_ENDPOINT_URL"]), urlsplit(environment["DATABASE_URL"])
        with (
            Proxy(("127.0.0.1", aws.port or 0)) as to_dynamodb,
            Proxy(("127.0.0.1", database.port or 0)) as to_database,
        ):
            settings = load(
                environment
                | {
                    "DATABASE_URL": by_way_of(environment["DATABASE_URL"], to_database),
                    "BURST_QUIET_SECONDS": "0",
                    "SQS_WAIT_TIME_SECONDS": "1",
                    "METTA_MAX_ATTEMPTS": "20",
                }
            )
            urls = {"dynamodb": by_way_of(environment["AWS_ENDPOINT_URL"], to_dynamodb)}
            make = lambda service: aws_client(  # noqa: E731
                service, endpoint_url=urls.get(service, environment["AWS_ENDPOINT_URL"])
            )
            log = io.StringIO()
            worker = build_worker(settings, client=make, log_stream=log, emit_metrics=False)
            worker.warm()
            loop = QueueWorker(sqs_client(settings), str(settings.aws_sqs_queue_url), worker.handle, settings)
            loop.start()
            assert stack.chatwoot is not None
            assert stack.odoo is not None
            assert stack.model is not None
            yield Running(
                stack.chatwoot, stack.odoo, stack.model, to_database, to_dynamodb, environment["DATABASE_URL"], log
            )
            loop.finish(20)
            worker.close()


def test_a_model_that_is_down_delays_the_answer(running: Running) -> None:
    running.model.fault(Fail(500), times=None)
    conversation = running.asks("Where is my order S00042?")
    running.until(lambda: running.logged("ModelDown") >= 1)
    assert running.replies(conversation) == []
    running.model.reset()
    running.until(lambda: running.audit(conversation))
    assert len(running.replies(conversation)) == 1
    assert "PX0042LENA" in running.replies(conversation)[0]
    (turn,) = running.audit(conversation)
    assert any(call["error"] for call in turn["model_calls"]), "failed calls are in the audit"


def test_an_odoo_that_is_down_delays_the_answer_and_invents_none(running: Running) -> None:
    running.odoo.faults.add(Fault(FaultKind.MAINTENANCE))
    conversation = running.asks("Where is my order S00042?")
    running.until(lambda: running.logged("OdooDown") >= 1)
    assert running.replies(conversation) == []
    running.odoo.faults.clear()
    running.until(lambda: running.audit(conversation))
    assert len(running.replies(conversation)) == 1
    assert "PX0042LENA" in running.replies(conversation)[0]


@pytest.mark.parametrize(
    "fault",
    [
        ChatwootFault("*", status=502, times=None),
        ChatwootFault("*", status=429, body="Retry later", times=None),
        ChatwootFault("*", kind="reset", times=None),
    ],
    ids=["502", "429", "reset"],
)
def test_a_chatwoot_that_is_down_delays_the_answer(running: Running, fault: ChatwootFault) -> None:
    before = running.logged("ChatwootDown")
    running.chatwoot.faults.add(fault)
    conversation = running.asks("Where is my order S00042?")
    running.until(lambda: running.logged("ChatwootDown") > before)
    running.chatwoot.faults.clear()
    running.until(lambda: running.audit(conversation))
    assert len(running.replies(conversation)) == 1


def test_replies_whose_sending_broke_off_are_there_once(running: Running) -> None:
    for fault in (
        ChatwootFault("create_message", status=500, after_effect=True),
        ChatwootFault("create_message", kind="reset", after_effect=True),
        ChatwootFault("create_message", kind="reset"),
    ):
        running.chatwoot.faults.add(fault)
    conversations = [running.asks("Where is my order S00042?") for _ in range(3)]
    for conversation in conversations:
        running.until(lambda conversation=conversation: running.audit(conversation))
        assert len(running.replies(conversation)) == 1
        assert [turn["outcome"] for turn in running.audit(conversation)] == ["answered"]


def test_a_dynamodb_that_is_down_means_nothing_is_done_until_it_is_back(running: Running) -> None:
    running.dynamodb.down()
    conversation = running.asks("Where is my order S00042?")
    running.until(lambda: running.logged("StateDown") >= 1)
    assert running.replies(conversation) == []
    running.dynamodb.up()
    running.until(lambda: running.audit(conversation))
    assert len(running.replies(conversation)) == 1


def test_a_database_that_is_down_delays_the_audit_only(running: Running) -> None:
    running.database.down()
    first = running.asks("Where is my order S00042?")
    running.until(lambda: running.replies(first))
    second = running.asks("Do you have a desk lamp?")
    running.until(lambda: running.replies(second) and running.logged("AuditDown") >= 2)
    assert running.audit(first) == running.audit(second) == []
    running.database.up()
    running.until(lambda: running.audit(first) and running.audit(second))
    for conversation in (first, second):
        assert len(running.replies(conversation)) == 1
        assert [turn["outcome"] for turn in running.audit(conversation)] == ["answered"]
