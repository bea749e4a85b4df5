"""Many conversations behind the whole handler: Powertools batch, idempotency, turn state on an in-process DynamoDB."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

from fakes import FakeAgent, FakeAudit, FakeChatwoot, MortalDynamoDB, Steps
from world import ENVIRONMENT

from metta.circuits import Circuit, CircuitAgent
from metta.guardrails import Guardrails
from metta.messages import ConversationKey, Turn
from metta.observability import Meter, NoTracing, Tracing, set_up_logging
from metta.policy import load_policy
from metta.queue.batch import Batches
from metta.queue.conversations import Conversations
from metta.queue.guard import IdempotencyGuard
from metta.queue.loop import LoopThread
from metta.queue.measuring import measure
from metta.queue.returning import Returning
from metta.queue.state import TurnStates
from metta.settings import load
from metta.turn import Turns


class Router:
    """Chatwoot with as many conversations as are asked for."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.by_key: dict[ConversationKey, FakeChatwoot] = {}
        self.may_list = True

    def __getitem__(self, conversation: int) -> FakeChatwoot:
        return self._of(ConversationKey(account_id=3, conversation_id=conversation))

    def _of(self, key: ConversationKey) -> FakeChatwoot:
        return self.by_key.setdefault(key, FakeChatwoot(self.steps))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(first: Any, *args: Any, **kwargs: Any) -> Any:
            key = first if isinstance(first, ConversationKey) else first.key
            return getattr(self._of(key), name)(first, *args, **kwargs)

        return call


class SqsCalls:
    """What the handler tells SQS."""

    def __init__(self) -> None:
        self.visibility: dict[str, int] = {}
        self.sent: list[dict[str, Any]] = []

    def change_message_visibility_batch(self, **kwargs: Any) -> dict[str, Any]:
        self.visibility |= {e["ReceiptHandle"]: e["VisibilityTimeout"] for e in kwargs["Entries"]}
        return {}

    def send_message(self, **kwargs: Any) -> dict[str, Any]:
        self.sent.append(kwargs)
        return {}


class Context:
    """Lambda's context with a minute left, unless told otherwise."""

    function_name = "worker"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:worker"
    aws_request_id = "request-1"

    def __init__(self, seconds: float = 60) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


class Office:
    """The handler with everything behind it."""

    def __init__(
        self,
        client: Any,
        *,
        now: Callable[[], float] = time.time,
        tracing: Tracing | None = None,
        emit_metrics: bool = False,
        **environment: str,
    ) -> None:
        self.steps = Steps()
        self.chatwoot = Router(self.steps)
        self.agent = FakeAgent(self.steps)
        self.audit = FakeAudit(self.steps)
        self.sqs = SqsCalls()
        self.log = io.StringIO()
        self.client = client
        self.loop = LoopThread()
        self.ended: list[Turn] = []
        settings = load(ENVIRONMENT | environment)
        self.meter = Meter(settings, enabled=emit_metrics, function="worker")
        set_up_logging(settings, self.log)
        policy = load_policy()
        chatwoot: Any = self.chatwoot
        self.shop_circuit = Circuit("odoo", now=now)
        self.inner_agent = CircuitAgent(self.agent, model=Circuit("model", now=now), shop=self.shop_circuit)
        turns = Turns(
            chatwoot,
            self.inner_agent,
            Guardrails(policy),
            self.audit,
            policy,
            settings.chatwoot,
            burst_max_seconds=settings.burst_max_seconds,
            now=now,
        )
        states = TurnStates(MortalDynamoDB(client, self.steps), "state-table", now=now)
        self.batches = Batches(
            settings,
            settings.chatwoot,
            Conversations(turns, states, self.loop, settings, ended=self._end, now=now),
            IdempotencyGuard(client, "state-table"),
            Returning(self.sqs, "queue", "dlq.fifo"),
            self.meter,
            tracing or NoTracing(),
        )

    def _end(self, turn: Turn) -> None:
        self.ended.append(turn)
        measure(self.meter, turn)

    def close(self) -> None:
        self.batches.close()
        self.loop.close()

    def handle(self, *records: dict[str, Any], seconds: float = 60) -> list[str]:
        """One invocation; returns the ids that fail."""
        answer = self.batches.handle({"Records": list(records)}, Context(seconds))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Log lines so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]
