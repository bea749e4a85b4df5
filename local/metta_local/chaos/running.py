"""One run: stack, proxies, workers and director together, until everything has come to its end or time is up.

Customers write during the first part; then everything has to settle while calls still go wrong, then in calm. What is
left behind is collected when nobody works any more.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from metta.persistence.chain import chain_keys
from metta.persistence.heads import all_heads
from metta_local.chaos import collecting
from metta_local.chaos.agenda import Agenda
from metta_local.chaos.crew import Crew, Kill
from metta_local.chaos.deployed_crew import DeployedCrew
from metta_local.chaos.director import Director, Stage
from metta_local.chaos.injector import Injector
from metta_local.chaos.journal import FaultKind, Journal, Place
from metta_local.chaos.observed import Observed
from metta_local.chaos.options import Options, command, queues, variables
from metta_local.chaos.postman import Postman
from metta_local.chaos.proxies import Proxies
from metta_local.chaos.script import scenes
from metta_local.chaos.steps import STEPS
from metta_local.progress import Progress
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
DEPLOYED_PATIENCE = {Place.CHATWOOT: 10.0, Place.ODOO: 8.0, Place.MODEL: 25.0}
"""Patience of the deployed function, which has the packaged policy."""
DEPLOYED_VISIBILITY = 60
"""Seconds, the function's own timeout: the least an event source takes; what a killed function held comes back then."""


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


def run(options: Options, directory: Path, progress: Progress) -> Result:
    """Run once.

    Args:
        options: what is asked for.
        directory: where workers log.
        progress: of customer messages.

    Raises:
        RuntimeError: the stack or a worker did not start.
    """
    began = time.monotonic()
    with ExitStack() as open_:
        stack = open_.enter_context(LocalStack({}))
        doing = "deploying the template" if options.deployed else f"starting {options.workers} workers"
        progress.now(doing)
        performance = _Performance(options, stack, directory, open_)
        performance.start()
        settled = performance.play(began, progress)
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
        self.given = stack.environment() | queues(options, stack.aws)
        self.sqs = stack.aws.client("sqs")
        self.injector = Injector(options.seed, options.faults, patience=DEPLOYED_PATIENCE if options.deployed else None)
        self.journal = Journal()
        self.agenda = Agenda()
        self.stage = Stage(stack.chatwoot, stack.model, self.journal)
        self.director = Director(self.stage, self.agenda, options.seed)
        self.proxies = open_.enter_context(Proxies(self.given, self.journal, self.injector))
        self.proxies.harness.observers.append(self.director.observe)
        self.crew = self._crew(stack, directory)
        open_.push(self.crew)
        open_.enter_context(self.agenda)
        self.postman: Postman | None = None
        self.chance = random.Random(f"kills {options.seed}")

    def _crew(self, stack: LocalStack, directory: Path) -> Crew | DeployedCrew:
        given = variables(self.options, self.given, self.chatwoot, directory)
        if self.options.deployed:
            return DeployedCrew(stack, self.proxies, given, directory)
        return Crew(stack, self.proxies, given, directory, command=command(self.options))

    def start(self) -> None:
        """Start the workers and open the post."""
        self.stage.model.latency = THINKING_SECONDS
        if isinstance(self.crew, DeployedCrew):
            self.crew.start()
            self.given |= self.crew.outputs
            self.sqs.set_queue_attributes(
                QueueUrl=self.given["AWS_SQS_QUEUE_URL"], Attributes={"VisibilityTimeout": str(DEPLOYED_VISIBILITY)}
            )
        else:
            self.crew.start(self.options.workers)
        url, seed = self.given["AWS_SQS_QUEUE_URL"], self.options.seed
        self.postman = Postman(self.sqs, url, self.agenda, seed, seen=self.director.seen)
        self.chatwoot.courier.deliver_by(self.postman.post)

    def play(self, began: float, progress: Progress) -> bool:
        """Play it to its end; False when time was up before."""
        options, time_left = self.options, self.options.minutes * 60 - COLLECTING_SECONDS
        rest = time_left - (time.monotonic() - began)
        sending = max(LEAST_SENDING_SECONDS, min(options.messages / MESSAGES_PER_SECOND, SENDING_SHARE * rest))
        self._plan_kills(sending)
        self.director.play(scenes(options.seed, options.messages, sending))
        watch = _Watch(self, progress)
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
        assert self.postman is not None
        left = collecting.left_on_queue(self.sqs, given["AWS_SQS_QUEUE_URL"])
        dead = collecting.dead_letters(self.sqs, given["AWS_SQS_DLQ_URL"])
        dynamodb, table = self.aws.client("dynamodb"), given["IDEMPOTENCY_TABLE"]
        told = collecting.conversations(
            self.chatwoot,
            given["DATABASE_MIGRATE_URL"],
            collecting.unfinished_states(dynamodb, table),
            self.stage.words,
            self.postman.queued,
            dict(all_heads(dynamodb, table)),
            chain_keys(given["AUDIT_KEY"]),
        )
        observed = Observed(
            conversations=tuple(told),
            calls=tuple(self.journal.calls),
            kills=tuple((kill.at, kill.worker) for kill in self.crew.kills),
            crashes=tuple(f"{crash.worker} ended by itself with {crash.code}" for crash in self.crew.crashes),
            dead=tuple(dead),
            left_on_queue=left,
            settled=settled,
            bounds=self.options.bounds,
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

    def __init__(self, performance: _Performance, progress: Progress) -> None:
        self._performance = performance
        self._progress = progress

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
            faults, kills = sum(one.injector.counts.values()), len(one.crew.kills)
            self._progress.at(one.director.sent, f"{left} records on the queue, {faults} faults, {kills} kills")
        return True
