"""Wires the webhook function: secrets, queue and door, and nothing that the agent needs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.exceptions import HTTPClientError

from metta.bootstrap.common import check, rehearsing, settings_as_they_are_now, started
from metta.messages import JsonObject
from metta.observability import Meter, log_keys, set_up_logging
from metta.receiving.door import Answer, Door
from metta.receiving.envelope import HEADERS, Envelope, wrap
from metta.receiving.function_url import NotHttpError, answered, read
from metta.receiving.keyring import Keyring
from metta.settings import Settings

QUEUE_CONFIG = Config(
    connect_timeout=1,
    read_timeout=1.5,
    retries={"total_max_attempts": 1},  # botocore would wait up to a second before the next; ``put`` tries again
    parameter_validation=False,
    user_agent="metta",
)
SECRET_CONFIG = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}, user_agent="metta")
AGAIN_WITHIN_SECONDS = 2.0
"""A second try begins only this soon after the first began, so that both fit into the five seconds Chatwoot waits."""


@dataclass
class Webhook:
    """A wired receiver.

    Attributes:
        door: its inside.
        meter: its counts, flushed after each request.
        sqs, queue_url: where webhooks go.
    """

    door: Door
    meter: Meter
    sqs: Any
    queue_url: str

    def handle(self, event: object, context: Any) -> JsonObject:
        """Receive one webhook; the Lambda handler."""
        with log_keys(function_request_id=str(context.aws_request_id)):
            try:
                answer = self.door.receive(read(event))
            except NotHttpError as error:
                answer = self.door.refuse(Answer.BAD_REQUEST, "malformed", f"no HTTP request, {error}")
            self.meter.flush()
        return answered(answer)

    def warm(self) -> None:
        """Do what is slow once and needs no network: all of a first message but its way to the queue."""
        rehearsal = wrap(b'{"event": "rehearsal"}', dict.fromkeys(HEADERS, "-"))
        with rehearsing(self.sqs, b'{"MessageId": "-"}'):
            rehearsal.send(self.sqs, self.queue_url, trace="Root=1-0-0")


def put(sqs: Any, queue_url: str, envelope: Envelope, *, clock: Callable[[], float] = time.monotonic) -> str:
    """Put an envelope on the queue, with the trace of this invocation; tries twice where the network fails.

    A first try that was only slow makes no second message: a FIFO queue knows its deduplication id, and behind another
    queue the worker does.
    """
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    began = clock()
    try:
        return envelope.send(sqs, queue_url, trace=trace)
    except (NotConnectedError, HTTPClientError):
        if clock() - began >= AGAIN_WITHIN_SECONDS:
            raise
    return envelope.send(sqs, queue_url, trace=trace)


def build_webhook(
    settings: Settings,
    *,
    emit_metrics: bool = True,
    log_stream: IO[str] | None = None,
    client: Callable[..., Any] = boto3.client,
) -> Webhook:
    """Wire a receiver; its AWS clients are made here, and give up before Chatwoot does.

    Args:
        settings: all variables.
        emit_metrics: whether metrics are written.
        log_stream: where log lines go.
        client: makes AWS clients.

    Raises:
        SettingsError: a variable is missing, or the secret lacks its key.
    """
    check(settings, ("queue", "receiver"))
    set_up_logging(settings, log_stream)
    sqs = client("sqs", endpoint_url=settings.aws_endpoint_url, config=QUEUE_CONFIG)
    keyring = Keyring(settings.receiver)
    if settings.metta_secret_arn:
        secrets = client("secretsmanager", endpoint_url=settings.aws_endpoint_url, config=SECRET_CONFIG)
        keyring = Keyring(settings.receiver, lambda: settings_as_they_are_now(lambda: secrets).receiver)
    meter = Meter(settings, enabled=emit_metrics, function="webhook")
    queue_url = settings.queue.queue_url
    return Webhook(Door(keyring, partial(put, sqs, queue_url), meter), meter, sqs, queue_url)


@cache
def webhook() -> Webhook:
    """The process's receiver, from the environment.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    wired = started(build_webhook)
    wired.warm()
    return wired
