"""The deployed function behind the harness's proxies: what it calls is seen, and it can be killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from metta_local.chaos.deployed_crew import WORKER, DeployedCrew
from metta_local.chaos.injector import Injector
from metta_local.chaos.journal import Journal, Place
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.steps import step
from metta_local.receiver import PATH, WebhookReceiver
from metta_local.serving import LoopbackServer
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    assert true()


class World:
    """A stack, the function deployed onto it and the way of Chatwoot's webhooks to its queue."""

    def __init__(self, directory: Path, closing: ExitStack) -> None:
        stack = closing.enter_context(LocalStack({}))
        assert stack.chatwoot is not None
        assert stack.aws is not None
        self.chatwoot, self.journal = stack.chatwoot, Journal()
        proxies = closing.enter_context(Proxies(stack.environment(), self.journal, Injector(1, 0.0)))
        self.crew = closing.enter_context(DeployedCrew(stack, proxies, {"BURST_QUIET_SECONDS": "1"}, directory))
        self.crew.start()
        queue, secrets = self.crew.outputs["AWS_SQS_QUEUE_URL"], [self.chatwoot.webhook_secret]
        receiver = WebhookReceiver(stack.aws.client("sqs"), queue, secrets)
        self.chatwoot.webhook_url = closing.enter_context(LoopbackServer(receiver.app)).url + PATH

    def asks(self) -> int:
        said = self.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
        return int(said["conversation_id"])

    def replies(self, conversation: int) -> int:
        messages = self.chatwoot.messages(conversation)
        return sum(message["message_type"] == 1 and not message["private"] for message in messages)


@pytest.fixture
def world(built: Path, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as closing:
        yield World(tmp_path, closing)


def test_the_function_is_seen_at_work_killed_and_stopped(world: World) -> None:
    first = world.asks()
    until(lambda: any(call.operation == "release" for call in world.journal.calls))
    assert world.replies(first) == 1
    assert {call.worker for call in world.journal.calls} == {WORKER}
    assert {call.place for call in world.journal.calls} >= set(Place) - {Place.SQS}
    until(lambda: all(call.answered_at for call in world.journal.calls))

    assert world.crew.alive == [WORKER]
    assert world.crew.kill()
    until(lambda: not world.crew.alive)
    assert not world.crew.kill()
    assert [kill.step for kill in world.crew.kills] == ["random"]

    world.crew.kill_at(step("after POST reply"))
    second = world.asks()
    until(lambda: len(world.crew.kills) == 2)
    assert world.crew.kills[1].step == "after POST reply"
    assert world.replies(second) == 1
    (cut,) = [call for call in world.journal.calls if call.detail.get("killed")]
    assert (cut.conversation, cut.answered_at) == (second, None)

    assert world.crew.stop() == {WORKER: 0}
    assert "END RequestId" in world.crew.log_of().read_text()
