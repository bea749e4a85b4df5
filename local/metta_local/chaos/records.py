"""Which record a receipt handle stands for, learnt from the answers to ReceiveMessage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from metta_local.chaos.journal import ReceivedRecord


class Receipts:
    """Every receipt that was handed out, also one whose answer never reached its worker."""

    def __init__(self) -> None:
        self._known: dict[str, ReceivedRecord] = {}

    def of(self, receipt_handle: str) -> ReceivedRecord | None:
        """The record behind a receipt handle."""
        return self._known.get(receipt_handle)

    def received(self, answer: Mapping[str, Any]) -> list[ReceivedRecord]:
        """Learn the records of an answer to ReceiveMessage, in its order."""
        messages = answer.get("Messages")
        records = []
        for message in messages if isinstance(messages, list) else []:
            record = _record(message)
            self._known[str(message.get("ReceiptHandle"))] = record
            records.append(record)
        return records


def _record(message: Mapping[str, Any]) -> ReceivedRecord:
    attributes = message.get("Attributes") or {}
    try:
        body = json.loads(message.get("Body", ""))
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    event = str(body.get("event", ""))
    about_message = event.startswith("message_")
    holder = body.get("conversation") if about_message else body
    return ReceivedRecord(
        message_id=str(message.get("MessageId", "")),
        receive_count=int(attributes.get("ApproximateReceiveCount", 0)),
        group=str(attributes.get("MessageGroupId", "")),
        event=event,
        chatwoot_id=_number(body.get("id")) if about_message else None,
        conversation=_number(holder.get("id")) if isinstance(holder, dict) else None,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
