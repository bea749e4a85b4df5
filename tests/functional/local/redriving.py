"""A queue with its dead-letter queue on real queue semantics, for the tests of ``metta redrive``."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from metta_local.aws import MiniStack

from .processes import Done

Redrive = Callable[..., Done]
"""Runs the command in this process."""


def body(conversation: int, text: str) -> str:
    return json.dumps(
        {
            "event": "message_created",
            "id": 1,
            "content": text,
            "account": {"id": 3},
            "conversation": {"id": conversation},
        }
    )


class Pair:
    """A queue with its dead-letter queue."""

    def __init__(self, aws: MiniStack, *, fifo: bool = True) -> None:
        self.aws = aws
        self.sqs = aws.client("sqs")
        name = f"r{uuid.uuid4().hex[:12]}"
        if fifo:
            self.queue, self.dead = aws.create_queues(name)
        else:
            self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
            self.dead = self.sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
        self.environment = aws.environment | {"AWS_SQS_QUEUE_URL": self.queue, "AWS_SQS_DLQ_URL": self.dead}

    def dead_letter(self, text: str, conversation: int = 84, *, reason: str | None = None, **attributes: str) -> None:
        """Put a message into the dead-letter queue, as SQS or, with a reason, the worker does."""
        given = attributes | ({"metta_reason": reason} if reason else {})
        extra: dict[str, Any] = {
            "MessageAttributes": {name: {"DataType": "String", "StringValue": v} for name, v in given.items()}
        }
        if self.dead.endswith(".fifo"):
            extra |= {"MessageGroupId": f"3:{conversation}", "MessageDeduplicationId": uuid.uuid4().hex}
        content = text if reason else body(conversation, text)
        self.sqs.send_message(QueueUrl=self.dead, MessageBody=content, **extra)

    def take(self, url: str) -> list[dict[str, Any]]:
        """All messages of a queue that can be received now; they are deleted."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += messages
        return found

    def arrived(self) -> list[str]:
        """What came to the queue: each message's text, in order."""
        return [text_of(message) for message in self.take(self.queue)]

    def left(self) -> list[str]:
        """What can be received from the dead-letter queue right now."""
        return [text_of(message) for message in self.take(self.dead)]


def text_of(message: dict[str, Any]) -> str:
    try:
        return str(json.loads(message["Body"])["content"])
    except ValueError:
        return str(message["Body"])


class Watched:
    """An SQS client that can be told what to do instead of a call."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self.instead: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return self.instead.get(name) or getattr(self._sqs, name)
