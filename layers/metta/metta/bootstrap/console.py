"""Wires the console: the worker's pipeline on a Chatwoot in memory, and a look at everything it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

import boto3
from botocore.config import Config
from pydantic import SecretStr

from metta.ai.misses import Tries
from metta.bootstrap.common import check, started
from metta.bootstrap.pipeline import Pipeline, build_pipeline
from metta.bounds import Counters
from metta.console.app import ConsoleApp, Context
from metta.console.health import Health, check_all
from metta.console.probes import Looked, probes
from metta.console.request import SimulationRequest
from metta.console.simulate import Simulation, Simulator, Wiring
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import JsonObject
from metta.observability import NoTracing, set_up_logging
from metta.observability.masking import Mask
from metta.persistence.migrate import status
from metta.ports import Audit, Chatwoot
from metta.settings import Settings, fetch_secret
from metta.turn import Turns

QUICK = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1}, user_agent="metta")
"""For looks that are over after seconds, however they end."""


@dataclass
class Console:
    """A wired console.

    Attributes:
        pipeline: what simulated turns are made of.
        chatwoot: the real one, for the look at it alone.
        app: answers requests.
    """

    pipeline: Pipeline
    chatwoot: ChatwootClient
    app: ConsoleApp

    def handle(self, event: Mapping[str, Any], context: Context) -> JsonObject:
        """Answer one request; the Lambda handler."""
        return self.app.handle(event, context)

    def close(self) -> None:
        """Close what it opened itself; its pipeline may be another's."""
        self.pipeline.loop.run(self.chatwoot.aclose(), seconds=5)


def build_console(
    settings: Settings,
    *,
    log_stream: IO[str] | None = None,
    client: Callable[[str], Any] | None = None,
    pipeline: Pipeline | None = None,
) -> Console:
    """Wire a console; asks nothing of any dependency but the secret.

    Args:
        settings: all variables.
        log_stream: where logs go; standard output when None.
        client: makes boto3 clients by service name, for tests.
        pipeline: a worker's, in whose process it runs; one of its own when None.

    Raises:
        SettingsError: a variable or the policy file is missing or malformed.
    """
    if pipeline is None:
        check(settings)
        set_up_logging(settings, log_stream)

    def quick(service: str) -> Any:
        make: Any = boto3.client
        return make(service, endpoint_url=settings.aws_endpoint_url, config=QUICK)

    make = client or quick
    dynamodb = make("dynamodb")
    wired = pipeline or build_pipeline(settings, dynamodb, NoTracing())
    chatwoot = ChatwootClient(settings.chatwoot, timeout_seconds=wired.policy.limits.chatwoot_seconds)
    arn = settings.metta_secret_arn
    looks = probes(
        Looked(
            settings=settings,
            policy=wired.policy,
            chatwoot=chatwoot,
            odoo=wired.odoo,
            access=wired.agent.access,
            dynamodb=dynamodb,
            sqs=make("sqs"),
            secret=_read_anew,
            secret_at_start=fetch_secret(arn) if arn else {},
            schema=status,
        )
    )
    mask = Mask(_secrets(settings))

    def turns(desk: Chatwoot, audit: Audit, counters: Counters, tries: Tries) -> Turns:
        return wired.counted_by(counters, tries).turns(desk, audit)

    simulator = Simulator(
        Wiring(
            turns=turns,
            counters=wired.counters,
            loop=wired.loop,
            chatwoot=settings.chatwoot,
            identity=wired.policy.identity,
            attempts=settings.metta_max_attempts,
        )
    )

    def health() -> Health:
        return wired.loop.run(check_all(looks, mask))

    def simulate(request: SimulationRequest, seconds: float) -> Simulation:
        return simulator.run(request, seconds=seconds)

    return Console(wired, chatwoot, ConsoleApp(health, simulate))


def _read_anew(arn: str) -> Mapping[str, Any]:
    return fetch_secret(arn, max_age=0)


def _secrets(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


@cache
def console() -> Console:
    """The process's console, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    wired = started(build_console)
    wired.pipeline.warm()
    return wired
