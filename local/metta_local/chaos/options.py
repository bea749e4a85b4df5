"""What a run is asked for, and what its workers are given for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metta_local.aws import MiniStack, queue_attributes
from metta_local.chaos.ledger import Bounds
from metta_local.chatwoot import ChatwootEmulator

BURST_QUIET_SECONDS, BURST_MAX_SECONDS, VISIBILITY_SECONDS, MAX_RECEIVE_COUNT = 1, 8, 15, 30
TEAM_ID = 7
LIMITS = {"model_call_seconds": 3, "run_seconds": 12, "chatwoot_seconds": 2, "odoo_seconds": 2}
"""Patience of the workers, by policy: short, so that a run full of timeouts ends."""
TOKENS = ("a bot's token and one that lists messages", "a bot's token alone", "a user's token")
"""What the workers call Chatwoot with; the seed chooses."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    messages: int
    faults: float
    kills: int
    seed: int
    workers: int
    minutes: float
    standard: bool = False
    deployed: bool = False
    without: str | None = None

    @property
    def tokens(self) -> str:
        """The kind of tokens this seed runs with."""
        return TOKENS[self.seed % len(TOKENS)]

    @property
    def bounds(self) -> Bounds:
        """What the checks hold the workers to."""
        return Bounds(
            burst_max_seconds=BURST_MAX_SECONDS,
            max_receive_count=MAX_RECEIVE_COUNT,
            visibility_seconds=VISIBILITY_SECONDS,
            fifo=not self.standard,
            lists_messages=self.tokens != TOKENS[1],
        )


def queues(options: Options, aws: MiniStack) -> dict[str, str]:
    """A standard queue in the place of the FIFO queue, where asked for."""
    if not options.standard:
        return {}
    sqs = aws.client("sqs")
    dlq_url = sqs.create_queue(QueueName="metta-standard-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = queue_attributes(visibility_seconds=360, dlq_arn=arn, max_receive_count=MAX_RECEIVE_COUNT)
    del attributes["FifoQueue"]
    url = sqs.create_queue(QueueName="metta-standard", Attributes=attributes)["QueueUrl"]
    return {"AWS_SQS_QUEUE_URL": url, "AWS_SQS_DLQ_URL": dlq_url}


def variables(
    options: Options, given: Mapping[str, str], chatwoot: ChatwootEmulator, directory: Path
) -> dict[str, str]:
    """The workers' variables, beside the addresses that the proxies give them."""
    policy = directory / "policy.yaml"
    policy.write_text(json.dumps({"limits": LIMITS}), encoding="utf-8")  # JSON is YAML
    made: dict[str, Any] = {
        "AWS_SQS_QUEUE_URL": given["AWS_SQS_QUEUE_URL"],
        "AWS_SQS_DLQ_URL": given["AWS_SQS_DLQ_URL"],
        "METTA_POLICY": policy,
        "BURST_QUIET_SECONDS": BURST_QUIET_SECONDS,
        "BURST_MAX_SECONDS": BURST_MAX_SECONDS,
        "SQS_VISIBILITY_TIMEOUT": VISIBILITY_SECONDS,
        "SQS_MAX_RECEIVE_COUNT": MAX_RECEIVE_COUNT,
        "CHATWOOT_HANDOFF_TEAM_ID": TEAM_ID,
    }
    if options.tokens != TOKENS[0]:
        made["CHATWOOT_HISTORY_API_KEY"] = ""
    if options.tokens == TOKENS[2]:
        made["CHATWOOT_API_KEY"] = chatwoot.agent_token
    return {name: str(value) for name, value in made.items()}


def command(options: Options) -> tuple[str, ...]:
    """What starts a worker."""
    if options.without is None:
        return (sys.executable, "-m", "metta_local.chaos.worker_process")
    return (sys.executable, "-m", "metta_local.chaos.sabotage", options.without)
