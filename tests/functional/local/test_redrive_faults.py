"""A redrive that is killed, interrupted or refused doubles nothing, loses nothing and keeps every order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from metta_local import redrive as redrive_module
from metta_local import redrive_command
from metta_local.redrive import Choice, DeadLetterQueue, Fate

from .redriving import Pair, Redrive, Watched, body

pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _no_long_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local queue leaves nothing out of a short one."""
    monkeypatch.setattr(redrive_module, "WAIT_SECONDS", 0)


def test_a_redrive_killed_between_sending_and_deleting_doubles_nothing(pair: Pair) -> None:
    pair.dead_letter("once")
    dying = Watched(pair.sqs)
    handles: list[str] = []

    def killed(*, ReceiptHandle: str, **_: Any) -> None:
        handles.append(ReceiptHandle)
        raise KeyboardInterrupt

    dying.instead = {"delete_message": killed, "change_message_visibility_batch": killed_too}
    with pytest.raises(KeyboardInterrupt):
        DeadLetterQueue(dying, pair.dead, pair.queue).move(Choice())
    (handle,) = handles
    pair.sqs.change_message_visibility(QueueUrl=pair.dead, ReceiptHandle=handle, VisibilityTimeout=0)

    report = DeadLetterQueue(pair.sqs, pair.dead, pair.queue).move(Choice())

    assert report.count(Fate.MOVED) == 1
    assert pair.arrived() == ["once"]
    assert pair.left() == []


def killed_too(**_: Any) -> dict[str, Any]:
    raise KeyboardInterrupt


def test_an_interrupted_redrive_gives_back_what_it_holds(pair: Pair) -> None:
    pair.dead_letter("first", 12)
    pair.dead_letter("second", 84)
    watched = Watched(pair.sqs)
    watched.instead["send_message"] = killed_too

    with pytest.raises(KeyboardInterrupt):
        DeadLetterQueue(watched, pair.dead, pair.queue).move(Choice())

    assert pair.left() == ["first", "second"]


def test_a_message_can_be_dead_lettered_and_redriven_again_and_again(pair: Pair) -> None:
    """Within SQS's five minutes, in which an id that was used before makes a message vanish."""
    policy = {"deadLetterTargetArn": pair.aws._arn(pair.dead), "maxReceiveCount": 1}
    pair.sqs.set_queue_attributes(QueueUrl=pair.queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    pair.sqs.send_message(
        QueueUrl=pair.queue, MessageBody=body(84, "again"), MessageGroupId="3:84", MessageDeduplicationId="3:m:1"
    )

    for _ in range(3):
        (message,) = pair.sqs.receive_message(QueueUrl=pair.queue)["Messages"]
        pair.sqs.change_message_visibility(
            QueueUrl=pair.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
        assert "Messages" not in pair.sqs.receive_message(QueueUrl=pair.queue), "it should be dead-lettered by now"
        report = DeadLetterQueue(pair.sqs, pair.dead, pair.queue).move(Choice())
        assert report.count(Fate.MOVED) == 1

    assert pair.arrived() == ["again"]


def test_a_message_the_queue_refuses_keeps_its_conversation_back_and_no_other(
    pair: Pair, redrive: Redrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, conversation in (("refused", 84), ("behind it", 84), ("fine", 12)):
        pair.dead_letter(text, conversation)
    watched = Watched(pair.sqs)

    def send(**message: Any) -> Any:
        if '"refused"' in message["MessageBody"]:
            raise ClientError({"Error": {"Code": "InvalidMessageContents", "Message": "no"}}, "SendMessage")
        return pair.sqs.send_message(**message)

    watched.instead["send_message"] = send
    monkeypatch.setattr(redrive_command, "sqs_client", lambda settings: watched)

    done = redrive("--json")

    assert done.returncode == 1
    assert "3:84" in done.stderr
    shown = json.loads(done.stdout)
    assert (shown["moved"], shown["failed"]) == (1, 2)
    assert pair.arrived() == ["fine"]
    assert pair.left() == ["refused", "behind it"]


def test_a_connection_that_breaks_leaves_the_rest_where_it_was(
    pair: Pair, redrive: Redrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text, conversation in (("moved", 84), ("not sent", 12), ("not tried", 7)):
        pair.dead_letter(text, conversation)
    watched = Watched(pair.sqs)

    def send(**message: Any) -> Any:
        if '"not sent"' in message["MessageBody"]:
            raise EndpointConnectionError(endpoint_url="nowhere")
        return pair.sqs.send_message(**message)

    watched.instead["send_message"] = send
    monkeypatch.setattr(redrive_command, "sqs_client", lambda settings: watched)

    done = redrive("--json")

    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert json.loads(done.stdout)["moved"] == 1
    assert pair.arrived() == ["moved"]
    assert pair.left() == ["not sent", "not tried"]
