"""What each place says when it is in trouble, word for word as the real one does: throttling, outages, nonsense."""

from __future__ import annotations

import json
from typing import Any

from metta_local.chaos.http_wire import Message, response
from metta_local.chaos.injector import Fault
from metta_local.chaos.journal import FaultKind, Place

_JSON = "application/json; charset=utf-8"
_HTML = "text/html"
_AMZ_JSON = "application/x-amz-json-1.0"
_GATEWAY = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_MAINTENANCE = "<!DOCTYPE html><html><body><h1>Down for maintenance</h1><p>We will be back soon.</p></body></html>"


def trouble(place: Place, operation: str, fault: Fault, request: Message) -> Message:
    """The answer for a fault of kind TOO_MANY or SERVER_ERROR."""
    throttled = fault.kind is FaultKind.TOO_MANY
    if place is Place.CHATWOOT:
        return _chatwoot(operation, fault, throttled=throttled)
    if place is Place.ODOO:
        return _odoo(fault, request, throttled=throttled)
    if place is Place.MODEL:
        return _model(fault, throttled=throttled)
    if place is Place.DYNAMODB:
        return _dynamodb(fault, throttled=throttled)
    return _sqs(operation, fault, request, throttled=throttled)


def malformed(place: Place, fault: Fault, answer: Message | None) -> Message:
    """Something a client can make nothing of, usually called a success; ``answer`` is the true one, if there is one."""
    aws = place in (Place.DYNAMODB, Place.SQS)
    if aws and answer is None:  # over TLS nobody but a load balancer of its own answers for AWS, and never with success
        return _gateway(502 + fault.variant % 2)
    kind = _AMZ_JSON if aws else _JSON
    shapes = [response(200, "OK", b"<html><body>Please stand by</body></html>", _HTML)]
    whole = answer.body if answer is not None and len(answer.body) > 1 else b'{"id": 1, "payload": [{"id": 2}]}'
    shapes.append(response(200, "OK", whole[: max(1, len(whole) * 2 // 3)], kind))
    if not aws:
        shapes.append(response(200, "OK", b"[]", kind))
        shapes.append(response(200, "OK", b"", kind))
        shapes.append(response(200, "OK", b'{"message":"ok"}', kind))
    return shapes[fault.variant % len(shapes)]


def _gateway(status: int) -> Message:
    words = _GATEWAY[status]
    page = f"<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1>"
    page += "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    return response(status, words, page.encode(), _HTML)


def _chatwoot(operation: str, fault: Fault, *, throttled: bool) -> Message:
    if throttled:
        return response(429, "Too Many Requests", b"Retry later\n", "text/plain")
    choice = fault.variant % 4
    if choice == 0 and operation == "create_message":
        text = (
            "PQsocket() can't get socket descriptor"
            if fault.variant % 8
            else "could not obtain a connection from the pool"
        )
        return response(422, "Unprocessable Entity", _dump({"error": text}), _JSON)
    if choice in (0, 1):
        return response(500, "Internal Server Error", _dump({"status": 500, "error": "Internal Server Error"}), _JSON)
    return _gateway(502 if choice == 2 else 503)


def _odoo(fault: Fault, request: Message, *, throttled: bool) -> Message:
    if throttled:
        page = b"<html><body><h1>429 Too Many Requests</h1></body></html>"
        return response(429, "Too Many Requests", page, _HTML, retry_after="1")
    choice = fault.variant % 4
    if choice == 0:
        return response(200, "OK", _MAINTENANCE.encode(), _HTML)
    if choice in (1, 2):
        return _gateway(502 if choice == 1 else 503)
    name, said = ("psycopg2.errors.SerializationFailure", "could not serialize access due to concurrent update")
    if fault.variant % 8 > 3:
        name, said = ("psycopg2.OperationalError", "server closed the connection unexpectedly")
    try:
        identifier = json.loads(request.body).get("id")
    except (ValueError, AttributeError):
        identifier = None
    data = {"name": name, "debug": f"Traceback (most recent call last):\n{said}\n", "message": said}
    error = {"code": 200, "message": "Odoo Server Error", "data": {**data, "arguments": [said], "context": {}}}
    return response(200, "OK", _dump({"jsonrpc": "2.0", "id": identifier, "error": error}), _JSON)


def _model(fault: Fault, *, throttled: bool) -> Message:
    def error(message: str, kind: str, code: str | None) -> bytes:
        return _dump({"error": {"message": message, "type": kind, "param": None, "code": code}})

    if throttled:
        said = "Rate limit reached for gpt-5.6-luna on requests per min (RPM). Please try again in 1s."
        body = error(said, "requests", "rate_limit_exceeded")
        if fault.variant % 3 == 0:
            return response(429, "Too Many Requests", body, _JSON, retry_after="1")
        if fault.variant % 3 == 1:
            return response(429, "Too Many Requests", body, _JSON, retry_after_ms="700")
        return response(429, "Too Many Requests", body, _JSON)
    if fault.variant % 2:
        said = "The server had an error while processing your request. Sorry about that!"
        return response(500, "Internal Server Error", error(said, "server_error", None), _JSON)
    said = "That model is currently overloaded with other requests."
    return response(503, "Service Unavailable", error(said, "service_unavailable_error", None), _JSON)


def _dynamodb(fault: Fault, *, throttled: bool) -> Message:
    if not throttled:
        if fault.variant % 3 == 0:
            return _aws_error(503, "com.amazon.coral.service#ServiceUnavailable", "The service is unavailable.")
        said = "The request processing has failed because of an unknown error, exception or failure."
        return _aws_error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError", said)
    if fault.variant % 2:
        return _aws_error(
            400, "com.amazon.coral.availability#ThrottlingException", "Rate of requests exceeds the limit."
        )
    said = "The level of configured provisioned throughput for the table was exceeded."
    return _aws_error(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", said)


def _sqs(operation: str, fault: Fault, request: Message, *, throttled: bool) -> Message:
    entries = _entries(request)
    if entries and fault.variant % 2 and not fault.after_effect:
        code, said = ("RequestThrottled", "Rate exceeded") if throttled else ("InternalError", "Please try again.")
        failed = [{"Id": id_, "SenderFault": False, "Code": code, "Message": said} for id_ in entries]
        return response(200, "OK", _dump({"Successful": [], "Failed": failed}), _AMZ_JSON)
    if throttled:
        return _aws_error(400, "com.amazonaws.sqs#RequestThrottled", "Rate exceeded", "RequestThrottled;Sender")
    if fault.variant % 3 == 0:
        return _aws_error(
            503, "com.amazon.coral.service#ServiceUnavailable", "Try again.", "ServiceUnavailable;Receiver"
        )
    said = f"An internal error occurred while processing {operation}."
    return _aws_error(500, "com.amazon.coral.service#InternalFailure", said, "InternalFailure;Receiver")


def _entries(request: Message) -> list[str]:
    """Ids of a batch request's entries; empty for any other."""
    try:
        entries = json.loads(request.body).get("Entries")
    except (ValueError, AttributeError):
        return []
    return [str(entry.get("Id")) for entry in entries] if isinstance(entries, list) else []


def _aws_error(status: int, kind: str, message: str, query: str = "") -> Message:
    reason = {400: "Bad Request", 503: "Service Unavailable"}.get(status, "Internal Server Error")
    more = {"x_amzn_query_error": query} if query else {}
    body = _dump({"__type": kind, "message": message})
    return response(status, reason, body, _AMZ_JSON, x_amzn_requestid="CHAOS0000000000", **more)


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
