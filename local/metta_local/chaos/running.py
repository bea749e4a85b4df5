"""One run: stack, proxies, workers and director together, until everything has come to its end or time is up.

Customers write during the first part; then everything has to settle while calls still go wrong, then in calm. What is
left behind is collected when nobody works any more.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metta_local.aws import MiniStack, queue_attributes
from metta_local.chaos import collecting
from metta_local.chaos.agenda import Agenda
from metta_local.chaos.crew import Crew, Kill
from metta_local.chaos.director import Director, Stage
from metta_local.chaos.injector import Injector
from metta_local.chaos.journal import FaultKind, Journal, Place
from metta_local.chaos.ledger import Bounds, Observed
from metta_local.chaos.postman import Postman
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.script import scenes
from metta_local.chaos.steps import STEPS
from metta_local.stack import LocalStack

MESSAGES_PER_SECOND = 6.5
"""How fast customers write, unless time is short."""
LEAST_SENDING_SECONDS = 6.0
THINKING_SECONDS = 0.15
"""What every answer of the model takes at least."""
SENDING_SHARE, FAULTY_SHARE = 0.55, 0.75
"""Of the whole time: until when customers begin to write, until when calls go wrong."""
COLLECTING_SECONDS = 15.0
LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 5.0
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
    without: str | None = None

    @property
    def tokens(self) -> str:
        """The kind of tokens this seed runs with."""
        return TOKENS[self.seed % len(TOKENS)]


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    options: Options
    observed: Observed
    journal: Journal
    faults: Mapping[tuple[Place, FaultKind], int]
    kills: Sequence[Kill]
    webhooks: Mapping[str, int]
    seconds: float
    failures: Sequence[BaseException] = field(default_factory=tuple)
    """Faults of the harness itself."""


def run(options: Options, directory: Path, say: Callable[[str], None]) -> Result:
    """Run once.

    Args:
        options: what is asked for.
        directory: where workers log.
        say: told how it goes.

    Raises:
        RuntimeError: the stack or a worker did not start.
    """
    began = time.monotonic()
    with ExitStack() as open_:
        stack = open_.enter_context(LocalStack({}))
        say(f"the stack is up after {time.monotonic() - began:.0f} s; starting {options.workers} workers")
        performance = _Performance(options, stack, directory, open_)
        performance.start()
        settled = performance.play(began, say)
        performance.crew.stop(20.0)
        return performance.result(settled, began)


class _Performance:
    """The parts of one run."""

    def __init__(self, options: Options, stack: LocalStack, directory: Path, open_: ExitStack) -> None:
        assert stack.chatwoot is not None
        assert stack.model is not None
        assert stack.aws is not None
        self.options = options
        self.chatwoot, self.aws = stack.chatwoot, stack.aws
        self.given = stack.environment() | _queues(options, stack)
        self.sqs = stack.aws.client("sqs")
        self.injector = Injector(options.seed, options.faults)
        self.journal = Journal()
        self.agenda = Agenda()
        self.stage = Stage(stack.chatwoot, stack.model, self.journal)
        self.director = Director(self.stage, self.agenda, options.seed)
        url = self.given["AWS_SQS_QUEUE_URL"]
        self.postman = Postman(self.sqs, url, self.agenda, options.seed, seen=self.director.seen)
        self.proxies = open_.enter_context(Proxies(self.given, self.journal, self.injector))
        self.proxies.harness.observers.append(self.director.observe)
        variables = _variables(options, self.given, stack, directory)
        self.crew = open_.enter_context(Crew(stack, self.proxies, variables, directory, command=_command(options)))
        open_.enter_context(self.agenda)
        self.chance = random.Random(f"kills {options.seed}")

    def start(self) -> None:
        """Start the workers and open the post."""
        self.stage.model.latency = THINKING_SECONDS
        self.crew.start(self.options.workers)
        self.chatwoot.courier.deliver_by(self.postman.post)

    def play(self, began: float, say: Callable[[str], None]) -> bool:
        """Play it to its end; False when time was up before."""
        options, time_left = self.options, self.options.minutes * 60 - COLLECTING_SECONDS
        rest = time_left - (time.monotonic() - began)
        sending = max(LEAST_SENDING_SECONDS, min(options.messages / MESSAGES_PER_SECOND, SENDING_SHARE * rest))
        self._plan_kills(sending)
        self.director.play(scenes(options.seed, options.messages, sending))
        watch = _Watch(self, say)
        faulty_until = time.monotonic() + FAULTY_SHARE * rest
        settled = watch.until(lambda: time.monotonic() > faulty_until)
        self.injector.calm()
        self.proxies.harness.ambush.disarm()
        return settled or watch.until(lambda: time.monotonic() - began > time_left)

    def _plan_kills(self, sending: float) -> None:
        """Half at named steps, half at any moment; whoever no worker came to becomes a kill at any moment."""
        for number in range(self.options.kills):
            at = self.chance.uniform(0.05, 1.0) * sending
            if number % 2:
                self.agenda.later(at, self._kill_anyone)
            else:
                step = self.chance.choice(STEPS)
                self.agenda.later(at, lambda step=step: self.crew.kill_at(step))  # type: ignore[misc]
        self.agenda.later(sending + 2, self._make_up)

    def _make_up(self) -> None:
        for number, _ in enumerate(self.proxies.harness.ambush.disarm()):
            self.agenda.later(number * 1.5, self._kill_anyone)

    def _kill_anyone(self) -> None:
        alive = self.crew.alive
        if not alive or not self.crew.kill(self.chance.choice(alive)):
            self.agenda.later(0.5, self._kill_anyone)

    def result(self, settled: bool, began: float) -> Result:
        """Collect what is left behind."""
        given = self.given
        left = collecting.left_on_queue(self.sqs, given["AWS_SQS_QUEUE_URL"])
        dead = collecting.dead_letters(self.sqs, given["AWS_SQS_DLQ_URL"])
        unfinished = collecting.unfinished_states(self.aws.client("dynamodb"), given["IDEMPOTENCY_TABLE"])
        told = collecting.conversations(
            self.chatwoot, given["DATABASE_MIGRATE_URL"], unfinished, self.stage.words, self.postman.queued
        )
        observed = Observed(
            conversations=tuple(told),
            calls=tuple(self.journal.calls),
            kills=tuple((kill.at, kill.worker) for kill in self.crew.kills),
            crashes=tuple(f"{crash.worker} ended by itself with {crash.code}" for crash in self.crew.crashes),
            dead=tuple(dead),
            left_on_queue=left,
            settled=settled,
            bounds=Bounds(
                burst_max_seconds=BURST_MAX_SECONDS,
                max_receive_count=MAX_RECEIVE_COUNT,
                visibility_seconds=VISIBILITY_SECONDS,
                fifo=not self.options.standard,
                lists_messages=self.options.tokens != TOKENS[1],
            ),
        )
        return Result(
            self.options,
            observed,
            self.journal,
            Counter(self.injector.counts),
            list(self.crew.kills),
            Counter(self.postman.counts),
            time.monotonic() - began,
            list(self.agenda.failures),
        )


class _Watch:
    """Looks once a second whether all is over, and says how it goes."""

    def __init__(self, performance: _Performance, say: Callable[[str], None]) -> None:
        self._performance = performance
        self._say = say
        self._began = self._told = time.monotonic()

    def until(self, enough: Callable[[], bool]) -> bool:
        """Wait until everything has settled (True) or it is enough (False)."""
        quiet = 0
        while quiet < 2:
            if enough():
                return False
            time.sleep(LOOK_SECONDS)
            one = self._performance
            left = collecting.left_on_queue(one.sqs, one.given["AWS_SQS_QUEUE_URL"])
            still = one.director.over and one.agenda.empty and not left
            quiet = quiet + 1 if still else 0
            if time.monotonic() - self._told >= PROGRESS_SECONDS:
                self._told = time.monotonic()
                self._say(
                    f"{self._told - self._began:4.0f} s  {one.director.sent} of {one.options.messages} messages,"
                    f" {left} records on the queue, {sum(one.injector.counts.values())} faults,"
                    f" {len(one.crew.kills)} kills"
                )
        return True


def _queues(options: Options, stack: LocalStack) -> dict[str, str]:
    """A standard queue in the place of the FIFO queue, where asked for."""
    if not options.standard:
        return {}
    aws = stack.aws
    assert isinstance(aws, MiniStack)
    sqs = aws.client("sqs")
    dlq_url = sqs.create_queue(QueueName="metta-standard-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    attributes = queue_attributes(visibility_seconds=360, dlq_arn=arn, max_receive_count=MAX_RECEIVE_COUNT)
    del attributes["FifoQueue"]
    url = sqs.create_queue(QueueName="metta-standard", Attributes=attributes)["QueueUrl"]
    return {"AWS_SQS_QUEUE_URL": url, "AWS_SQS_DLQ_URL": dlq_url}


def _variables(options: Options, given: Mapping[str, str], stack: LocalStack, directory: Path) -> dict[str, str]:
    """The workers' variables, beside the addresses that the proxies give them."""
    policy = directory / "policy.yaml"
    policy.write_text(json.dumps({"limits": LIMITS}), encoding="utf-8")  # JSON is YAML
    variables: dict[str, Any] = {
        "AWS_SQS_QUEUE_URL": given["AWS_SQS_QUEUE_URL"],
        "AWS_SQS_DLQ_URL": given["AWS_SQS_DLQ_URL"],
        "METTA_POLICY": policy,
        "BURST_QUIET_SECONDS": BURST_QUIET_SECONDS,
        "BURST_MAX_SECONDS": BURST_MAX_SECONDS,
        "SQS_VISIBILITY_TIMEOUT": VISIBILITY_SECONDS,
        "SQS_MAX_RECEIVE_COUNT": MAX_RECEIVE_COUNT,
        "CHATWOOT_HANDOFF_TEAM_ID": TEAM_ID,
    }
    assert stack.chatwoot is not None
    if options.tokens != TOKENS[0]:
        variables["CHATWOOT_HISTORY_API_KEY"] = ""
    if options.tokens == TOKENS[2]:
        variables["CHATWOOT_API_KEY"] = stack.chatwoot.agent_token
    return {name: str(value) for name, value in variables.items()}


def _command(options: Options) -> tuple[str, ...]:
    if options.without is None:
        return (sys.executable, "-m", "metta_local.chaos.worker_process")
    return (sys.executable, "-m", "metta_local.chaos.sabotage", options.without)
