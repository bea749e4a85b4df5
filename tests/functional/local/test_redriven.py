"""What the real handler does with messages that come back from the dead-letter queue: nothing twice, nothing never."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e_world import World
from metta.bootstrap.worker import Worker, build_worker
from metta.messages import ConversationKey, Phase
from metta.persistence.read import read_turns
from metta.queue.state import TurnStates
from metta_local.chatwoot import ChatwootEmulator
from metta_local.chatwoot.faults import Fault
from metta_local.lambda_context import LocalContext
from metta_local.redrive import Choice, DeadLetterQueue, Fate
from metta_local.sqs_event import lambda_event, queue_arn
from metta_local.stack import LocalStack

from .processes import ended, running, until

pytestmark = pytest.mark.e2e

QUICK = {"BURST_QUIET_SECONDS": "0", "SQS_WAIT_TIME_SECONDS": "1"}


@dataclass
class Shop:
    """The stack, the handler in this process, and SQS in the hands of the test."""

    stack: LocalStack
    chatwoot: ChatwootEmulator
    worker: Worker
    sqs: Any
    queue: str
    dead: str
    log: io.StringIO
    received: list[dict[str, Any]] = field(default_factory=list)

    def asks(self, text: str = "Where is my order S00042?") -> int:
        """A new conversation whose message, and nothing else that Chatwoot tells, is on the queue."""
        self.chatwoot.webhook_url = self.stack.receiver_url
        message = self.chatwoot.customer_writes(901, text, 12, new_conversation=True)
        assert self.chatwoot.drain()
        self.chatwoot.webhook_url = None
        return int(message["conversation_id"])

    def delivers(self) -> list[str]:
        """One invocation of the handler with what is on the queue; gives what failed. Nothing is deleted."""
        messages = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=5,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        assert messages, "nothing to deliver"
        self.received = messages
        event = lambda_event(messages, queue_arn(self.queue, "us-east-1"))
        return [failure["itemIdentifier"] for failure in self.worker.handle(event, LocalContext())["batchItemFailures"]]

    def deletes(self) -> None:
        """As the event source does with what succeeded."""
        for message in self.received:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def dead_letters(self) -> None:
        """What was delivered was received too often: SQS moves it."""
        for message in self.received:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        assert "Messages" not in self.sqs.receive_message(QueueUrl=self.queue), "SQS should have moved them"

    def lets_the_send_settle(self, conversation: int) -> None:
        """As if the time had passed in which Chatwoot may still be saving a message."""
        assert self.stack.aws is not None
        states = TurnStates(self.stack.aws.client("dynamodb"), self.stack.environment()["IDEMPOTENCY_TABLE"])
        with states.held(ConversationKey(account_id=3, conversation_id=conversation)) as state:
            state.tries -= 1
            assert state.hand is not None
            assert state.hand.phase is Phase.SENDING
            state.hand.posting_at = datetime.now(UTC) - timedelta(minutes=1)

    def redrives(self) -> int:
        return DeadLetterQueue(self.sqs, self.dead, self.queue).move(Choice()).count(Fate.MOVED)

    def replies(self, conversation: int) -> list[str]:
        return [m["content"] for m in self.chatwoot.messages(conversation) if m["message_type"] == 1]

    def audited(self, conversation: int) -> list[str]:
        url = self.stack.environment()["DATABASE_URL"]
        turns = read_turns(url, ConversationKey(account_id=3, conversation_id=conversation))
        return [turn["outcome"] for turn in turns]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack(QUICK) as started, started.applied():
        yield started


@pytest.fixture(scope="module")
def shop(stack: LocalStack) -> Iterator[Shop]:
    assert stack.aws is not None
    assert stack.chatwoot is not None
    sqs, environment = stack.aws.client("sqs"), stack.environment()
    queue, dead = environment["AWS_SQS_QUEUE_URL"], environment["AWS_SQS_DLQ_URL"]
    once = {"deadLetterTargetArn": stack.aws._arn(dead), "maxReceiveCount": 1}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(once)})
    log = io.StringIO()
    worker = build_worker(stack.settings(), log_stream=log, emit_metrics=False)
    worker.warm()
    yield Shop(stack, stack.chatwoot, worker, sqs, queue, dead, log)
    worker.close()


def test_a_message_that_was_answered_before_it_was_dead_lettered_stays_answered_once(shop: Shop) -> None:
    conversation = shop.asks()
    assert shop.delivers() == []
    assert len(shop.replies(conversation)) == 1
    shop.dead_letters()  # the handler was done, but the queue was never told

    assert shop.redrives() == 1
    assert shop.delivers() == []
    shop.deletes()

    assert len(shop.replies(conversation)) == 1
    assert shop.audited(conversation) == ["answered"]


def test_a_message_that_was_not_answered_is_answered_after_it_comes_back(shop: Shop) -> None:
    shop.chatwoot.faults.add(Fault("*", status=502, times=None))
    conversation = shop.asks()
    assert len(shop.delivers()) == 1
    shop.dead_letters()
    shop.chatwoot.faults.clear()

    assert shop.redrives() == 1
    assert shop.delivers() == [], shop.log.getvalue()[-3000:]
    shop.deletes()

    (reply,) = shop.replies(conversation)
    assert "PX0042LENA" in reply
    assert shop.audited(conversation) == ["answered"]


@pytest.mark.parametrize("arrived", [True, False], ids=["it had arrived", "it had not"])
def test_a_message_whose_reply_was_being_sent_is_looked_up_before_anything_is_sent(shop: Shop, arrived: bool) -> None:
    shop.chatwoot.faults.add(Fault("create_message", kind="reset", after_effect=arrived))
    conversation = shop.asks()
    assert len(shop.delivers()) == 1
    assert len(shop.replies(conversation)) == int(arrived)
    shop.dead_letters()
    shop.chatwoot.faults.clear()
    shop.lets_the_send_settle(conversation)

    assert shop.redrives() == 1
    assert shop.delivers() == [], shop.log.getvalue()[-3000:]
    shop.deletes()

    assert len(shop.replies(conversation)) == 1
    assert shop.audited(conversation) == ["answered"]


@pytest.mark.usefixtures("shop")
def test_metta_worker_looks_for_customers_who_were_left_alone(stack: LocalStack) -> None:
    assert stack.chatwoot is not None
    assert stack.model is not None
    assert stack.aws is not None
    world = World(stack, stack.chatwoot, stack.model, stack.aws)
    conversation = world.loses_a_message(minutes=20)

    with running("worker", "--watchdog-seconds", "0.5", **stack.environment()) as worker:
        until(lambda: bool(world.audited(conversation)))
        assert stack.chatwoot.conversation(conversation)["status"] == "open"
        later = world.loses_a_message(minutes=20)
        until(lambda: bool(world.audited(later)))
        code, _, err = ended(worker, signal.SIGTERM, within=20)

    assert code == 0, err
    assert "Traceback" not in err
