"""Reads and answers the HTTP events of a Function URL or an HTTP API (payload format 2.0, which both have)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from metta.nouns import JsonObject
from metta.receiving.door import Answer, Request
from metta.receiving.envelope import MAX_BODY_BYTES


class NotHttpError(Exception):
    """The event is no HTTP request in this format; the text says why, without quoting it."""


def read(event: object) -> Request:
    """The request in an event. Its path is left unread: where the receiver is mounted is the operator's business.

    Raises:
        NotHttpError: it is another event, or its body cannot be decoded.
    """
    http = _object(_object(event, "event").get("requestContext"), "requestContext").get("http")
    method = _object(http, "requestContext.http").get("method")
    if not isinstance(method, str):
        raise NotHttpError("requestContext.http.method is missing")
    headers = _object(_object(event, "event").get("headers") or {}, "headers")
    return Request(method, {name: value for name, value in headers.items() if isinstance(value, str)}, _body(event))


def answered(answer: Answer) -> JsonObject:
    """The response that Lambda's HTTP front doors understand."""
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": answer.body,
        "isBase64Encoded": False,
    }


def _object(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise NotHttpError(f"{name} is missing")
    return value


def _body(event: object) -> bytes:
    fields = _object(event, "event")
    text = fields.get("body") or ""
    if not isinstance(text, str):
        raise NotHttpError("body is no text")
    if not fields.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    if len(text) * 3 // 4 > MAX_BODY_BYTES + 3:
        return b" " * (MAX_BODY_BYTES + 1)  # too large whatever it says, and not worth decoding
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotHttpError("body is no base64") from None
