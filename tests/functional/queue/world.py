"""A conversation in memory behind the ports, with faults before and after each effect: the queue room's playground."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fakes import KEY, FakeAgent, FakeAudit, FakeChatwoot, MortalDynamoDB, Steps

from metta.bounds import Bounds
from metta.counters import DynamoCounters
from metta.errors import ConversationBusy, Retry
from metta.guardrails import Guardrails
from metta.messages import (
    Turn,
)
from metta.policy import Limits, Policy, Price, load_policy
from metta.ports import SecondOpinion
from metta.queue.conversations import Conversations
from metta.queue.loop import LoopThread
from metta.queue.records import Group, read_record
from metta.queue.state import TurnStates
from metta.receiving.keyring import Keyring
from metta.settings import Settings, load
from metta.turn import Turns
from tests_support import payload, record
from tests_support.table import state_table

ENVIRONMENT = {
    "CHATWOOT_BASE_URL": "http://127.0.0.1:1",
    "CHATWOOT_API_KEY": "token",
    "CHATWOOT_ACCOUNT_ID": "3",
}


PRICE = Price(input=1, cached=1, output=1)
"""Of the fake model: a micro-dollar a token."""


POLICY = load_policy()
"""Read once: worlds are made by the hundred."""


class World:
    """Everything of the queue room for one conversation; ``deliver`` is one receive of its waiting records."""

    def __init__(self, *, bot: bool = False, **environment: str) -> None:
        self.steps = Steps()
        self.chatwoot = FakeChatwoot(self.steps, bot=bot)
        self.agent = FakeAgent(self.steps)
        self.audit = FakeAudit(self.steps)
        self.client = state_table()
        self.settings: Settings = load(ENVIRONMENT | environment)
        self.policy: Policy = POLICY
        self.opinion: SecondOpinion | None = None
        self.offset = 0.0
        self.loop = LoopThread()
        self.ended: list[Turn] = []

    def close(self) -> None:
        self.loop.close()

    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self.offset

    @property
    def states(self) -> TurnStates:
        return TurnStates(MortalDynamoDB(self.client, self.steps), "state-table", now=self.now)

    def worker(self) -> Conversations:
        policy = self.policy
        counters = DynamoCounters(MortalDynamoDB(self.client, self.steps), "state-table")
        turns = Turns(
            self.chatwoot,
            self.agent,
            Guardrails(policy),
            self.audit,
            policy,
            self.settings.chatwoot,
            burst_max_seconds=self.settings.burst_max_seconds,
            now=self.now,
            bounds=Bounds(policy.limits, counters, price=PRICE, now=self.now),
            second_opinion=self.opinion,
        )
        return Conversations(turns, self.states, self.loop, self.settings, ended=self.ended.append, now=self.now)

    def limit(self, **limits: Any) -> None:
        """Let the policy's limits be others from now on."""
        changed = Limits(**(self.policy.limits.model_dump() | limits))
        self.policy = self.policy.model_copy(update={"limits": changed})

    def items(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The table's items whose key begins so."""
        found = self.client.scan(TableName="state-table")["Items"]
        return {item["id"]["S"]: item for item in found if item["id"]["S"].startswith(prefix)}

    def customer_writes(self, text: str, channel: str = "Channel::WebWidget", **extra: Any) -> dict[str, Any]:
        """A customer message in the thread, and its SQS record."""
        message = self.chatwoot.add(text, **extra)
        body = payload(
            "01_incoming_text_webwidget.json",
            id=message.id,
            content=text,
            created_at=message.created_at.isoformat(),
            conversation__channel=channel,
        )
        return record(body, n=message.id)

    def deliver(self, *raws: dict[str, Any], receives: int = 1, seconds: float = 60) -> list[Turn]:
        """One worker receives the records once."""
        records = []
        for raw in raws:
            raw["attributes"]["ApproximateReceiveCount"] = str(receives)
            records.append(read_record(raw, Keyring(self.settings.webhook_secrets), self.settings.chatwoot))
        group = Group(KEY, tuple(records))
        assert all(one.error is None for one in records)
        worker = self.worker()
        for one in records:
            worker.skip(one)
        try:
            return worker.settle(group, seconds=seconds, can_wait=False)
        except Retry as error:
            self.offset += error.after_seconds or 0  # the records come back no sooner
            raise

    def killed_and_back(self) -> None:
        """The killed worker's lease ends and a new process starts."""
        self.steps.dead, self.steps.kill_at = False, None
        self.offset += 120

    def until_done(self, *raws: dict[str, Any], most: int = 12) -> int:
        """Receive the records again and again, as SQS does, until they are done; returns the number of receives."""
        for receive in range(1, most + 1):
            try:
                self.deliver(*raws, receives=receive)
            except ConversationBusy:
                self.offset += 120
            except Retry:
                continue
            else:
                return receive
        raise AssertionError(f"not done after {most} receives")


def outcomes(world: World) -> list[tuple[str, str]]:
    """How the audited turns ended, and why."""
    return [(str(turn.outcome), turn.reason) for turn in world.audit.turns.values()]
