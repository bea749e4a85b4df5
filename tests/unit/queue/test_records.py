"""What the queue makes of an SQS record, good or bad."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metta.queue.records import group_records, read_record
from metta.receiving.keyring import Keyring
from metta.settings import Settings, load
from tests_support import PAYLOADS, payload, record

ENVIRONMENT = {
    "CHATWOOT_BASE_URL": "http://127.0.0.1:1",
    "CHATWOOT_API_KEY": "token",
    "CHATWOOT_ACCOUNT_ID": "3",
}


def settings(**more: str) -> Settings:
    return load(ENVIRONMENT | more)


def read(raw: dict[str, Any], **more: str) -> Any:
    chosen = settings(**more)
    return read_record(raw, Keyring(chosen.webhook_secrets), chosen.chatwoot)


def test_a_customers_message_is_an_answer_with_its_conversation() -> None:
    one = read(record(payload("01_incoming_text_webwidget.json"), receives=3, sent=1234.5))
    assert one.decision.answer.message_id == 5001
    assert str(one.key) == "3:84"
    assert (one.receive_count, one.sent_at, one.receipt_handle) == (3, 1234.5, "r-1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("not json", "body"),
        ("[1]", "body"),
        ("null", "body"),
        ('{"event": "message_created"}', "id"),
        (json.dumps({"event": "message_created", "id": "x"}), "id"),
        (7, "body"),
        (None, "body"),
    ],
)
def test_a_malformed_body_names_the_field_and_does_not_raise(body: Any, field: str) -> None:
    one = read(record("") | {"body": body})
    assert one.decision is None
    assert one.error is not None
    assert one.error.field == field


def test_a_record_without_attributes_is_read() -> None:
    raw = record(payload("01_incoming_text_webwidget.json"))
    del raw["attributes"], raw["messageAttributes"]
    one = read(raw)
    assert one.decision.answer is not None
    assert (one.receive_count, one.sent_at) == (1, None)


@pytest.mark.parametrize("name", ["X-Chatwoot-Signature", "x_chatwoot_signature"])
def test_a_wrapped_record_is_checked_against_its_signature(name: str) -> None:
    raw_body = (PAYLOADS / "16_wire_body.raw").read_text()
    vector = json.loads((PAYLOADS / "16_wire_headers.json").read_text())
    headers = {key: {"stringValue": value, "dataType": "String"} for key, value in vector["headers"].items()}
    headers[name] = headers.pop("X-Chatwoot-Signature")
    good = read(record(raw_body, messageAttributes=headers), CHATWOOT_WEBHOOK_SECRET=vector["secret"])
    assert good.error is None
    rotated = read(
        record(raw_body, messageAttributes=headers),
        CHATWOOT_WEBHOOK_SECRET="newer",
        CHATWOOT_WEBHOOK_SECRET_PREVIOUS=vector["secret"],
    )
    assert rotated.error is None
    forged = read(record(raw_body + " ", messageAttributes=headers), CHATWOOT_WEBHOOK_SECRET=vector["secret"])
    assert forged.error is not None
    assert forged.error.field == "messageAttributes.X-Chatwoot-Signature"


def test_groups_are_conversations_in_the_order_received() -> None:
    chosen = settings()
    raws = [
        record(payload("01_incoming_text_webwidget.json"), n=1),
        record(payload("07_incoming_whatsapp.json"), n=2),
        record("broken", n=3),
        record(payload("03_outgoing_by_agent_still_pending.json"), n=4),
    ]
    groups, rest = group_records([read_record(raw, Keyring(()), chosen.chatwoot) for raw in raws])
    assert [[r.message_id for r in group.records] for group in groups] == [["m-1", "m-4"], ["m-2"]]
    assert [r.message_id for r in rest] == ["m-3"]
