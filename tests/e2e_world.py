"""The emulated world around a function under test: what customers wrote before, what they saw after."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from metta.messages import ConversationKey
from metta.queue.state import TurnStates
from metta_local.aws import MiniStack
from metta_local.chatwoot import ChatwootEmulator
from metta_local.model import ModelEmulator
from metta_local.receiver import PATH, WebhookReceiver
from metta_local.serving import LoopbackServer
from metta_local.stack import LocalStack

EVENTS = Path(__file__).resolve().parents[1] / "events"


def load_event(name: str) -> dict[str, Any]:
    """One of ``events/``, by its name without ``.json``."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


@dataclass
class World:
    """The emulated Chatwoot beside the events: what customers wrote before, what they saw after."""

    stack: LocalStack
    chatwoot: ChatwootEmulator
    model: ModelEmulator
    aws: MiniStack

    def forget(self) -> None:
        """As if nothing had ever been written or answered."""
        self.chatwoot.webhook_url = None
        self.chatwoot.faults.clear()
        self.model.reset()
        with self.chatwoot.lock:
            self.chatwoot.world.conversations.clear()
        dynamodb, table = self.aws.client("dynamodb"), self.stack.environment()["IDEMPOTENCY_TABLE"]
        for item in dynamodb.scan(TableName=table, ProjectionExpression="id")["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})

    def let_leases_end(self) -> None:
        """As if the time had passed that a worker may take for a conversation."""
        dynamodb, table = self.aws.client("dynamodb"), self.stack.environment()["IDEMPOTENCY_TABLE"]
        for item in dynamodb.scan(TableName=table)["Items"]:
            for name in ("lease_until", "in_progress_expiration"):
                if name in item:
                    item[name] = {"N": "1"}
            dynamodb.put_item(TableName=table, Item=item)

    def remember(self, event: dict[str, Any]) -> None:
        """Put the customer messages that an event tells of into Chatwoot, under their own ids."""
        for record in event["Records"]:
            try:
                body = json.loads(record["body"])
            except ValueError:
                continue
            if body["event"] != "message_created" or body["message_type"] != "incoming":
                continue
            conversation, inbox = body["conversation"]["id"], body["inbox"]["id"]
            with self.chatwoot.lock:
                known = conversation in self.chatwoot.world.conversations
                self.chatwoot.world.next_conversation_id = conversation
                self.chatwoot.world.next_message_id = body["id"]
                self.chatwoot.customer_writes(
                    901,
                    body["content"],
                    inbox,
                    conversation_id=conversation if known else None,
                    new_conversation=not known,
                    attachments=[{"file_type": one["file_type"]} for one in body.get("attachments", ())],
                )

    def loses_a_message(
        self,
        text: str = "Where is my order?",
        *,
        minutes: float,
        aws: MiniStack | None = None,
        table: str | None = None,
    ) -> int:
        """A customer wrote so long ago, a worker took the message and was killed, and no record of it is left.

        Turn state says so in the stack's own table, unless another is named.
        """
        webhook_url, self.chatwoot.webhook_url = self.chatwoot.webhook_url, None
        began = time.time() - minutes * 60
        with self.chatwoot.lock:
            conversation = int(self.chatwoot.customer_writes(901, text, new_conversation=True)["conversation_id"])
            self.chatwoot.world.conversations[conversation].messages[-1].created_at = began
        self.chatwoot.webhook_url = webhook_url
        states = TurnStates(
            (aws or self.aws).client("dynamodb"),
            table or self.stack.environment()["IDEMPOTENCY_TABLE"],
            now=lambda: began,
        )
        states.acquire(ConversationKey(account_id=3, conversation_id=conversation), waiting=True)
        return conversation

    @contextmanager
    def webhooks_on(self, queue_url: str) -> Iterator[None]:
        """An operator's own receiver puts Chatwoot's webhooks on that queue."""
        receiver = WebhookReceiver(self.aws.client("sqs"), queue_url, [self.chatwoot.webhook_secret])
        with LoopbackServer(receiver.app) as server:
            self.chatwoot.webhook_url = server.url + PATH
            yield
            self.chatwoot.webhook_url = None

    def replies(self, conversation: int) -> list[str]:
        """What was written to the customer."""
        return [
            message["content"]
            for message in self.chatwoot.messages(conversation)
            if message["message_type"] == 1 and not message["private"]
        ]

    def audited(self, conversation: int) -> list[tuple[str, list[int]]]:
        """Outcome and customer messages of each turn in the audit log."""
        query = (
            "SELECT t.outcome, array_agg(m.message_id ORDER BY m.ordinal) FROM metta.turns t"
            " JOIN metta.incoming_messages m ON m.turn_id = t.id"
            " WHERE t.conversation_id = %s GROUP BY t.id ORDER BY t.started_at"
        )
        with psycopg.connect(self.stack.environment()["DATABASE_MIGRATE_URL"]) as connection:
            return [(outcome, ids) for outcome, ids in connection.execute(query, (conversation,)).fetchall()]

    def dead_letters(self) -> list[dict[str, Any]]:
        """What lies in the dead-letter queue; it is taken out."""
        sqs, url = self.aws.client("sqs"), self.stack.environment()["AWS_SQS_DLQ_URL"]
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0,
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found
