"""The worker loop against a real FIFO queue: what it deletes, leaves, keeps to itself and gives back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from metta.settings import Settings, load
from metta_local.aws import MiniStack
from metta_local.visibility import watch
from metta_local.worker import LocalContext, QueueMissingError, QueueWorker

Answer = dict[str, Any] | None
START = Callable[..., QueueWorker]


def settings(**changes: str) -> Settings:
    return load(
        {
            "SQS_WAIT_TIME_SECONDS": "0",
            "SQS_VISIBILITY_TIMEOUT": "30",
            "SHUTDOWN_TIMEOUT_SECONDS": "5",
            **changes,
        }
    )


def new_client(aws: MiniStack) -> Any:
    """A client that shares nothing with another, as handler and loop have them."""
    return boto3.session.Session().client("sqs", endpoint_url=aws.url)


def put(sqs: Any, url: str, body: str, group: str = "3:84") -> None:
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageGroupId=group,
        MessageDeduplicationId=f"{group}:{body}",
        MessageAttributes={
            "X-Chatwoot-Delivery": {"DataType": "String", "StringValue": "6f1c"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )


def counts(sqs: Any, url: str) -> tuple[int, int]:
    """Messages (waiting, in flight)."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(got[names[0]]), int(got[names[1]])


def bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]


def failing(event: dict[str, Any], *names: str) -> dict[str, Any]:
    records = [record for record in event["Records"] if record["body"] in names]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}


class Handler:
    """A Lambda handler that notes its events and answers as told."""

    def __init__(self, answer: Callable[[dict[str, Any], LocalContext], Answer] = lambda *_: None) -> None:
        self.answer = answer
        self.events: list[dict[str, Any]] = []
        self.called = threading.Event()

    def __call__(self, event: dict[str, Any], context: LocalContext) -> Answer:
        self.events.append(event)
        self.called.set()
        return self.answer(event, context)


@pytest.fixture
def start(aws: MiniStack, queue_url: str) -> Iterator[START]:
    running: list[QueueWorker] = []

    def begin(handle: Any, **changes: str) -> QueueWorker:
        worker = QueueWorker(aws.client("sqs"), queue_url, handle, settings(**changes))
        running.append(worker)
        worker.start()
        return worker

    yield begin
    for worker in running:
        worker.finish(seconds=3)


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def test_the_handler_sees_the_event_that_lambda_would_give_it(sqs: Any, queue_url: str, start: START) -> None:
    put(sqs, queue_url, "hello")
    handler = Handler()
    start(handler)
    assert handler.called.wait(5)

    record = handler.events[0]["Records"][0]
    assert record["body"] == "hello"
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record["eventSource"] == "aws:sqs"
    assert record["awsRegion"] == "us-east-1"
    assert record["eventSourceARN"] == f"arn:aws:sqs:us-east-1:000000000000:{queue_url.rsplit('/', 1)[1]}"
    assert record["attributes"]["MessageGroupId"] == "3:84"
    assert record["attributes"]["MessageDeduplicationId"] == "3:84:hello"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["SentTimestamp"].isdigit()
    assert record["messageAttributes"]["X-Chatwoot-Delivery"] == {
        "stringValue": "6f1c",
        "dataType": "String",
        "stringListValues": [],
        "binaryListValues": [],
    }
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AP8="


def test_what_succeeded_leaves_the_queue(sqs: Any, queue_url: str, start: START) -> None:
    for number in range(12):
        put(sqs, queue_url, f"m{number}", group=f"3:{number}")
    handler = Handler()
    start(handler)
    until(lambda: counts(sqs, queue_url) == (0, 0))
    assert sorted(body for event in handler.events for body in bodies(event)) == sorted(f"m{n}" for n in range(12))
    assert max(len(event["Records"]) for event in handler.events) <= 10


def test_only_what_failed_stays_on_the_queue(sqs: Any, queue_url: str, start: START) -> None:
    for body in ("good", "bad", "fine"):
        put(sqs, queue_url, body, group=f"3:{body}")
    worker = start(Handler(lambda event, _: failing(event, "bad")))
    until(lambda: worker.health.messages == 3)
    until(lambda: counts(sqs, queue_url) == (0, 1))
    assert worker.health.failed_messages == 1


def test_a_handler_that_raises_loses_nothing_and_the_loop_goes_on(sqs: Any, queue_url: str, start: START) -> None:
    def answer(event: dict[str, Any], _: LocalContext) -> Answer:
        if "first" in bodies(event):
            raise RuntimeError("broken")
        return None

    put(sqs, queue_url, "first", group="3:1")
    handler = Handler(answer)
    worker = start(handler)
    until(lambda: worker.health.failed_messages == 1)
    put(sqs, queue_url, "second", group="3:2")
    until(lambda: worker.health.messages == 2)
    until(lambda: counts(sqs, queue_url) == (0, 1))


def test_an_answer_that_names_a_stranger_fails_the_whole_batch(sqs: Any, queue_url: str, start: START) -> None:
    put(sqs, queue_url, "one")
    worker = start(Handler(lambda *_: {"batchItemFailures": [{"itemIdentifier": "not-of-this-batch"}]}))
    until(lambda: worker.health.batches == 1)
    assert counts(sqs, queue_url) == (0, 1)


def test_a_batch_stays_invisible_as_long_as_it_is_worked_on(sqs: Any, queue_url: str, start: START) -> None:
    release = threading.Event()
    put(sqs, queue_url, "slow")
    handler = Handler(lambda *_: {} if release.wait(10) else None)
    start(handler, SQS_VISIBILITY_TIMEOUT="1")
    assert handler.called.wait(5)
    time.sleep(1.8)
    assert counts(sqs, queue_url) == (0, 1), "another worker could have taken it"
    release.set()
    until(lambda: counts(sqs, queue_url) == (0, 0))


def test_a_record_the_handler_gave_back_comes_back_when_the_handler_said(
    aws: MiniStack, sqs: Any, queue_url: str, start: START
) -> None:
    release = threading.Event()
    handlers_sqs = new_client(aws)

    def answer(event: dict[str, Any], _: LocalContext) -> Answer:
        retried = next((record for record in event["Records"] if record["body"] == "retry"), None)
        if retried is None:
            return None
        handlers_sqs.change_message_visibility_batch(
            QueueUrl=queue_url,
            Entries=[{"Id": "0", "ReceiptHandle": retried["receiptHandle"], "VisibilityTimeout": 1}],
        )
        release.wait(10)
        return failing(event, "retry")

    put(sqs, queue_url, "retry", group="3:1")
    put(sqs, queue_url, "other", group="3:2")
    handler = Handler(answer)
    worker = QueueWorker(new_client(aws), queue_url, handler, settings(SQS_VISIBILITY_TIMEOUT="2"))
    watch(handlers_sqs, worker.left_by_handler)
    worker.start()
    try:
        assert handler.called.wait(5)
        until(lambda: len(handler.events[0]["Records"]) == 2, 0.1)
        until(lambda: counts(sqs, queue_url)[0] == 1, 3)
        time.sleep(0.8)
        assert counts(sqs, queue_url) == (1, 1), "the heartbeat hid it again, or let the other one go"
    finally:
        release.set()
        worker.finish(seconds=3)


def test_stopping_finishes_the_batch_in_hand_and_takes_no_other(sqs: Any, queue_url: str, start: START) -> None:
    release = threading.Event()
    remaining: list[int] = []

    def answer(_: dict[str, Any], context: LocalContext) -> Answer:
        release.wait(10)
        remaining.append(context.get_remaining_time_in_millis())
        return None

    put(sqs, queue_url, "in hand")
    handler = Handler(answer)
    worker = start(handler)
    assert handler.called.wait(5)
    put(sqs, queue_url, "later", group="3:99")
    worker.stop()
    release.set()
    assert worker.finish()
    assert len(handler.events) == 1
    assert counts(sqs, queue_url) == (1, 0)
    assert remaining[0] <= 5000, "the handler was not told that time is short"


def test_a_batch_that_takes_too_long_to_finish_is_given_back_at_once(sqs: Any, queue_url: str, start: START) -> None:
    release = threading.Event()
    put(sqs, queue_url, "endless")
    handler = Handler(lambda *_: {} if release.wait(20) else None)
    worker = start(handler, SHUTDOWN_TIMEOUT_SECONDS="1")
    assert handler.called.wait(5)
    began = time.monotonic()
    assert not worker.finish()
    assert time.monotonic() - began < 3
    assert counts(sqs, queue_url) == (1, 0)
    release.set()


def test_messages_that_arrive_with_the_stop_go_back_untouched(sqs: Any, queue_url: str, start: START) -> None:
    handler = Handler()
    worker = start(handler, SQS_WAIT_TIME_SECONDS="5")
    time.sleep(0.3)
    worker.stop()
    put(sqs, queue_url, "just too late")
    assert worker.finish()
    assert handler.events == []
    assert counts(sqs, queue_url) == (1, 0)


class Moody:
    """A real SQS client whose calls can be made to fail."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self.meta = sqs.meta
        self.refuse: dict[str, int] = {}
        self.error: Exception = ClientError({"Error": {"Code": "RequestThrottled", "Message": "slow down"}}, "call")
        self.refused: list[str] = []
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append(name)
            if self.refuse.get(name, 0) > 0:
                self.refuse[name] -= 1
                self.refused.append(name)
                raise self.error
            return getattr(self._sqs, name)(**parameters)

        return call


@pytest.mark.parametrize("error", [None, ResponseParserError("not JSON")])
def test_a_throttled_or_garbled_queue_is_asked_again(sqs: Any, queue_url: str, error: Exception | None) -> None:
    moody = Moody(sqs)
    moody.error = error or moody.error
    moody.refuse = {"receive_message": 1, "delete_message_batch": 1}
    put(sqs, queue_url, "patience")
    worker = QueueWorker(moody, queue_url, Handler(), settings())
    worker.start()
    try:
        until(lambda: counts(sqs, queue_url) == (0, 0) and worker.health.batches == 1)
        assert moody.refused == ["receive_message", "delete_message_batch"]
        assert worker.running
    finally:
        assert worker.finish(seconds=3)


def test_an_empty_queue_is_not_asked_without_pause(sqs: Any, queue_url: str) -> None:
    asked = Moody(sqs)
    worker = QueueWorker(asked, queue_url, Handler(), settings())
    worker.start()
    time.sleep(0.8)
    assert worker.finish(seconds=3)
    assert 1 <= asked.calls.count("receive_message") <= 3


def test_a_queue_that_does_not_exist_ends_the_loop_with_a_message_that_names_the_variable(
    sqs: Any, queue_url: str
) -> None:
    worker = QueueWorker(sqs, queue_url.replace(".fifo", "-gone.fifo"), Handler(), settings())
    worker.start()
    try:
        assert worker.join(5), "it asks for ever"
        assert isinstance(worker.error, QueueMissingError)
        assert "AWS_SQS_QUEUE_URL" in str(worker.error)
    finally:
        worker.finish(seconds=1)


def test_the_deadline_of_a_batch_really_passes() -> None:
    now = [100.0]
    context = LocalContext(10, clock=lambda: now[0])
    now[0] = 104.5
    assert context.get_remaining_time_in_millis() == 5500
    context.end_within(2)
    context.end_within(60)
    assert context.get_remaining_time_in_millis() == 2000
    now[0] = 200
    assert context.get_remaining_time_in_millis() == 0
