"""The receiver that docs/receiver.md shows puts on the queue what Metta's own receiver would."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metta.integrations.chatwoot.signature import sign
from metta.queue.records import read_record
from metta.receiving.envelope import MAX_BODY_BYTES, wrap
from metta.receiving.keyring import Keyring
from metta.settings import load
from metta_local.aws import MiniStack

ROOT = Path(__file__).parents[3]
PAYLOADS = ROOT / "tests" / "payloads" / "chatwoot"
EXAMPLE = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "receiver.md").read_text("utf-8"), re.DOTALL)[0]
SECRET = "ours"

Handler = Callable[[dict[str, Any], object], dict[str, int]]


@pytest.fixture
def handler(aws: MiniStack, queue_url: str, monkeypatch: pytest.MonkeyPatch) -> Handler:
    for name, value in (aws.environment | {"QUEUE_URL": queue_url, "WEBHOOK_SECRET": SECRET}).items():
        monkeypatch.setenv(name, value)
    loaded: dict[str, Any] = {}
    exec(compile(EXAMPLE, "docs/receiver.md", "exec"), loaded)
    return loaded["handler"]  # type: ignore[no-any-return]


def event(raw: bytes, *, secret: str = SECRET, at: float | None = None, encoded: bool = True) -> dict[str, Any]:
    timestamp = str(int(at or time.time()))
    return {
        "headers": {
            "x-chatwoot-timestamp": timestamp,
            "x-chatwoot-signature": sign(secret, timestamp, raw),
            "x-chatwoot-delivery": "6f1c5e0e-3f0b-4a5c-9a51-1f6f0a9f2f11",
        },
        "body": base64.b64encode(raw).decode() if encoded else raw.decode(),
        "isBase64Encoded": encoded,
    }


def compact(name: str) -> bytes:
    return json.dumps(json.loads((PAYLOADS / name).read_bytes()), ensure_ascii=False).encode()


BODIES = {
    "wire": (PAYLOADS / "16_wire_body.raw").read_bytes(),
    "update": compact("11_message_updated_delivery_failed.json"),
    "status": compact("12_conversation_status_changed.json"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("encoded", [True, False])
def test_a_webhook_lies_on_the_queue_as_metta_s_own_receiver_puts_it(
    handler: Handler, sqs: Any, queue_url: str, name: str, encoded: bool
) -> None:
    raw = BODIES[name]
    sent = event(raw, encoded=encoded)

    assert handler(sent, None) == {"statusCode": 200}

    (found,) = sqs.receive_message(
        QueueUrl=queue_url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    expected = wrap(raw)
    assert found["Body"].encode() == raw
    assert found["Attributes"]["MessageGroupId"] == expected.group
    assert {key.lower(): value["StringValue"] for key, value in found["MessageAttributes"].items()} == sent["headers"]
    record = {
        "body": found["Body"],
        "messageAttributes": {
            key: {"stringValue": value["StringValue"]} for key, value in found["MessageAttributes"].items()
        },
    }
    chatwoot = load(
        {"CHATWOOT_BASE_URL": "http://127.0.0.1:1", "CHATWOOT_API_KEY": "token", "CHATWOOT_ACCOUNT_ID": "3"}
    ).chatwoot
    judged = read_record(record, Keyring([SECRET]), chatwoot)
    assert judged.error is None
    if name == "wire":
        assert found["Attributes"]["MessageDeduplicationId"] == expected.deduplication
        assert str(judged.key) == expected.group


def test_what_must_be_refused_is_refused(handler: Handler, sqs: Any, queue_url: str) -> None:
    raw = BODIES["wire"]
    assert handler(event(raw, secret="guessed"), None) == {"statusCode": 401}
    assert handler(event(raw, at=time.time() - 310), None) == {"statusCode": 401}
    assert handler(event(raw) | {"headers": {}}, None) == {"statusCode": 401}
    assert handler(event(b" " * (MAX_BODY_BYTES + 1)), None) == {"statusCode": 413}
    assert "Messages" not in sqs.receive_message(QueueUrl=queue_url)


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.splitlines()) <= 40
