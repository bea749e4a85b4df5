"""SQS records as the queue room works with them: parsed, judged by the filter, never raising."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metta.errors import MalformedRecord
from metta.integrations.chatwoot.filter import Decision, classify
from metta.integrations.chatwoot.payload import parse_webhook
from metta.integrations.chatwoot.signature import SIGNATURE_HEADER
from metta.messages import ConversationKey
from metta.receiving.keyring import Keyring
from metta.settings import ChatwootSettings


@dataclass(frozen=True)
class Record:
    """One SQS record with what the filter says about it."""

    raw: Mapping[str, Any]
    message_id: str
    receipt_handle: str
    receive_count: int
    sent_at: float | None
    """When it was put on the queue, seconds since the epoch; None when the record does not say."""
    decision: Decision | None
    error: MalformedRecord | None

    @property
    def key(self) -> ConversationKey | None:
        """The conversation it belongs to, where it can be told."""
        return self.decision.key if self.decision else None


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def headers_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """The webhook's HTTP headers, which a receiver passes on as message attributes."""
    attributes = raw.get("messageAttributes")
    if not isinstance(attributes, Mapping):
        return {}
    values = {name: value.get("stringValue") for name, value in attributes.items() if isinstance(value, Mapping)}
    return {name.replace("_", "-"): value for name, value in values.items() if isinstance(value, str)}


def _judge(raw: Mapping[str, Any], keyring: Keyring, chatwoot: ChatwootSettings) -> Decision:
    body = raw.get("body")
    if not isinstance(body, str):
        raise MalformedRecord("is missing or not text", field="body")
    headers = headers_of(raw)
    signed = any(name.lower() == SIGNATURE_HEADER.lower() for name in headers)
    if signed and not keyring.empty and not keyring.signed(headers, body.encode("utf-8", "surrogatepass")):
        raise MalformedRecord("does not match the body", field=f"messageAttributes.{SIGNATURE_HEADER}")
    return classify(parse_webhook(body), chatwoot)


def read_record(raw: Mapping[str, Any], keyring: Keyring, chatwoot: ChatwootSettings) -> Record:
    """Parse one record; what is wrong with it is in ``error``, and the rest of the batch goes on."""
    decision, error = None, None
    try:
        decision = _judge(raw, keyring, chatwoot)
    except MalformedRecord as problem:
        error = problem
    attributes = raw.get("attributes")
    if not isinstance(attributes, Mapping):
        attributes = {}
    sent = _number(attributes.get("SentTimestamp"))
    return Record(
        raw=raw,
        message_id=str(raw.get("messageId", "")),
        receipt_handle=str(raw.get("receiptHandle", "")),
        receive_count=int(_number(attributes.get("ApproximateReceiveCount")) or 1),
        sent_at=sent / 1000 if sent else None,
        decision=decision,
        error=error,
    )


@dataclass(frozen=True)
class Group:
    """The records of one conversation in a batch, in the order in which they were received."""

    key: ConversationKey
    records: tuple[Record, ...]


def group_records(records: Sequence[Record]) -> tuple[list[Group], list[Record]]:
    """Groups by conversation, and the records that belong to none (malformed, or about something else)."""
    grouped: dict[ConversationKey, list[Record]] = {}
    rest: list[Record] = []
    for record in records:
        if record.key is None:
            rest.append(record)
        else:
            grouped.setdefault(record.key, []).append(record)
    return [Group(key, tuple(members)) for key, members in grouped.items()], rest
