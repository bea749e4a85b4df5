"""The webhook function's inside on a real queue and a real secret: rotation, a queue that hangs, what it loads."""

from __future__ import annotations

import base64
import io
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from metta.bootstrap.webhook import AGAIN_WITHIN_SECONDS, build_webhook, put
from metta.bootstrap.worker import keyring_of
from metta.errors import SettingsError
from metta.integrations.chatwoot.signature import sign
from metta.queue.records import read_record
from metta.receiving import keyring
from metta.receiving.envelope import wrap
from metta.settings import load
from metta_local.aws import MiniStack

RAW = json.dumps({"event": "message_created", "id": 5001, "account": {"id": 3}, "conversation": {"id": 84}}).encode()
WIRE = (Path(__file__).parents[2] / "payloads" / "chatwoot" / "16_wire_body.raw").read_bytes()
TRACE = "Root=1-5e1b4151-5ac6c58f3e0b4c5d1f2a3b4c;Parent=53995c3f42cd8ad8;Sampled=1"


@dataclass
class Context:
    aws_request_id: str = "request-1"


def event(secret: str, raw: bytes = RAW) -> dict[str, Any]:
    timestamp = str(int(time.time()))
    return {
        "version": "2.0",
        "headers": {"x-chatwoot-timestamp": timestamp, "x-chatwoot-signature": sign(secret, timestamp, raw)},
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture
def start(
    aws: MiniStack, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Callable[[dict[str, Any]], int], str, io.StringIO]]:
    """Starts a receiver whose secret holds what is given; gives its handler, the secret's ARN and its log."""

    def started(**secret: str) -> tuple[Callable[[dict[str, Any]], int], str, io.StringIO]:
        arn = aws.create_secret(secret, name=f"s{uuid.uuid4().hex[:12]}")
        for name, value in (aws.environment | {"AWS_SQS_QUEUE_URL": queue_url, "METTA_SECRET_ARN": arn}).items():
            monkeypatch.setenv(name, value)
        log = io.StringIO()
        webhook = build_webhook(load(), emit_metrics=False, log_stream=log)
        return lambda one: int(webhook.handle(one, Context())["statusCode"]), arn, log

    return started


def queued(sqs: Any, url: str) -> list[dict[str, Any]]:
    got = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    return list(got.get("Messages", []))


def test_a_webhook_is_queued_with_its_trace(
    start: Any, sqs: Any, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, _, log = start(CHATWOOT_WEBHOOK_SECRET="ours")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)

    assert receive(event("ours")) == 200

    (found,) = queued(sqs, queue_url)
    assert found["Body"].encode() == RAW
    assert found["Attributes"]["MessageGroupId"] == "3:84"
    assert found["Attributes"]["AWSTraceHeader"] == TRACE
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["message_id"], line["conversation"]) == (found["MessageId"], "3:84")
    assert line["function_request_id"] == "request-1"


def test_a_rotated_secret_is_picked_up_without_a_deployment(
    start: Any, aws: MiniStack, sqs: Any, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "REST_SECONDS", 0.0)
    receive, arn, _ = start(CHATWOOT_WEBHOOK_SECRET="old")
    assert (receive(event("old")), receive(event("new"))) == (200, 401)

    rotated = {"CHATWOOT_WEBHOOK_SECRET": "new", "CHATWOOT_WEBHOOK_SECRET_PREVIOUS": "old"}
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps(rotated))

    assert (receive(event("new")), receive(event("old")), receive(event("guess"))) == (200, 200, 401)


def test_a_worker_that_started_before_the_rotation_takes_what_the_receiver_took(
    aws: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = aws.create_secret({"CHATWOOT_WEBHOOK_SECRET": "old"}, name=f"s{uuid.uuid4().hex[:12]}")
    account = {"CHATWOOT_BASE_URL": "http://127.0.0.1:1", "CHATWOOT_API_KEY": "token", "CHATWOOT_ACCOUNT_ID": "3"}
    for name, value in (aws.environment | account | {"METTA_SECRET_ARN": arn}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keyring, "REST_SECONDS", 0.0)
    settings = load()
    ring = keyring_of(settings, aws.client)

    def read(secret: str) -> object:
        timestamp = str(int(time.time()))
        headers = {"X-Chatwoot-Timestamp": timestamp, "X-Chatwoot-Signature": sign(secret, timestamp, WIRE)}
        attributes = {name: {"stringValue": value} for name, value in headers.items()}
        record = {"body": WIRE.decode(), "messageAttributes": attributes}
        error = read_record(record, ring, settings.chatwoot).error
        return error.field if error else None

    assert read("new") == "messageAttributes.X-Chatwoot-Signature"
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString='{"CHATWOOT_WEBHOOK_SECRET": "new"}')

    assert read("new") is None


def test_a_secret_that_lost_its_key_leaves_the_one_at_hand(
    start: Any, aws: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "REST_SECONDS", 0.0)
    receive, arn, log = start(CHATWOOT_WEBHOOK_SECRET="ours")
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString='{"CHATWOOT_API_KEY": "token"}')

    assert (receive(event("guess")), receive(event("ours"))) == (401, 200)
    assert "CHATWOOT_WEBHOOK_SECRET" in log.getvalue()


def test_a_secret_without_the_key_stops_it_with_the_key_s_name(start: Any) -> None:
    with pytest.raises(SettingsError, match=r"not set: CHATWOOT_WEBHOOK_SECRET$"):
        start(CHATWOOT_API_KEY="token", CHATWOOT_WEBHOOK_SECRET_PREVIOUS="old")


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"not set: AWS_SQS_QUEUE_URL, CHATWOOT_WEBHOOK_SECRET$"):
        build_webhook(load({}), emit_metrics=False)


def test_another_event_is_refused_with_one_line(start: Any) -> None:
    receive, _, log = start(CHATWOOT_WEBHOOK_SECRET="ours")
    assert receive({"Records": [{"body": "private"}]}) == 400
    (line,) = log.getvalue().splitlines()
    assert "private" not in line


@contextmanager
def hanging() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and never answers."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)
            for one in taken:
                one.close()


def test_a_queue_that_hangs_is_tried_twice_and_chatwoot_told_to_try_again() -> None:
    with hanging() as (url, taken):
        settings = load(
            {"AWS_ENDPOINT_URL": url, "AWS_SQS_QUEUE_URL": f"{url}/1/q.fifo", "CHATWOOT_WEBHOOK_SECRET": "ours"}
        )
        log = io.StringIO()
        webhook = build_webhook(settings, emit_metrics=False, log_stream=log)

        assert webhook.handle(event("ours"), Context())["statusCode"] == 500

        assert len(taken) == 2
        (line,) = map(json.loads, log.getvalue().splitlines())
        assert (line["reason"], line["level"]) == ("queue", "ERROR")


class Slow:
    """A queue that fails after some time on a clock of its own, and takes the second try."""

    def __init__(self, seconds: float, error: Exception) -> None:
        self.now, self.seconds, self.error = 0.0, seconds, error
        self.tries = 0

    def send_message(self, **_: Any) -> dict[str, str]:
        self.tries += 1
        if self.tries > 1:
            return {"MessageId": "m-2"}
        self.now += self.seconds
        raise self.error


def test_a_second_try_is_made_only_where_it_ends_in_time() -> None:
    envelope, lost = wrap(RAW), ReadTimeoutError(endpoint_url="http://sqs")
    quick = Slow(AGAIN_WITHIN_SECONDS - 0.5, lost)
    assert put(quick, "https://sqs/1/q.fifo", envelope, clock=lambda: quick.now) == "m-2"

    late = Slow(AGAIN_WITHIN_SECONDS, ConnectTimeoutError(endpoint_url="http://sqs"))
    with pytest.raises(ConnectTimeoutError):
        put(late, "https://sqs/1/q.fifo", envelope, clock=lambda: late.now)
    assert late.tries == 1


def test_it_loads_nothing_of_the_agent() -> None:
    code = (
        "import sys, metta.bootstrap.webhook; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('agents', 'openai', 'odoorpc', 'psycopg', 'httpx', 'yaml', 'aws_xray_sdk') "
        "or m.startswith(('metta.guardrails', 'metta.ai', 'metta.queue', 'metta.persistence'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "[]"


def test_a_rehearsal_at_init_reaches_no_queue_and_the_first_webhook_does(
    aws: MiniStack, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (aws.environment | {"AWS_SQS_QUEUE_URL": queue_url, "CHATWOOT_WEBHOOK_SECRET": "s"}).items():
        monkeypatch.setenv(name, value)
    webhook = build_webhook(load(), emit_metrics=False, log_stream=io.StringIO())
    sqs = aws.client("sqs")

    def waiting() -> int:
        found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])

    before = waiting()
    webhook.warm()
    assert waiting() == before
    assert webhook.handle(event("s"), Context())["statusCode"] == 200
    assert waiting() == before + 1
