"""Wires the whole worker: built once per process, variables checked, clients made lazily on its loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any

from metta.ai.agent import MettaAgent
from metta.ai.warm import warm_turn
from metta.bootstrap.auditing import audit_store
from metta.bootstrap.common import (
    aws_client,
    check,
    placeholder_client,
    rehearsing,
    settings_as_they_are_now,
    started,
    stop_tracing,
    tracing,
    without_secrets,
)
from metta.bootstrap.pipeline import Pipeline, build_pipeline
from metta.bootstrap.watchdog import wire_watchdog
from metta.circuits import Circuit, CircuitAudit
from metta.errors import AuditDown, ChatwootDown, MettaError
from metta.integrations.chatwoot.client import ChatwootClient
from metta.integrations.odoo import OdooClient
from metta.messages import ConversationKey, JsonObject
from metta.observability import Meter, Metric, Tracing, set_up_logging
from metta.persistence.store import AuditStore
from metta.queue.batch import Batches
from metta.queue.conversations import Conversations
from metta.queue.guard import IdempotencyGuard
from metta.queue.loop import LoopThread
from metta.queue.measuring import measure, watch_circuits
from metta.queue.returning import Returning
from metta.queue.state import TurnStates
from metta.queue.watchdog import Watchdog
from metta.receiving.keyring import Keyring, Secrets
from metta.settings import Settings

NOWHERE = ConversationKey(account_id=0, conversation_id=0)
"""No conversation is this one."""


@dataclass
class Worker:
    """A wired worker.

    Attributes:
        settings: what it was built from.
        pipeline: what its turns are made of.
        chatwoot, audit: the rooms that hold connections, besides the pipeline's.
        batches: the handler's inside.
        dynamodb: a boto3 client; turn state is kept with it.
        watchdog: looks after what was left behind, where the worker does that too (``metta worker``).
    """

    settings: Settings
    pipeline: Pipeline
    chatwoot: ChatwootClient
    audit: AuditStore
    batches: Batches
    dynamodb: Any
    watchdog: Watchdog

    @property
    def agent(self) -> MettaAgent:
        """The agent."""
        return self.pipeline.agent

    @property
    def odoo(self) -> OdooClient:
        """Odoo."""
        return self.pipeline.odoo

    @property
    def loop(self) -> LoopThread:
        """Where its coroutines run."""
        return self.pipeline.loop

    def handle(self, event: Mapping[str, Any], context: Any) -> JsonObject:
        """Process one SQS event; the Lambda handler."""
        return self.batches.handle(event, context)

    def warm(self) -> None:
        """Do what is slow once and needs no network: the model client's first run, TLS contexts."""
        self.pipeline.warm()
        self.audit.rehearse(warm_turn())
        self.loop.run(self.chatwoot.prepare(), seconds=5)

    def warm_calls(self) -> None:
        """Do what is slow once in calls of DynamoDB, sending none; needs credentials, so never before a snapshot."""
        with rehearsing(self.dynamodb, b"{}"), suppress(MettaError):
            TurnStates(self.dynamodb, self.settings.state.table).acquire(NOWHERE, waiting=True)

    def close(self) -> None:
        """Close connections and threads."""
        self.batches.close()
        for closing in (self.chatwoot.aclose, self.audit.close):
            self.loop.run(closing(), seconds=5)
        self.pipeline.close()


def build_worker(
    settings: Settings,
    *,
    emit_metrics: bool = True,
    log_stream: IO[str] | None = None,
    client: Callable[[str], Any] | None = None,
    visibility_kept: bool = False,
    traced: Tracing | None = None,
) -> Worker:
    """Wire a worker.

    Args:
        settings: all variables.
        emit_metrics: whether EMF lines go to standard output.
        log_stream: where logs go; standard output when None.
        client: makes boto3 clients by service name, for tests.
        visibility_kept: whether the caller extends the visibility of records while they are worked on.
        traced: records spans; what ``METTA_TRACING`` asks for when None.

    Raises:
        SettingsError: a variable or the policy file is missing or malformed.
    """
    check(settings)
    set_up_logging(settings, log_stream)
    make = client or partial(aws_client, endpoint_url=settings.aws_endpoint_url)
    meter = Meter(settings, enabled=emit_metrics, function="worker")
    traced = traced or tracing(settings)
    dynamodb = make("dynamodb")
    pipeline = build_pipeline(settings, dynamodb, traced, spent=partial(meter.gauge, Metric.DAY_BUDGET_SPENT))
    policy, loop = pipeline.policy, pipeline.loop
    chatwoot_circuit, audit_circuit = Circuit(ChatwootDown.dependency), Circuit(AuditDown.dependency)
    watch_circuits(meter, (chatwoot_circuit, pipeline.odoo_circuit, pipeline.model_circuit, audit_circuit))
    chatwoot = ChatwootClient(
        settings.chatwoot, timeout_seconds=policy.limits.chatwoot_seconds, circuit=chatwoot_circuit
    )
    audit = audit_store(settings, dynamodb, policy, pipeline.guardrails)
    turns = pipeline.turns(chatwoot, CircuitAudit(audit, audit_circuit))
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
        keyring=keyring_of(settings, make),
    )
    watching = wire_watchdog(
        settings, policy, turns, chatwoot, dynamodb, loop, meter=Meter(settings, enabled=emit_metrics)
    )
    return Worker(settings, pipeline, chatwoot, audit, batches, dynamodb, watching)


def keyring_of(settings: Settings, make: Callable[[str], Any]) -> Keyring:
    """The receiver may have seen a newer secret than this worker; whether an old one still counts is its business."""
    secrets, arn = settings.webhook_secrets, settings.metta_secret_arn
    if not secrets or not arn:
        return Keyring(secrets)

    def read() -> Secrets:
        return settings_as_they_are_now(lambda: make("secretsmanager")).webhook_secrets

    return Keyring(secrets, read, max_age_seconds=math.inf)


@cache
def worker() -> Worker:
    """The process's worker, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    wired = started(build_worker)
    wired.warm()
    wired.warm_calls()
    return wired


def rehearse() -> None:
    """Build and warm a worker that has placeholders for secrets, and close it again: for a snapshot of the process.

    Raises:
        SettingsError: a variable or the policy file is missing or malformed; no secret is looked at.
    """
    from aws_lambda_powertools.utilities import parameters  # noqa: F401 - reads the secret, once restored

    def build(settings: Settings) -> Worker:
        client = partial(placeholder_client, endpoint_url=settings.aws_endpoint_url)
        return build_worker(settings, emit_metrics=False, client=client)

    wired = started(build, without_secrets)
    try:
        wired.warm()
    finally:
        wired.close()
        stop_tracing()
