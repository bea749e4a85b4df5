"""Writes the events of this folder: SQS events with FIFO attributes, as Lambda delivers them, one per webhook payload,
and the console's requests.

Run it (``python events/generate.py``) after changing ``tests/payloads/chatwoot``; a test compares. The same payloads
always give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from pathlib import Path

from metta.console import HEALTH, SIMULATE
from metta.messages import JsonObject
from metta.receiving.envelope import Envelope, wrap
from metta_local.console_server import function_url_event
from metta_local.sqs_event import lambda_event

HERE = Path(__file__).resolve().parent
PAYLOADS = HERE.parent / "tests" / "payloads" / "chatwoot"
QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:metta.fifo"
NOT_EVENTS = frozenset({"05b_api_list_messages_response", "16_wire_headers"})
"""Files that are no webhook body."""
SENT = 1_781_690_400_000
"""Milliseconds; used where a payload says nothing."""


def compact(payload: JsonObject) -> bytes:
    """A payload as Chatwoot sends it: JSON without spaces."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def message(envelope: Envelope, place: int, sent: int) -> JsonObject:
    """One message as SQS hands it out, at the given place of its event, sent at that millisecond."""
    seed = hashlib.sha256(f"{place} {envelope.deduplication} {envelope.body}".encode()).hexdigest()
    return {
        "MessageId": str(uuid.UUID(seed[:32])),
        "ReceiptHandle": f"AQEB{seed}",
        "Body": envelope.body,
        "MD5OfBody": hashlib.md5(envelope.body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(sent),
            "SequenceNumber": str(18_849_496_460_467_696_128 + 256 * place),
            "MessageGroupId": envelope.group,
            "SenderId": "AIDAEXAMPLEWEBHOOK",
            "MessageDeduplicationId": envelope.deduplication,
            "ApproximateFirstReceiveTimestamp": str(sent + 25),
        },
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in envelope.headers.items()
        },
    }


def sent_ms(body: str) -> int:
    """When the webhook was sent, as far as its body tells, in milliseconds."""
    try:
        created = json.loads(body).get("created_at")
    except ValueError:
        return SENT
    return int(datetime.fromisoformat(created).timestamp() * 1000) if isinstance(created, str) else SENT


def event(*envelopes: Envelope) -> JsonObject:
    """The Lambda event of one batch; what came later on the queue was sent later."""
    sent = list(accumulate((sent_ms(envelope.body) for envelope in envelopes), max))
    messages = [message(envelope, place, sent[place] + place) for place, envelope in enumerate(envelopes)]
    return lambda_event(messages, QUEUE_ARN)


def events() -> Iterator[tuple[str, JsonObject]]:
    """Name and content of every event."""
    payloads = {
        path.stem: json.loads(path.read_bytes())
        for path in sorted(PAYLOADS.glob("*.json"))
        if path.stem not in NOT_EVENTS
    }
    bare = {name: wrap(compact(payload)) for name, payload in payloads.items()}
    for name, envelope in bare.items():
        yield name, event(envelope)

    headers = json.loads((PAYLOADS / "16_wire_headers.json").read_bytes())["headers"]
    signed = {name: value for name, value in headers.items() if name.startswith("X-Chatwoot-")}
    yield "16_wrapped_by_receiver", event(wrap((PAYLOADS / "16_wire_body.raw").read_bytes(), signed))

    first = bare["01_incoming_text_webwidget"]
    yield "17_malformed_body", event(cut_short(first, 200), bare["07_incoming_whatsapp"])

    later = {"id": 5012, "content": "It should have come on Monday.", "created_at": "2026-06-17T10:00:05.112Z"}
    follower = payloads["01_incoming_text_webwidget"] | later
    yield (
        "18_mixed_batch",
        event(
            first,
            bare["07_incoming_whatsapp"],
            cut_short(first, 300),
            wrap(compact(follower)),
            bare["04_private_note"],
            bare["10_template_greeting"],
        ),
    )

    yield "console_health", function_url_event("GET", HEALTH)
    question = {
        "content": "Hi, where is my order S00042?",
        "identity": {"level": "verified", "phone": "+4915112345678"},
    }
    signed_as_json = {"content-type": "application/json"}
    yield "console_simulate", function_url_event("POST", SIMULATE, compact(question), signed_as_json)


def cut_short(envelope: Envelope, characters: int) -> Envelope:
    """A body that broke off on its way."""
    deduplication = f"{envelope.deduplication}:{characters}"
    return Envelope(body=envelope.body[:characters], group=envelope.group, deduplication=deduplication, headers={})


def text(content: JsonObject) -> str:
    """The bytes that are committed."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for stem, content in events():
        (HERE / f"{stem}.json").write_text(text(content), encoding="utf-8")
