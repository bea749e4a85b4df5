"""The built webhook function under AWS's runtime client: HTTP event in, message on the queue, an answer in time."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambda_runtime import LambdaFunction
from metta.integrations.chatwoot.signature import sign
from metta_local.aws import MiniStack

pytestmark = pytest.mark.e2e

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads" / "chatwoot"
RAW = (PAYLOADS / "16_wire_body.raw").read_bytes()
SECRETS = {"CHATWOOT_WEBHOOK_SECRET": "current-one", "CHATWOOT_WEBHOOK_SECRET_PREVIOUS": "previous-one"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    with MiniStack(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="module")
def queue_url(aws: MiniStack) -> str:
    return aws.create_queues("webhooks")[0]


@pytest.fixture(scope="module")
def variables(aws: MiniStack, queue_url: str) -> dict[str, str]:
    """What the template gives the function."""
    arn = aws.create_secret(SECRETS, name="webhook")
    return aws.environment | {"AWS_SQS_QUEUE_URL": queue_url, "METTA_SECRET_ARN": arn, "METTA_TRACING": "xray"}


@pytest.fixture(scope="module")
def function(
    variables: dict[str, str], built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LambdaFunction]:
    with LambdaFunction(built, variables, tmp_path_factory.mktemp("function"), name="Webhook") as started:
        yield started


def event(raw: bytes, *, secret: str = "current-one", at: float | None = None) -> dict[str, Any]:
    """A Function URL's event; the front door hands binary and JSON on alike, and names headers in lower case."""
    timestamp = str(int(at or time.time()))
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "x-chatwoot-delivery": "6f1c5e0e-3f0b-4a5c-9a51-1f6f0a9f2f11",
            "x-chatwoot-timestamp": timestamp,
            "x-chatwoot-signature": sign(secret, timestamp, raw),
        },
        "requestContext": {"http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1"}, "stage": "$default"},
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }


def queued(aws: MiniStack, url: str) -> list[dict[str, Any]]:
    """What is on the queue, which is empty then."""
    sqs = aws.client("sqs")
    got = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    ).get("Messages", [])
    for one in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return list(got)


def log_lines(function: LambdaFunction, before: str) -> list[dict[str, Any]]:
    """Lines of the log since ``before``, metrics left out."""
    lines = map(json.loads, function.log.removeprefix(before).splitlines())
    return [line for line in lines if "_aws" not in line]


def test_a_genuine_webhook_is_on_the_queue_when_it_is_answered(
    function: LambdaFunction, aws: MiniStack, queue_url: str
) -> None:
    answers = [function.invoke(event(RAW, secret=secret)) for secret in ("current-one", "previous-one")]

    assert [answer.payload["statusCode"] for answer in answers] == [200, 200], function.log[-4000:]
    (found,) = queued(aws, queue_url)  # the second is the same message again
    assert found["Body"].encode() == RAW
    assert set(found["MessageAttributes"]) == {"X-Chatwoot-Delivery", "X-Chatwoot-Timestamp", "X-Chatwoot-Signature"}
    assert found["Attributes"]["MessageGroupId"] == "3:84"
    assert found["Attributes"]["AWSTraceHeader"].startswith("Root=1-5e1b4151-5ac6c58f3e0b4c5d1f2a3b4c")
    assert '"WebhooksReceived":[1.0]' in function.log
    assert '"function":"webhook"' in function.log, "its cold start is counted"


REFUSED: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {  # signed when sent: collecting may be minutes earlier
    "forged": (lambda: event(b'{"event":"private"}', secret="guess"), 401),
    "replayed": (lambda: event(b'{"event":"private"}', at=time.time() - 400), 401),
    "oversized": (lambda: event(b"private" * 200_000), 413),
    "malformed": (lambda: event(b"private"), 400),
    "no request": (lambda: {"private": "private"}, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_with_one_line_without_its_content(
    function: LambdaFunction, aws: MiniStack, queue_url: str, name: str
) -> None:
    sent, status = REFUSED[name]
    before = function.log

    answer = function.invoke(sent())

    assert answer.payload["statusCode"] == status, function.log[-4000:]
    assert set(json.loads(answer.payload["body"])) == {"error"}
    (line,) = log_lines(function, before)
    assert line["level"] == "WARNING"
    assert "private" not in function.log.removeprefix(before)
    assert queued(aws, queue_url) == []


def test_a_queue_that_is_not_there_makes_chatwoot_try_again(
    variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    without = variables | {"AWS_SQS_QUEUE_URL": variables["AWS_SQS_QUEUE_URL"].replace("webhooks", "nowhere")}
    with LambdaFunction(built, without, tmp_path, name="Webhook") as function:
        answer = function.invoke(event(RAW))

    assert answer.payload["statusCode"] == 500, function.log[-4000:]
    assert not answer.failed


def test_with_snapstart_its_secret_is_read_after_the_restore(
    aws: MiniStack, queue_url: str, variables: dict[str, str], built: Path, tmp_path: Path
) -> None:
    arn = aws.create_secret({"CHATWOOT_API_KEY": "token"}, name="restored")

    with LambdaFunction(built, variables | {"METTA_SECRET_ARN": arn}, tmp_path, name="Webhook") as function:
        function.until_snapshot()
        aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps(SECRETS))
        function.restore()
        answer = function.invoke(event(RAW.replace(b'"id":', b'"id":1', 1)))

    assert answer.payload["statusCode"] == 200, function.log[-4000:]
    assert len(queued(aws, queue_url)) == 1


@pytest.mark.parametrize(
    ("secret", "change", "named"),
    [
        ({"CHATWOOT_API_KEY": "token"}, {}, "CHATWOOT_WEBHOOK_SECRET"),
        (SECRETS, {"AWS_SQS_QUEUE_URL": ""}, "AWS_SQS_QUEUE_URL"),
    ],
)
def test_init_fails_with_the_name_of_what_is_missing(
    aws: MiniStack,
    variables: dict[str, str],
    built: Path,
    tmp_path: Path,
    secret: dict[str, str],
    change: dict[str, str],
    named: str,
) -> None:
    arn = aws.create_secret(secret, name=f"lacks-{named.lower()}")
    with LambdaFunction(built, variables | {"METTA_SECRET_ARN": arn} | change, tmp_path, name="Webhook") as function:
        answer = function.invoke(event(RAW))

    assert answer.failed
    assert answer.payload["errorType"].endswith("SettingsError")
    assert named in answer.payload["errorMessage"]
