"""The queue room's world with the index that the watchdog reads, and the watchdog itself."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fakes import KEY, FakeAgent, FakeAudit, Killed, MortalDynamoDB, Steps
from office import Office, Router
from world import World

from metta.bootstrap.watchdog import NoAgent
from metta.guardrails import Guardrails
from metta.messages import ConversationKey
from metta.observability import Meter, NoTracing
from metta.policy import Policy, load_policy
from metta.queue.loop import LoopThread
from metta.queue.rescue import Rescuer
from metta.queue.state import WATCH_INDEX, TurnStates
from metta.queue.unfinished import Unfinished, UnfinishedIndex
from metta.queue.watchdog import Watchdog, WatchReport
from metta.settings import Settings
from metta.turn import Turns

TABLE = "state-table"
MINUTES = 60.0


@cache
def policy_of_the_package() -> Policy:
    """Read once; reading it is most of what a small world costs."""
    return load_policy()


def with_index(client: Any) -> None:
    """Give the table the index that the template gives it."""
    client.delete_table(TableName=TABLE)
    names = {"id": "S", "watch": "S", "since": "N"}
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": kind} for n, kind in names.items()],
        GlobalSecondaryIndexes=[
            {
                "IndexName": WATCH_INDEX,
                "KeySchema": [
                    {"AttributeName": "watch", "KeyType": "HASH"},
                    {"AttributeName": "since", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )


class MortalIndex(MortalDynamoDB):
    """A dead process cannot read it either."""

    def query(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._steps.do("query", lambda: self._client.query(**kwargs))
        return found


def watchdog(
    client: Any,
    steps: Steps,
    chatwoot: Any,
    audit: FakeAudit,
    settings: Settings,
    loop: LoopThread,
    now: Any,
    *,
    emit_metrics: bool = False,
) -> Watchdog:
    """A watchdog on this world, as ``bootstrap`` wires it."""
    policy, dynamodb = policy_of_the_package(), MortalIndex(client, steps)
    states = TurnStates(dynamodb, TABLE, now=now)
    turns = Turns(
        chatwoot, NoAgent(), Guardrails(policy), audit, policy, settings.chatwoot, burst_max_seconds=20, now=now
    )
    return Watchdog(
        UnfinishedIndex(dynamodb, TABLE),
        states,
        Rescuer(turns, chatwoot, states, ended=lambda turn: None),
        loop,
        Meter(settings, enabled=emit_metrics),
        NoTracing(),
        unanswered_minutes=policy.limits.unanswered_minutes,
        now=now,
    )


class OneItem(UnfinishedIndex):
    """What the index would say of the one conversation there is, without the time that eight queries take."""

    def older_than(self, moment: float) -> list[Unfinished]:
        client: Any = self._client
        item = client.get_item(TableName=TABLE, Key={"id": {"S": f"turn#{KEY}"}}).get("Item", {})
        since = float(item["since"]["N"]) if "watch" in item else moment
        return [Unfinished(KEY, since)] if since < moment else []


class Watched(World):
    """One conversation, looked after by a watchdog; ``quick`` asks no index, for the many runs of kill tests."""

    def __init__(self, *, bot: bool = False, quick: bool = False, **environment: str) -> None:
        super().__init__(bot=bot, **environment)
        self.quick = quick
        if not quick:
            with_index(self.client)

    def pass_minutes(self, minutes: float = 16) -> None:
        self.offset += minutes * MINUTES

    def watch(self, seconds: float = 60) -> WatchReport:
        """One run."""
        dog = watchdog(self.client, self.steps, self.chatwoot, self.audit, self.settings, self.loop, self.now)
        if self.quick:
            dog._index = OneItem(self.client, TABLE)
        return dog.run(seconds)

    def watch_until_quiet(self, most: int = 5) -> int:
        """Run again and again, five minutes apart, until nothing is unfinished; returns the number of runs."""
        for run in range(1, most + 1):
            self.watch()
            if not self.unfinished:
                return run
            self.pass_minutes(5)
        raise AssertionError(f"still unfinished after {most} runs: {self.item()}")

    def writes_now(self, text: str) -> dict[str, Any]:
        """A customer message of this world's present."""
        return self.customer_writes(text, created_at=datetime.fromtimestamp(self.now(), UTC))

    def lose(self, raw: dict[str, Any]) -> None:
        """The worker is killed when it just has the record, which then never comes back."""
        self.steps.names.clear()
        self.steps.kill_at = 2  # after the lease is taken
        with contextlib.suppress(Killed):
            self.deliver(raw)
        self.steps.dead, self.steps.kill_at = False, None
        self.offset += MINUTES  # its lease ends

    def item(self, key: ConversationKey = KEY) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_item(TableName=TABLE, Key={"id": {"S": f"turn#{key}"}}).get("Item", {})
        return found

    @property
    def unfinished(self) -> bool:
        return "watch" in self.item()


class Ward:
    """Many conversations with a customer waiting in each, behind one watchdog."""

    def __init__(self, office: Office, settings: Settings) -> None:
        with_index(office.client)
        self.client = office.client
        self.log = office.log
        self.steps = Steps()
        self.chatwoot = Router(self.steps)
        self.audit = FakeAudit(self.steps)
        self.agent = FakeAgent(self.steps)
        self.settings = settings
        self.loop = office.loop
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def waits(self, conversation: int, minutes: float) -> None:
        """A customer of this conversation has been waiting for so long, and no record of it is left."""
        key = ConversationKey(account_id=3, conversation_id=conversation)
        began = self.now() - minutes * MINUTES
        self.chatwoot[conversation].add("Where is my order?", created_at=datetime.fromtimestamp(began, UTC))
        states = TurnStates(MortalDynamoDB(self.client, self.steps), TABLE, now=lambda: began)
        states.release(states.acquire(key, waiting=True))

    def watchdog(self, *, emit_metrics: bool = False) -> Watchdog:
        return watchdog(
            self.client,
            self.steps,
            self.chatwoot,
            self.audit,
            self.settings,
            self.loop,
            self.now,
            emit_metrics=emit_metrics,
        )
