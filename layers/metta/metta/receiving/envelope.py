"""How a Chatwoot webhook lies on the queue: group, deduplication id, attributes; for receivers and ``metta send``.

The group keeps a conversation's deliveries apart, the deduplication id drops what Chatwoot delivers twice. Only
``message_created`` happens once per message; every other event carries a digest of its body as well, since two updates
of one message ("delivered", then "failed") within SQS's five minutes are two facts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from metta.integrations.chatwoot.signature import DELIVERY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from metta.nouns import JsonObject
from metta.receiving.routing import UnreadableError, routing

MAX_BODY_BYTES = 1_048_576 - 4_096
"""SQS takes 1 MiB, attributes included."""
HEADERS = (DELIVERY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
"""Headers that travel with the body as message attributes of the same names."""
_NOT_IN_SQS = {"\ufffe": "\\uFFFE", "\uffff": "\\uFFFF"}
"""Characters that valid JSON may hold and SQS refuses, as JSON escapes."""
_LONGEST_DELIVERY = 100
"""Of a delivery id, in characters; no signature stands for it, and Chatwoot's are UUIDs."""


class NotAWebhookError(Exception):
    """The body cannot be a Chatwoot webhook; the text says why, without quoting it."""


@dataclass(frozen=True)
class Envelope:
    """One webhook as it is put on the queue."""

    body: str
    group: str
    """``account:conversation``."""
    deduplication: str
    """``account:event:message``, with a digest where the event has no id of its own."""
    headers: dict[str, str]

    def send(self, sqs: Any, queue_url: str, *, trace: str | None = None) -> str:
        """Put it on the queue; FIFO ids only where the queue takes them. Returns the SQS message id.

        Args:
            sqs: a boto3 client.
            queue_url: where it goes.
            trace: an ``X-Amzn-Trace-Id`` header, which joins the worker's trace to the sender's.
        """
        parameters: JsonObject = {"QueueUrl": queue_url, "MessageBody": self.body}
        if self.headers:
            parameters["MessageAttributes"] = {
                name: {"DataType": "String", "StringValue": value} for name, value in self.headers.items()
            }
        if trace:
            parameters["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        if queue_url.endswith(".fifo"):
            parameters |= {"MessageGroupId": self.group, "MessageDeduplicationId": self.deduplication}
        return str(sqs.send_message(**parameters)["MessageId"])


def _named(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def wrap(raw: bytes, headers: dict[str, str] | None = None) -> Envelope:
    """The envelope of a webhook body, whose bytes stay as they are unless SQS refuses one of its characters.

    Args:
        raw: the request body.
        headers: those of ``HEADERS`` that came with it.

    Raises:
        NotAWebhookError: not UTF-8, not JSON, not an object, or without an event.
    """
    try:
        text = raw.decode("utf-8")
        found = routing(raw)
    except UnicodeDecodeError as error:
        raise NotAWebhookError(f"not UTF-8 (byte {error.start})") from None
    except UnreadableError as error:
        raise NotAWebhookError(str(error)) from None
    event, account = found.event, _named(found.account)
    message = _named(found.id) if event.startswith("message_") else "unknown"
    named = event if event.isascii() and event.isidentifier() and len(event) <= 40 else "event"
    deduplication = f"{account}:{named}:{message}"
    if event != "message_created" or message == "unknown":
        deduplication += f":{hashlib.sha256(raw).hexdigest()[:32]}"
    sendable = text
    for refused, escaped in _NOT_IN_SQS.items():
        sendable = sendable.replace(refused, escaped)
    carried = dict(headers or {})
    delivery = carried.get(DELIVERY_HEADER, "")
    if not (0 < len(delivery) <= _LONGEST_DELIVERY and delivery.isascii() and delivery.isprintable()):
        carried.pop(DELIVERY_HEADER, None)
    if sendable != text:  # the same JSON in other bytes: the signature, checked at the door, no longer fits them
        carried = {name: value for name, value in carried.items() if name == DELIVERY_HEADER}
    return Envelope(
        body=sendable,
        group=f"{account}:{_named(found.conversation)}",
        deduplication=deduplication,
        headers=carried,
    )
