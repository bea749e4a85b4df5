"""Real workers on a real queue: killed at a step of a turn they come back, and the customer notices nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from metta_local.chaos.crew import COMMAND, Crew
from metta_local.chaos.injector import Injector
from metta_local.chaos.journal import Call, Journal, Place
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.steps import step
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

QUICK = {"BURST_QUIET_SECONDS": "0.2", "SQS_VISIBILITY_TIMEOUT": "5", "LOG_LEVEL": "INFO"}


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack({}) as started:
        assert started.chatwoot is not None
        started.chatwoot.webhook_url = started.receiver_url
        yield started


class World:
    """The workers, the emulated Chatwoot and what was seen of both."""

    def __init__(self, stack: LocalStack, crew: Crew, journal: Journal) -> None:
        assert stack.chatwoot is not None
        assert stack.aws is not None
        self.stack, self.crew, self.journal = stack, crew, journal
        self.chatwoot, self.aws = stack.chatwoot, stack.aws

    def asks(self) -> int:
        """A customer asks in a new conversation."""
        said = self.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
        return int(said["conversation_id"])

    def replies(self, conversation: int) -> int:
        messages = self.chatwoot.messages(conversation)
        return sum(message["message_type"] == 1 and not message["private"] for message in messages)

    def left(self) -> int:
        """Messages on the queue, those in flight included."""
        url = self.stack.environment()["AWS_SQS_QUEUE_URL"]
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    def calls(self, operation: str, worker: str) -> list[Call]:
        return [call for call in self.journal.calls if call.operation == operation and call.worker == worker]


@pytest.fixture(scope="module")
def world(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    journal = Journal()
    with (
        Proxies(stack.environment(), journal, Injector(1, 0.0)) as proxies,
        Crew(stack, proxies, QUICK, tmp_path_factory.mktemp("logs")) as crew,
    ):
        crew.start(2)
        yield World(stack, crew, journal)


def test_a_worker_killed_before_it_could_delete_comes_back_and_nobody_is_answered_twice(world: World) -> None:
    world.crew.kill_at(step("after guard_update"))

    conversation = world.asks()
    until(lambda: world.crew.kills)
    (kill,) = world.crew.kills
    until(lambda: world.left() == 0 and len(world.crew.alive) == 2)

    assert kill.step == "after guard_update"
    assert world.replies(conversation) == 1
    (cut,) = [call for call in world.journal.calls if call.detail.get("killed")]
    assert (cut.worker, cut.place, cut.answered_at) == (kill.worker, Place.DYNAMODB, None)
    assert cut.effect_at is not None
    until(lambda: any(call.arrived_at > kill.at for call in world.calls("receive", kill.worker)))
    receives = {r.receive_count for c in world.journal.calls for r in c.detail.get("records", ()) if r.chatwoot_id}
    assert max(receives) >= 2, "the record came back"
    assert "KILLED (after guard_update)" in "\n".join(world.journal.timeline(conversation))
    assert world.crew.crashes == []


def test_a_worker_that_ends_by_itself_is_noticed_and_started_again(world: World) -> None:
    before = world.crew.pid("worker-2")

    os.kill(before, signal.SIGKILL)

    until(lambda: world.crew.crashes)
    (crash,) = world.crew.crashes
    assert (crash.worker, crash.code) == ("worker-2", -signal.SIGKILL)
    until(lambda: world.crew.pid("worker-2") != before)
    until(lambda: any(call.arrived_at > crash.at for call in world.calls("receive", "worker-2")))


def test_in_the_end_they_stop_gracefully(world: World) -> None:
    assert world.crew.stop() == {"worker-1": 0, "worker-2": 0}
    assert world.crew.alive == []
    assert world.crew.kill("worker-1") is False


def test_nobody_keeps_polling_when_the_harness_is_gone(stack: LocalStack) -> None:
    journal = Journal()
    with Proxies(stack.environment(), journal, Injector(1, 0.0)) as proxies:
        own = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {**own, **stack.environment(), **QUICK, **proxies.variables("worker-1")}
        with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment) as worker:
            try:
                until(lambda: journal.calls)
                assert worker.poll() is None
                assert worker.stdin is not None

                worker.stdin.close()

                assert worker.wait(timeout=5) == 1
            finally:
                worker.kill()


def test_a_worker_that_does_not_start_is_told_with_its_log(stack: LocalStack, tmp_path: Path) -> None:
    broken = {**QUICK, "BURST_QUIET_SECONDS": "soon"}
    with (
        Proxies(stack.environment(), Journal(), Injector(1, 0.0)) as proxies,
        Crew(stack, proxies, broken, tmp_path) as crew,
        pytest.raises(RuntimeError, match="BURST_QUIET_SECONDS"),
    ):
        crew.start(1)
