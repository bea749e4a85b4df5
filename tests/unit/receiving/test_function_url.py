"""Lambda's HTTP events become the very bytes that Chatwoot sent, and what is none of them gets an answer, too."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from metta.receiving.door import Answer
from metta.receiving.envelope import MAX_BODY_BYTES
from metta.receiving.function_url import NotHttpError, answered, read

RAW = '{"event":"message_created","content":"Fisch \\u0026 \u20ac"}'.encode()


def event(body: object, *, encoded: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": "/stage/webhooks/chatwoot",
        "headers": {"content-type": "application/json", "x-chatwoot-delivery": "d-1"},
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/chatwoot"}},
        "body": body,
        "isBase64Encoded": encoded,
        **more,
    }


@pytest.mark.parametrize(
    "sent", [event(RAW.decode()), event(base64.b64encode(RAW).decode(), encoded=True)], ids=["text", "base64"]
)
def test_the_bytes_are_those_that_were_sent(sent: dict[str, Any]) -> None:
    request = read(sent)
    assert (request.method, request.body) == ("POST", RAW)
    assert request.headers["x-chatwoot-delivery"] == "d-1"


def test_a_body_is_decoded_only_where_it_can_be_small_enough() -> None:
    largest = base64.b64encode(b"x" * MAX_BODY_BYTES).decode()
    assert len(read(event(largest, encoded=True)).body) == MAX_BODY_BYTES
    assert len(read(event("!" * 5_000_000, encoded=True)).body) > MAX_BODY_BYTES


@pytest.mark.parametrize("missing", [{"body": None}, {"headers": None}])
def test_a_request_without_body_or_headers_is_one(missing: dict[str, Any]) -> None:
    assert read(event("") | missing).method == "POST"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"Records": []},
        {"requestContext": {"http": "POST"}},
        {"requestContext": {"http": {"method": 7}}},
        {"httpMethod": "POST", "body": "{}", "requestContext": {}},
        event({"event": "x"}),
        event("no base64", encoded=True),
        event("\u00fcber", encoded=True),
        event("") | {"headers": "none"},
    ],
)
def test_another_event_is_told_from_a_request(sent: object) -> None:
    with pytest.raises(NotHttpError):
        read(sent)


def test_half_a_character_pair_is_left_to_the_signature() -> None:
    assert read(event("\ud800")).body == b"\xed\xa0\x80"


def test_the_answer_is_one_that_lambda_passes_on() -> None:
    assert answered(Answer.UNAUTHORIZED) == {
        "statusCode": 401,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": '{"error": "unauthorized"}',
        "isBase64Encoded": False,
    }
