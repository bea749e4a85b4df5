"""SQS records made of the webhook bodies that Chatwoot sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parents[1] / "payloads" / "chatwoot"


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """A webhook body; ``changes`` replace top-level keys, with ``conversation__x`` those of its conversation."""
    body: dict[str, Any] = json.loads((PAYLOADS / name).read_text())
    for path, value in changes.items():
        target = body
        *parents, last = path.split("__")
        for parent in parents:
            target = target[parent]
        target[last] = value
    return body


def record(body: Any, *, n: int = 1, receives: int = 1, sent: float | None = None, **extra: Any) -> dict[str, Any]:
    """An SQS record around ``body`` (text as it is, anything else as JSON)."""
    attributes = {"ApproximateReceiveCount": str(receives), "MessageGroupId": "3:84", "MessageDeduplicationId": f"d{n}"}
    if sent is not None:
        attributes["SentTimestamp"] = str(int(sent * 1000))
    return {
        "messageId": f"m-{n}",
        "receiptHandle": f"r-{n}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    } | extra
