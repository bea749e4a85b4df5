"""A queue as SQS describes it, typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metta_local.doctor.aws_access import Aws, AwsError

RIGHT = "sqs:GetQueueAttributes"


@dataclass(frozen=True)
class Queue:
    """What is known of a queue.

    Attributes:
        arn: its name in AWS.
        fifo: whether it keeps the order of a conversation's messages.
        visibility_seconds: for how long a received message is hidden from others.
        retention_seconds: after which a message is gone.
        waiting, in_flight: messages, about.
        redrive_target: the ARN of its dead-letter queue; None when there is none.
        max_receives: after which a message is moved there.
        statements: of its policy.
    """

    arn: str
    fifo: bool
    visibility_seconds: int
    retention_seconds: int
    waiting: int
    in_flight: int
    redrive_target: str | None
    max_receives: int
    statements: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition(":")[2]


def read_queue(aws: Aws, sqs: Any, url: str) -> Queue:
    """Ask SQS.

    Raises:
        AwsError: it does not answer, there is no such queue, or the credentials may not.
    """
    answer = aws.ask(sqs.get_queue_attributes, RIGHT, QueueUrl=url, AttributeNames=["All"])
    told: Mapping[str, str] = answer.get("Attributes", {})
    redrive = _object(told.get("RedrivePolicy"))
    arn = told.get("QueueArn")
    if not arn:
        raise AwsError("what answers is no SQS", "check AWS_ENDPOINT_URL")
    return Queue(
        arn=arn,
        fifo=told.get("FifoQueue") == "true" or arn.endswith(".fifo"),
        visibility_seconds=int(told.get("VisibilityTimeout", 30)),
        retention_seconds=int(told.get("MessageRetentionPeriod", 345600)),
        waiting=int(told.get("ApproximateNumberOfMessages", 0)),
        in_flight=int(told.get("ApproximateNumberOfMessagesNotVisible", 0)),
        redrive_target=redrive.get("deadLetterTargetArn"),
        max_receives=int(redrive.get("maxReceiveCount", 0)),
        statements=_statements(_object(told.get("Policy"))),
    )


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _statements(policy: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    given = policy.get("Statement", [])
    return tuple(each for each in (given if isinstance(given, list) else [given]) if isinstance(each, dict))
