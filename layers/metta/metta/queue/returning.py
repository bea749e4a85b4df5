"""Gives records back: to the queue after a short while, or to the dead-letter queue at once."""

from __future__ import annotations

import base64
import logging
import math
import random
from collections.abc import Sequence
from typing import Any, Protocol

from metta.errors import AuditDown, Paused, Retry
from metta.queue.records import Record

log = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 60
MAX_AUDIT_BACKOFF_SECONDS = 300
"""A missing audit row waits longer: the customer has the answer, and receives are limited."""
MAX_ATTRIBUTES = 10
"""SQS's limit of message attributes."""


class SQS(Protocol):
    """The part of boto3's SQS client used here."""

    def change_message_visibility_batch(self, **kwargs: Any) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        ...

    def send_message(self, **kwargs: Any) -> dict[str, Any]:
        """SendMessage."""
        ...


def delay_seconds(error: Retry, receives: int, *, jitter: random.Random | None = None) -> int:
    """How long records wait before they come back: as asked for, else exponential backoff with jitter.

    The backoff grows with the tries of what failed. While a dependency is known to be down nothing is tried, and it
    grows with the receives, which are limited: outages are not.
    """
    audit = isinstance(error, AuditDown) or (isinstance(error, Paused) and error.dependency == AuditDown.dependency)
    longest = MAX_AUDIT_BACKOFF_SECONDS if audit else MAX_BACKOFF_SECONDS
    times = receives if isinstance(error, Paused) and not audit else error.tries or receives
    most = min(longest, 2 ** min(times, 10))
    backoff = (jitter or random).uniform(most / 2, most)
    if error.after_seconds is None:
        return max(1, round(backoff))
    asked = max(1, min(900, math.ceil(error.after_seconds)))
    return max(asked, round(backoff)) if isinstance(error, Paused) else asked


class Returning:
    """Talks to SQS about records that are not done.

    Args:
        sqs: a boto3 client, or None where no queue is configured (single events under ``sam local invoke``).
        queue_url: the queue the records come from.
        dlq_url: the dead-letter queue; None sends rejected records the long way.
    """

    def __init__(self, sqs: SQS | None, queue_url: str | None, dlq_url: str | None) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dlq_url = dlq_url

    @property
    def can_wait(self) -> bool:
        """Whether a record can be given back for a short while."""
        return self._sqs is not None and self._queue_url is not None

    def give_back(self, records: Sequence[Record], seconds: int) -> None:
        """Let all ``records`` come back after ``seconds``. Best effort: else they come after the queue's own time."""
        if self._sqs is None or self._queue_url is None:
            return
        for start in range(0, len(records), 10):
            entries = [
                {"Id": str(n), "ReceiptHandle": record.receipt_handle, "VisibilityTimeout": seconds}
                for n, record in enumerate(records[start : start + 10])
            ]
            try:
                answer = self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
            except Exception as error:  # noqa: BLE001 - botocore's errors about unreadable answers are on no common branch
                log.warning("visibility not changed (%s); records come back later", type(error).__name__)
                return
            if failed := answer.get("Failed"):
                log.warning("visibility of %d records not changed; they come back later", len(failed))

    def reject(self, record: Record, reason: str) -> bool:
        """Put the record on the dead-letter queue, unchanged, with its attributes and the reason.

        Returns:
            False when there is no dead-letter queue or it refused: the record must then fail and take the long way.
        """
        if self._sqs is None or self._dlq_url is None:
            return False
        body = record.raw.get("body")
        given = record.raw.get("messageAttributes")
        attributes = {
            name: _attribute(value)
            for name, value in list(given.items() if isinstance(given, dict) else ())[: MAX_ATTRIBUTES - 1]
        }
        attributes["metta_reason"] = {"DataType": "String", "StringValue": reason[:500]}
        system = record.raw.get("attributes")
        system = system if isinstance(system, dict) else {}
        extra = {}
        if self._dlq_url.endswith(".fifo"):
            extra = {
                "MessageGroupId": str(system.get("MessageGroupId") or record.message_id),
                # not the one it came with: redriven and rejected again within five minutes, it would vanish
                "MessageDeduplicationId": record.message_id,
            }
        try:
            self._sqs.send_message(QueueUrl=self._dlq_url, MessageBody=body, MessageAttributes=attributes, **extra)
        except Exception as error:  # noqa: BLE001 - as above, and whatever is wrong with the record itself
            log.warning("dead-letter queue refused the record (%s)", type(error).__name__)
            return False
        return True


def _attribute(value: Any) -> dict[str, Any]:
    """A message attribute of the Lambda event in the shape SendMessage takes."""
    attribute = {"DataType": value.get("dataType", "String")}
    if value.get("binaryValue") is not None:
        attribute["BinaryValue"] = base64.b64decode(value["binaryValue"])
    else:
        attribute["StringValue"] = value.get("stringValue") or " "
    return attribute
