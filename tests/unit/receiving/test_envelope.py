"""How webhooks lie on the queue: intact, told apart, and traced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metta.receiving.envelope import NotAWebhookError, wrap

PAYLOADS = Path(__file__).parents[2] / "payloads" / "chatwoot"
RAW = (PAYLOADS / "16_wire_body.raw").read_bytes()
HEADERS: dict[str, str] = {
    name: value
    for name, value in json.loads((PAYLOADS / "16_wire_headers.json").read_bytes())["headers"].items()
    if name.startswith("X-Chatwoot")
}
TRACE = "Root=1-5e1b4151-5ac6c58f3e0b4c5d1f2a3b4c;Parent=53995c3f42cd8ad8;Sampled=1"


class Sqs:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **parameters: Any) -> dict[str, str]:
        self.sent.append(parameters)
        return {"MessageId": "m-1"}


@pytest.mark.parametrize(
    ("name", "group", "deduplication"),
    [
        ("01_incoming_text_webwidget", "3:84", "3:message_created:5001"),
        ("11_message_updated_delivery_failed", "3:120", "3:message_updated:"),
        ("12_conversation_status_changed", "3:84", "3:conversation_status_changed:unknown:"),
    ],
)
def test_every_event_has_the_group_of_its_conversation(name: str, group: str, deduplication: str) -> None:
    envelope = wrap((PAYLOADS / f"{name}.json").read_bytes())
    assert envelope.group == group
    assert envelope.deduplication.startswith(deduplication)


def test_a_standard_queue_gets_body_and_headers_alone() -> None:
    sqs = Sqs()
    wrap(RAW, HEADERS).send(sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/webhooks")
    (sent,) = sqs.sent
    assert set(sent) == {"QueueUrl", "MessageBody", "MessageAttributes"}
    assert sent["MessageBody"].encode() == RAW


def test_the_trace_travels_beside_the_headers() -> None:
    sqs = Sqs()
    envelope = wrap(RAW, HEADERS)
    envelope.send(sqs, "https://sqs/1/q.fifo", trace=TRACE)
    envelope.send(sqs, "https://sqs/1/q.fifo", trace="")
    traced, untraced = sqs.sent
    assert traced.pop("MessageSystemAttributes") == {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    assert traced == untraced


@pytest.mark.parametrize("delivery", ["x" * 101, "two\nlines", "na\u00efve", ""])
def test_a_delivery_id_that_sqs_may_refuse_costs_no_message(delivery: str) -> None:
    envelope = wrap(RAW, HEADERS | {"X-Chatwoot-Delivery": delivery})
    assert set(envelope.headers) == {"X-Chatwoot-Timestamp", "X-Chatwoot-Signature"}
    assert wrap(RAW, HEADERS).headers == HEADERS


@pytest.mark.parametrize("raw", [b"", b"private", b"[1]", b"{}", b'{"event":7}', b'{"event":"x","private":"\xff"}'])
def test_what_is_no_webhook_is_named_without_being_quoted(raw: bytes) -> None:
    with pytest.raises(NotAWebhookError) as caught:
        wrap(raw)
    assert str(caught.value)
    assert "private" not in str(caught.value)


def test_ids_of_the_queue_hold_nothing_but_numbers_and_plain_names() -> None:
    body = {"event": "free text!", "account": {"id": "3; DROP"}, "conversation": {"id": True}, "id": [1]}
    envelope = wrap(json.dumps(body).encode())
    assert envelope.group == "unknown:unknown"
    assert envelope.deduplication.startswith("unknown:event:unknown:")
