"""The local receiver over HTTP: which webhooks reach the queue, and what Chatwoot is told about the others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from metta.errors import SettingsError
from metta.integrations.chatwoot.signature import sign
from metta.receiving.envelope import MAX_BODY_BYTES
from metta_local.receiver import PATH, WebhookReceiver
from metta_local.serving import LoopbackServer

SECRET = "current-secret"
PREVIOUS = "previous-secret"

Post = Callable[..., httpx.Response]


def message(message_id: int = 5001, event: str = "message_created", **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "account": {"id": 3},
        "conversation": {"id": 84, "status": "pending"},
        "id": message_id,
        "content": "Fisch & <Chips>",
        "message_type": "incoming",
        "event": event,
    }
    return body | changes


def status_event(status: str) -> dict[str, Any]:
    return {"id": 84, "account": {"id": 3}, "status": status, "event": "conversation_status_changed"}


def encode(body: Any) -> bytes:
    """As Rails writes it."""
    text = json.dumps(body, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def signed(raw: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    return {
        "Content-Type": "application/json",
        "X-Chatwoot-Delivery": "6f1c5e0e-3f0b-4a5c-9a51-1f6f0a9f2f11",
        "X-Chatwoot-Timestamp": timestamp,
        "X-Chatwoot-Signature": sign(secret, timestamp, raw),
    }


@pytest.fixture
def post(sqs: Any, queue_url: str) -> Iterator[Post]:
    receiver = WebhookReceiver(sqs, queue_url, [SECRET, PREVIOUS])
    with LoopbackServer(receiver.app) as server, httpx.Client(base_url=server.url) as client:

        def send(raw: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
            return client.post(PATH, content=raw, headers=signed(raw) if headers is None else headers)

        yield send


def queued(sqs: Any, url: str) -> list[dict[str, Any]]:
    got = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    return list(got.get("Messages", []))


def test_a_signed_webhook_is_queued_byte_for_byte_with_its_headers(post: Post, sqs: Any, queue_url: str) -> None:
    raw = encode(message())
    headers = signed(raw)
    assert post(raw, headers).status_code == 200

    (found,) = queued(sqs, queue_url)
    assert found["Body"].encode() == raw
    assert {name: value["StringValue"] for name, value in found["MessageAttributes"].items()} == {
        name: value for name, value in headers.items() if name.startswith("X-Chatwoot")
    }
    assert found["Attributes"]["MessageGroupId"] == "3:84"
    assert found["Attributes"]["MessageDeduplicationId"] == "3:message_created:5001"


def test_a_signature_by_the_secret_before_the_rotation_still_counts(post: Post) -> None:
    raw = encode(message())
    assert post(raw, signed(raw, secret=PREVIOUS)).status_code == 200


@pytest.mark.parametrize(
    "forge",
    [
        lambda raw: signed(raw, secret="guessed"),
        lambda raw: signed(raw + b" "),
        lambda raw: {},
        lambda raw: {k: v for k, v in signed(raw).items() if k != "X-Chatwoot-Timestamp"},
        lambda raw: signed(raw) | {"X-Chatwoot-Signature": "sha256="},
        lambda raw: signed(raw) | {"X-Chatwoot-Timestamp": "not-a-time"},
    ],
    ids=["other secret", "other body", "unsigned", "no timestamp", "empty signature", "no number"],
)
def test_a_forged_webhook_is_refused(
    post: Post, sqs: Any, queue_url: str, forge: Callable[[bytes], dict[str, str]]
) -> None:
    raw = encode(message())
    assert post(raw, forge(raw)).status_code == 401
    assert queued(sqs, queue_url) == []


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_replayed_webhook_is_refused_after_five_minutes(post: Post, sqs: Any, queue_url: str, seconds: float) -> None:
    raw = encode(message())
    assert post(raw, signed(raw, at=time.time() + seconds + (2 if seconds > 0 else -2))).status_code == 401
    assert queued(sqs, queue_url) == []


def test_a_webhook_within_five_minutes_is_taken(post: Post) -> None:
    raw = encode(message())
    assert post(raw, signed(raw, at=time.time() - 290)).status_code == 200


def test_a_body_larger_than_sqs_takes_is_refused_and_the_largest_is_queued(
    post: Post, sqs: Any, queue_url: str
) -> None:
    empty = len(encode(message(content="")))
    largest = encode(message(content="x" * (MAX_BODY_BYTES - empty)))
    assert len(largest) == MAX_BODY_BYTES
    assert post(largest).status_code == 200
    assert post(largest + b" ").status_code == 413
    assert [len(found["Body"]) for found in queued(sqs, queue_url)] == [MAX_BODY_BYTES]


@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[1]", b'"text"', b"{}", b'{"event": 7}', b'{"event": "x", "a": "\xff"}', b"[" * 100_000],
    ids=["empty", "text", "list", "string", "no event", "event no text", "not UTF-8", "deep"],
)
def test_a_signed_body_that_is_no_webhook_is_refused_with_a_reason(
    post: Post, sqs: Any, queue_url: str, raw: bytes
) -> None:
    answer = post(raw)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert queued(sqs, queue_url) == []


def test_two_deliveries_of_one_message_give_one_message_on_the_queue(post: Post, sqs: Any, queue_url: str) -> None:
    assert post(encode(message(5001))).status_code == 200
    assert post(encode(message(5001, content="seen by another path"))).status_code == 200
    assert len(queued(sqs, queue_url)) == 1


def test_two_updates_of_one_message_are_both_queued(post: Post, sqs: Any, queue_url: str) -> None:
    for status in ("delivered", "failed", "failed"):
        update = message(5006, "message_updated", content_attributes={"seen": status})
        assert post(encode(update)).status_code == 200
    assert len(queued(sqs, queue_url)) == 2


def test_conversation_events_join_the_group_of_their_conversation(post: Post, sqs: Any, queue_url: str) -> None:
    assert post(encode(status_event("resolved"))).status_code == 200
    assert post(encode(status_event("pending"))).status_code == 200
    found = queued(sqs, queue_url)
    assert [one["Attributes"]["MessageGroupId"] for one in found] == ["3:84", "3:84"]
    assert [json.loads(one["Body"])["status"] for one in found] == ["resolved", "pending"]


def test_an_event_without_conversation_is_queued_all_the_same(post: Post, sqs: Any, queue_url: str) -> None:
    widget = {"event": "webwidget_triggered", "account": {"id": 3}, "id": 777, "current_conversation": None}
    assert post(encode(widget)).status_code == 200
    assert queued(sqs, queue_url)[0]["Attributes"]["MessageGroupId"] == "3:unknown"


def test_characters_that_sqs_refuses_arrive_as_the_same_json(post: Post, sqs: Any, queue_url: str) -> None:
    raw = encode(message(content="odd \uffff\ufffe end"))
    assert post(raw).status_code == 200
    (found,) = queued(sqs, queue_url)
    assert json.loads(found["Body"])["content"] == "odd \uffff\ufffe end"
    assert set(found["MessageAttributes"]) == {"X-Chatwoot-Delivery"}, "a signature that does not fit would be refused"


class Down:
    """An SQS client whose queue does not take messages."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send_message(self, **_: Any) -> dict[str, Any]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage"), 429),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage"), 500),
        (EndpointConnectionError(endpoint_url="http://sqs"), 500),
    ],
    ids=["throttled", "refused", "unreachable"],
)
def test_chatwoot_is_told_to_try_again_when_the_queue_is_down(error: Exception, status: int) -> None:
    receiver = WebhookReceiver(Down(error), "https://queue/metta.fifo", [SECRET])
    raw = encode(message())
    with LoopbackServer(receiver.app) as server:
        answer = httpx.post(server.url + PATH, content=raw, headers=signed(raw))
    assert answer.status_code == status
    assert "sqs" not in answer.text


def test_a_receiver_without_a_secret_does_not_start() -> None:
    with pytest.raises(SettingsError, match="CHATWOOT_WEBHOOK_SECRET"):
        WebhookReceiver(Down(ValueError()), "https://queue/metta.fifo", [""])
