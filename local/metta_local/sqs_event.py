"""Turns messages as boto3 receives them into the event that Lambda's SQS event source makes, and reads its answer."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from metta.messages import JsonObject

_QUEUE_URL = re.compile(
    r"https?://(?:sqs\.(?P<region>[a-z0-9-]+)\.amazonaws\.com[^/]*|[^/]+)/(?P<account>\d+)/(?P<name>[\w.-]+)$"
)


def queue_arn(queue_url: str, region: str) -> str:
    """The ARN of the queue behind a URL.

    Args:
        queue_url: ``https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`` or the same path on another endpoint.
        region: used when the URL names none, as local endpoints do not.

    Raises:
        ValueError: the URL is not that of a queue.
    """
    match = _QUEUE_URL.match(queue_url)
    if match is None:
        raise ValueError("not the URL of a queue")
    return f"arn:aws:sqs:{match['region'] or region}:{match['account']}:{match['name']}"


def _attribute(value: Mapping[str, Any]) -> JsonObject:
    shaped: JsonObject = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return shaped


def _record(message: Mapping[str, Any], arn: str) -> JsonObject:
    record: JsonObject = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message.get("Body", ""),
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def lambda_event(messages: Sequence[Mapping[str, Any]], arn: str) -> JsonObject:
    """The Lambda event that holds ``messages`` of the queue ``arn``, in the order in which they were received."""
    return {"Records": [_record(message, arn) for message in messages]}


def failed_ids(answer: object, ids: Sequence[str]) -> frozenset[str]:
    """Message ids of a batch that must stay on the queue, as Lambda reads a partial batch response.

    Nothing listed means that all succeeded. An entry that names no message of the batch, or nothing at all, makes the
    whole batch fail, since the answer cannot be trusted (AWS: services-sqs-errorhandling).
    """
    if answer is None:
        return frozenset()
    if not isinstance(answer, Mapping):
        return frozenset(ids)
    entries = answer.get("batchItemFailures")
    if entries is None or entries == []:
        return frozenset()
    if not isinstance(entries, list):
        return frozenset(ids)
    named = [entry.get("itemIdentifier") if isinstance(entry, Mapping) else None for entry in entries]
    if any(name not in ids for name in named):
        return frozenset(ids)
    return frozenset(str(name) for name in named)
