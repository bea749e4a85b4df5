"""Wires the whole worker: built once per process, variables checked, clients made lazily on its loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any

from metta.ai.agent import MettaAgent, instructions_text
from metta.ai.second_opinion import SecondOpinions, enabled
from metta.ai.tools import SPECS
from metta.ai.tracing import SdkSpans
from metta.ai.usage import dearest, price_of
from metta.bootstrap.common import aws_client, check, started, tracing
from metta.bootstrap.watchdog import wire_watchdog
from metta.bounds import Bounds
from metta.circuits import Circuit, CircuitAgent, CircuitAudit, CircuitShop
from metta.counters import DynamoCounters
from metta.errors import AuditDown, ChatwootDown, ModelDown, OdooDown
from metta.guardrails import Guardrails
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.odoo import OdooClient, OdooShop
from metta.integrations.odoo.results import field_names
from metta.messages import JsonObject
from metta.observability import Meter, Metric, NoTracing, set_up_logging
from metta.persistence.store import AuditStore
from metta.policy import load_policy
from metta.queue.batch import Batches
from metta.queue.conversations import Conversations
from metta.queue.guard import IdempotencyGuard
from metta.queue.loop import LoopThread
from metta.queue.measuring import measure, watch_circuits
from metta.queue.returning import Returning
from metta.queue.state import TurnStates
from metta.queue.watchdog import Watchdog
from metta.settings import Settings
from metta.turn import Turns


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
    meter, traced = Meter(settings, enabled=emit_metrics, function="worker"), tracing(settings)
    circuits = {down: Circuit(down.dependency) for down in (ChatwootDown, OdooDown, ModelDown, AuditDown)}
    watch_circuits(meter, circuits.values())
    chatwoot = ChatwootClient(
        settings.chatwoot, timeout_seconds=policy.limits.chatwoot_seconds, circuit=circuits[ChatwootDown]
    )
    odoo = OdooClient(
        settings.odoo,
        timeout_seconds=policy.limits.odoo_seconds,
        calls_per_second=policy.odoo.calls_per_second,
    )
    shop = CircuitShop(OdooShop(odoo, policy=policy, odoo_url=settings.odoo.url), circuits[OdooDown])
    key = settings.audit_key
    dynamodb = make("dynamodb")
    counters = DynamoCounters(dynamodb, settings.state.table)
    safety_key = key.get_secret_value() if key else None
    agent = MettaAgent(
        settings.model,
        policy,
        shop,
        tries=counters,
        safety_key=safety_key,
        trace_processor=None if isinstance(traced, NoTracing) else SdkSpans(),
    )
    guardrails = Guardrails(policy)
    guardrails.protect(instructions_text(policy), *(spec.description for spec in SPECS.values()))
    guardrails.protect(*SPECS, *(spec.argument for spec in SPECS.values()), *field_names())
    audit = AuditStore(settings.database.get_secret_value())
    judge = policy.second_opinion.judge
    models = (settings.model.model, *((judge.model,) if judge.enabled and judge.model else ()))
    bounds = Bounds(
        policy.limits,
        counters,
        price=dearest(price_of(model, policy.prices) for model in models),
        further_output=judge.output_tokens if judge.enabled else 0,
        spent=partial(meter.gauge, Metric.DAY_BUDGET_SPENT),
    )
    opinions = SecondOpinions(agent.access, policy, model=settings.model.model)
    turns = Turns(
        chatwoot,
        CircuitAgent(agent, model=circuits[ModelDown], shop=circuits[OdooDown]),
        guardrails,
        CircuitAudit(audit, circuits[AuditDown]),
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
        traced,
        visibility_kept=visibility_kept,
    )
    watching = wire_watchdog(
        settings, policy, turns, chatwoot, dynamodb, loop, meter=Meter(settings, enabled=emit_metrics)
    )
    return Worker(settings, chatwoot, odoo, agent, audit, loop, batches, watching)


@cache
def worker() -> Worker:
    """The process's worker, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    wired = started(build_worker)
    wired.warm()
    return wired
