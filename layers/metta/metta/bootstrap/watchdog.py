"""Wires the watchdog, alone or beside a worker's batches: it needs neither Odoo nor a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any

from metta.bootstrap.auditing import audit_store
from metta.bootstrap.common import aws_client, check, started, tracing
from metta.circuits import Circuit, CircuitAudit
from metta.errors import AuditDown, ChatwootDown
from metta.guardrails import Guardrails
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import AgentReply, AgentWork, IncomingMessage, JsonObject, MessageContext
from metta.observability import Meter, set_up_logging
from metta.persistence.store import AuditStore
from metta.policy import Policy, load_policy
from metta.queue.loop import LoopThread
from metta.queue.measuring import measure, watch_circuits
from metta.queue.rescue import Rescuer
from metta.queue.state import TurnStates
from metta.queue.unfinished import UnfinishedIndex
from metta.queue.watchdog import Watchdog
from metta.settings import Settings
from metta.turn import Turns


@dataclass
class WatchdogWorker:
    """A wired watchdog without a worker: it needs neither Odoo nor a model.

    Attributes:
        chatwoot, audit: the rooms that hold connections.
        loop: where its coroutines run.
        watchdog: its inside.
    """

    chatwoot: ChatwootClient
    audit: AuditStore
    loop: LoopThread
    watchdog: Watchdog

    def handle(self, event: object, context: Any) -> JsonObject:
        """Look once; the Lambda handler."""
        return self.watchdog.handle(event, context)

    def close(self) -> None:
        """Close connections and threads."""
        for closing in (self.chatwoot.aclose, self.audit.close):
            self.loop.run(closing(), seconds=5)
        self.loop.close()


class NoAgent:
    """Stands where nothing may be asked of a model."""

    async def run(
        self, messages: Sequence[IncomingMessage], context: MessageContext, work: AgentWork, *, seconds: float
    ) -> AgentReply:
        """Never called: the watchdog's turns give up before."""
        raise NotImplementedError


def build_watchdog(
    settings: Settings,
    *,
    emit_metrics: bool = True,
    log_stream: IO[str] | None = None,
    client: Callable[[str], Any] | None = None,
) -> WatchdogWorker:
    """Wire a watchdog alone; arguments as ``build_worker`` has them.

    Raises:
        SettingsError: a variable or the policy file is missing or malformed.
    """
    check(settings, ("chatwoot", "state", "database"))
    set_up_logging(settings, log_stream)
    policy = load_policy(settings.metta_policy)
    make = client or partial(aws_client, endpoint_url=settings.aws_endpoint_url)
    loop = LoopThread()
    circuits = {down: Circuit(down.dependency) for down in (ChatwootDown, AuditDown)}
    chatwoot = ChatwootClient(
        settings.chatwoot, timeout_seconds=policy.limits.chatwoot_seconds, circuit=circuits[ChatwootDown]
    )
    dynamodb = make("dynamodb")
    guardrails = Guardrails(policy)
    audit = audit_store(settings, dynamodb, policy, guardrails)
    turns = Turns(
        chatwoot,
        NoAgent(),
        guardrails,
        CircuitAudit(audit, circuits[AuditDown]),
        policy,
        settings.chatwoot,
        burst_max_seconds=settings.burst_max_seconds,
    )
    meter = Meter(settings, enabled=emit_metrics, function="watchdog")
    watch_circuits(meter, circuits.values())
    watching = wire_watchdog(settings, policy, turns, chatwoot, dynamodb, loop, meter=meter)
    return WatchdogWorker(chatwoot, audit, loop, watching)


def wire_watchdog(
    settings: Settings,
    policy: Policy,
    turns: Turns,
    chatwoot: ChatwootClient,
    dynamodb: Any,
    loop: LoopThread,
    *,
    meter: Meter,
) -> Watchdog:
    """A watchdog on rooms that exist; its meter is its own, since it works beside a worker's batches."""
    states = TurnStates(dynamodb, settings.state.table)
    return Watchdog(
        UnfinishedIndex(dynamodb, settings.state.table),
        states,
        Rescuer(turns, chatwoot, states, ended=lambda turn: measure(meter, turn)),
        loop,
        meter,
        tracing(settings),
        unanswered_minutes=policy.limits.unanswered_minutes,
    )


@cache
def watchdog() -> WatchdogWorker:
    """The process's watchdog, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    return started(build_watchdog)
