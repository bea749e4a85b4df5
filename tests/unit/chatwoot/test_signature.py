"""Only Chatwoot, which knows the secret, can put a message on the queue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from metta.integrations.chatwoot.signature import sign, verify

PAYLOADS = Path(__file__).parents[2] / "payloads" / "chatwoot"
BODY = (PAYLOADS / "16_wire_body.raw").read_bytes()
VECTOR = json.loads((PAYLOADS / "16_wire_headers.json").read_bytes())
SECRET: str = VECTOR["secret"]
HEADERS: dict[str, str] = VECTOR["headers"]
SENT_AT = int(HEADERS["X-Chatwoot-Timestamp"])


def test_the_vector_signs_and_verifies() -> None:
    assert sign(SECRET, SENT_AT, BODY) == HEADERS["X-Chatwoot-Signature"]
    assert sign(SecretStr(SECRET), str(SENT_AT), BODY) == HEADERS["X-Chatwoot-Signature"]
    assert verify([SECRET], HEADERS, BODY)


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_header_names_are_taken_in_any_case(spell: object) -> None:
    assert callable(spell)
    assert verify([SECRET], {spell(name): value for name, value in HEADERS.items()}, BODY)


def test_both_secrets_are_good_while_they_are_rotated() -> None:
    assert verify([SecretStr("new"), SecretStr(SECRET)], HEADERS, BODY)
    assert verify([SECRET, "old"], HEADERS, BODY)
    assert not verify(["new", "old"], HEADERS, BODY)


def test_one_changed_byte_or_a_rewritten_body_does_not_verify() -> None:
    assert not verify([SECRET], HEADERS, BODY[:-1] + b" ")
    assert not verify([SECRET], HEADERS, json.dumps(json.loads(BODY)).encode())
    assert not verify([SECRET], HEADERS | {"X-Chatwoot-Timestamp": str(SENT_AT + 1)}, BODY)


def test_without_secret_signature_or_timestamp_nothing_verifies() -> None:
    assert not verify([], HEADERS, BODY)
    assert not verify([""], {**HEADERS, "X-Chatwoot-Signature": sign("", SENT_AT, BODY)}, BODY)
    for missing in ("X-Chatwoot-Signature", "X-Chatwoot-Timestamp"):
        assert not verify([SECRET], {name: HEADERS[name] for name in HEADERS if name != missing}, BODY)


@pytest.mark.parametrize("signature", ["", "sha256=", "é" * 71, "\ud800", HEADERS["X-Chatwoot-Signature"].upper()])
def test_a_malformed_signature_is_merely_wrong(signature: str) -> None:
    assert not verify([SECRET], HEADERS | {"X-Chatwoot-Signature": signature}, BODY)


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1.5", "٣", "9" * 5000])
def test_a_malformed_timestamp_is_merely_wrong(timestamp: str) -> None:
    assert not verify([SECRET], HEADERS | {"X-Chatwoot-Timestamp": timestamp}, BODY)


def test_an_old_body_is_refused_only_where_a_window_is_set() -> None:
    late = SENT_AT + 301

    assert verify([SECRET], HEADERS, BODY, now=late)
    assert verify([SECRET], HEADERS, BODY, now=SENT_AT + 300, window_seconds=300)
    assert not verify([SECRET], HEADERS, BODY, now=late, window_seconds=300)
    assert not verify([SECRET], HEADERS, BODY, now=SENT_AT - 301, window_seconds=300)
