"""Wires the whole worker from settings; the only place that knows all rooms.

``worker()`` and ``watchdog()`` are what functions call: built once per process, variables checked, clients made lazily
on its loop.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any

import boto3
from botocore.config import Config

from metta.ai.agent import MettaAgent, instructions_text
from metta.ai.second_opinion import SecondOpinions, enabled
from metta.ai.tools import SPECS
from metta.ai.usage import dearest, price_of
from metta.bounds import Bounds
from metta.circuits import Circuit, CircuitAgent, CircuitAudit, CircuitShop
from metta.counters import DynamoCounters
from metta.errors import AuditDown, ModelDown, OdooDown, SettingsError
from metta.guardrails import Guardrails
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.odoo import OdooClient, OdooShop
from metta.integrations.odoo.results import field_names
from metta.messages import AgentReply, AgentWork, IncomingMessage, JsonObject, MessageContext
from metta.observability import Meter, NoTracing, Tracing, XRayTracing, set_up_logging
from metta.persistence.store import AuditStore
from metta.policy import Policy, load_policy
from metta.queue.batch import Batches
from metta.queue.conversations import Conversations
from metta.queue.guard import IdempotencyGuard
from metta.queue.loop import LoopThread
from metta.queue.measuring import measure
from metta.queue.rescue import Rescuer
from metta.queue.returning import Returning
from metta.queue.state import TurnStates
from metta.queue.unfinished import UnfinishedIndex
from metta.queue.watchdog import Watchdog
from metta.settings import Settings, load
from metta.turn import Turns

AWS_CONFIG = Config(
    connect_timeout=3,
    read_timeout=5,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=50,
    parameter_validation=False,  # all parameters are built in code; a seventh of a call's CPU
    user_agent="metta",  # botocore's own is put together anew for each request; a tenth of a call's CPU
)


@dataclass
class Worker:
    """A wired worker.

    Attributes:
        settings: what it was built from.
        chatwoot, odoo, agent, audit: the rooms that hold connections.
        loop: where its coroutines run.
        batches: the handler's inside.
        watchdog: looks after what was left behind, where the worker does that too (``metta worker``).
    """

    settings: Settings
    chatwoot: ChatwootClient
    odoo: OdooClient
    agent: MettaAgent
    audit: AuditStore
    loop: LoopThread
    batches: Batches
    watchdog: Watchdog

    def handle(self, event: Mapping[str, Any], context: Any) -> JsonObject:
        """Process one SQS event; the Lambda handler."""
        return self.batches.handle(event, context)

    def warm(self) -> None:
        """Do what is slow once and needs no network: the model client's first run."""
        self.loop.run(self.agent.warm(), seconds=20)

    def close(self) -> None:
        """Close connections and threads."""
        self.batches.close()
        for closing in (self.chatwoot.aclose, self.agent.aclose, self.audit.close):
            self.loop.run(closing(), seconds=5)
        self.odoo.close()
        self.loop.close()


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


def aws_client(service: str, *, endpoint_url: str | None) -> Any:
    """A boto3 client with bounded timeouts and retries."""
    make: Any = boto3.client
    return make(service, endpoint_url=endpoint_url, config=AWS_CONFIG)


def check(settings: Settings, views: Sequence[str] = ("chatwoot", "odoo", "model", "state", "database")) -> None:
    """Raise one ``SettingsError`` that names everything that ``views`` lack, those of a worker unless given."""
    problems = []
    for view in views:
        try:
            getattr(settings, view)
        except SettingsError as error:
            problems.append(str(error).removeprefix("not set: "))
    if problems:
        raise SettingsError(f"not set: {', '.join(problems)}")


def build_worker(
    settings: Settings,
    *,
    emit_metrics: bool = True,
    log_stream: IO[str] | None = None,
    client: Callable[[str], Any] | None = None,
    visibility_kept: bool = False,
) -> Worker:
    """Wire a worker.

    Args:
        settings: all variables.
        emit_metrics: whether EMF lines go to standard output.
        log_stream: where logs go; standard output when None.
        client: makes boto3 clients by service name, for tests.
        visibility_kept: whether the caller extends the visibility of records while they are worked on.

    Raises:
        SettingsError: a variable or the policy file is missing or malformed.
    """
    check(settings)
    set_up_logging(settings, log_stream)
    policy = load_policy(settings.metta_policy)
    make = client or partial(aws_client, endpoint_url=settings.aws_endpoint_url)
    loop = LoopThread()
    chatwoot = ChatwootClient(settings.chatwoot, timeout_seconds=policy.limits.chatwoot_seconds)
    odoo = OdooClient(
        settings.odoo,
        timeout_seconds=policy.limits.odoo_seconds,
        calls_per_second=policy.odoo.calls_per_second,
    )
    shop_circuit = Circuit(OdooDown.dependency)
    shop = CircuitShop(OdooShop(odoo, policy=policy, odoo_url=settings.odoo.url), shop_circuit)
    key = settings.audit_key
    dynamodb = make("dynamodb")
    counters = DynamoCounters(dynamodb, settings.state.table)
    safety_key = key.get_secret_value() if key else None
    agent = MettaAgent(settings.model, policy, shop, tries=counters, safety_key=safety_key)
    guardrails = Guardrails(policy)
    guardrails.protect(instructions_text(policy), *(spec.description for spec in SPECS.values()))
    guardrails.protect(*SPECS, *(spec.argument for spec in SPECS.values()), *field_names())
    audit = AuditStore(settings.database.get_secret_value())
    meter = Meter(settings, enabled=emit_metrics)
    judge = policy.second_opinion.judge
    models = (settings.model.model, *((judge.model,) if judge.enabled and judge.model else ()))
    bounds = Bounds(
        policy.limits,
        counters,
        price=dearest(price_of(model, policy.prices) for model in models),
        further_output=judge.output_tokens if judge.enabled else 0,
    )
    opinions = SecondOpinions(agent.access, policy, model=settings.model.model)
    turns = Turns(
        chatwoot,
        CircuitAgent(agent, model=Circuit(ModelDown.dependency), shop=shop_circuit),
        guardrails,
        CircuitAudit(audit, Circuit(AuditDown.dependency)),
        policy,
        settings.chatwoot,
        burst_max_seconds=settings.burst_max_seconds,
        bounds=bounds,
        second_opinion=opinions if enabled(policy.second_opinion) else None,
    )
    conversations = Conversations(
        turns, TurnStates(dynamodb, settings.state.table), loop, settings, ended=lambda turn: measure(meter, turn)
    )
    sqs = make("sqs") if settings.aws_sqs_queue_url or settings.aws_sqs_dlq_url else None
    batches = Batches(
        settings,
        settings.chatwoot,
        conversations,
        IdempotencyGuard(dynamodb, settings.state.table),
        Returning(sqs, settings.aws_sqs_queue_url, settings.aws_sqs_dlq_url),
        meter,
        tracing(settings),
        visibility_kept=visibility_kept,
    )
    watching = wire_watchdog(settings, policy, turns, chatwoot, dynamodb, loop, emit_metrics=emit_metrics)
    return Worker(settings, chatwoot, odoo, agent, audit, loop, batches, watching)


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
    chatwoot = ChatwootClient(settings.chatwoot, timeout_seconds=policy.limits.chatwoot_seconds)
    audit = AuditStore(settings.database.get_secret_value())
    turns = Turns(
        chatwoot,
        NoAgent(),
        Guardrails(policy),
        CircuitAudit(audit, Circuit(AuditDown.dependency)),
        policy,
        settings.chatwoot,
        burst_max_seconds=settings.burst_max_seconds,
    )
    watching = wire_watchdog(settings, policy, turns, chatwoot, make("dynamodb"), loop, emit_metrics=emit_metrics)
    return WatchdogWorker(chatwoot, audit, loop, watching)


def wire_watchdog(
    settings: Settings,
    policy: Policy,
    turns: Turns,
    chatwoot: ChatwootClient,
    dynamodb: Any,
    loop: LoopThread,
    *,
    emit_metrics: bool,
) -> Watchdog:
    """A watchdog on rooms that exist; it has metrics of its own, since it works beside a worker's batches."""
    states, meter = TurnStates(dynamodb, settings.state.table), Meter(settings, enabled=emit_metrics)
    return Watchdog(
        UnfinishedIndex(dynamodb, settings.state.table),
        states,
        Rescuer(turns, chatwoot, states, ended=lambda turn: measure(meter, turn)),
        loop,
        meter,
        tracing(settings),
        unanswered_minutes=policy.limits.unanswered_minutes,
    )


def tracing(settings: Settings) -> Tracing:
    """X-Ray in Lambda unless Powertools' own switch turns it off; nothing elsewhere."""
    in_lambda = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME"))
    off = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in ("1", "true", "yes")
    return XRayTracing(settings.powertools_service_name) if in_lambda and not off else NoTracing()


@cache
def worker() -> Worker:
    """The process's worker, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    try:
        wired = build_worker(load())
    except SettingsError as error:
        sys.stderr.write(f"Metta does not start: {error}\n")
        raise
    wired.warm()
    return wired


@cache
def watchdog() -> WatchdogWorker:
    """The process's watchdog, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    try:
        return build_watchdog(load())
    except SettingsError as error:
        sys.stderr.write(f"Metta does not start: {error}\n")
        raise
