"""Starts the local stack, feeds the measured process and prints what came out."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from metta.messages import JsonObject
from metta_local.bench import audit, cold, guardrails, odoo
from metta_local.bench.process import MeasuredProcess
from metta_local.bench.throughput import describe as describe_throughput
from metta_local.bench.throughput import markdown, throughput
from metta_local.console import CommandError, say
from metta_local.progress import Progress
from metta_local.sqs_event import lambda_event, queue_arn
from metta_local.stack import LocalStack

QUESTION = "Hi, where is my order S00042?"
HISTORY = ("Hello", "I have a question about an order", "It is rather urgent, it is a birthday present")
MODEL_SECONDS = 1.0
MEMORY_MB = 1024
"""The template's default for the worker."""
BATCH = 10
ROUNDS = 3
TURNS = 12


class Measured:
    """The child process and the conversations it is fed with."""

    def __init__(self, stack: LocalStack, log: Any) -> None:
        assert stack.chatwoot is not None
        assert stack.model is not None
        assert stack.aws is not None
        self.chatwoot, self.model, self.aws = stack.chatwoot, stack.model, stack.aws
        self.environment = stack.environment() | {"BURST_QUIET_SECONDS": "0"}
        self._queue: str = self.environment["AWS_SQS_QUEUE_URL"]
        self._sqs = stack.aws.client("sqs")
        self._child = MeasuredProcess("metta_local.bench.child", self.environment, log)

    def stop(self) -> None:
        """End the child."""
        self._child.stop()

    def ask(self, command: JsonObject) -> JsonObject:
        """One command to the child, and its answer.

        Raises:
            CommandError: records failed, so that nothing was measured.
        """
        answer = self._child.ask(command)
        if answer.get("answer"):
            raise CommandError(f"{answer['answer']} records failed; nothing was measured")
        return answer

    def event(self, conversations: int) -> JsonObject:
        """An SQS event with a question in each of ``conversations`` new conversations, taken from the real queue."""
        for _ in range(conversations):
            contact = self.chatwoot.add_contact("Lena Vogt", phone_number="+4915112345678")["id"]
            with self._unheard():
                for text in HISTORY:
                    said = self.chatwoot.customer_writes(contact, text, inbox_id=12)
                    self.chatwoot.agent_writes(said["conversation_id"], "I see, how can I help?")
            self.chatwoot.customer_writes(contact, QUESTION, inbox_id=12)
        found: list[Any] = []
        while len(found) < conversations:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=2,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                raise CommandError("the webhooks did not reach the queue")
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                if f'"content":"{QUESTION}"' in message["Body"] and '"message_type":"incoming"' in message["Body"]:
                    found.append(message)
        return lambda_event(found, queue_arn(self._queue, "us-east-1"))

    @contextmanager
    def _unheard(self) -> Iterator[None]:
        """Let what happens in Chatwoot reach no queue: the history is there when the question comes."""
        url, self.chatwoot.webhook_url = self.chatwoot.webhook_url, None
        try:
            yield
        finally:
            self.chatwoot.webhook_url = url


def batch(measured: Measured) -> list[JsonObject]:
    """Wall clock of ten conversations in a batch beside that of one, and what a reply costs in both."""
    measured.model.latency = MODEL_SECONDS
    one, ten = [], []
    for _ in range(ROUNDS):
        one.append(measured.ask({"handle": [measured.event(1)]}))
        ten.append(measured.ask({"handle": [measured.event(BATCH)]}))
    measured.model.latency = 0.0
    walls = [statistics.median(run["wall"] for run in runs) for runs in (one, ten)]
    seconds = {
        "name": "batch",
        "what": f"{BATCH} conversations in one batch / one conversation, model answering after {MODEL_SECONDS:g} s",
        "seconds": {"one": round(walls[0], 3), "ten": round(walls[1], 3)},
        "ratio": round(walls[1] / walls[0], 3),
        "target": 1.25,
    }
    return [seconds, gb_seconds(*walls)]


def gb_seconds(one: float, ten: float) -> JsonObject:
    """What Lambda charges for a reply in a full batch, beside one of an invocation of its own.

    Args:
        one: seconds of a batch of one conversation.
        ten: seconds of a batch of ``BATCH`` conversations.
    """
    alone, together = (wall / replies * MEMORY_MB / 1024 for wall, replies in ((one, 1), (ten, BATCH)))
    return {
        "name": "batch, GB-seconds",
        "what": f"GB-seconds of a reply in a batch of {BATCH} / in an invocation of its own, with {MEMORY_MB} MB",
        "gb_seconds": {"alone": round(alone, 3), "together": round(together, 3)},
        "ratio": round(together / alone, 3),
        "target": 0.167,
    }


def overhead(measured: Measured) -> JsonObject:
    """CPU of a whole turn, beside that of a bare ``Runner.run`` with the same input."""
    measured.ask({"handle": [measured.event(1)]})
    measured.ask({"bare": 2})
    turns, bare = [], []
    for _ in range(ROUNDS):
        events = [measured.event(1) for _ in range(TURNS)]
        turns.append(measured.ask({"handle": events})["cpu"] / TURNS)
        bare.append(measured.ask({"bare": TURNS})["cpu"] / TURNS)
    cpu = [statistics.median(turns), statistics.median(bare)]
    return {
        "name": "overhead",
        "what": "CPU of a whole turn / bare Runner.run with the same instructions, tools, history and model stub",
        "milliseconds": {"turn": round(cpu[0] * 1000, 2), "bare": round(cpu[1] * 1000, 2)},
        "ratio": round(cpu[0] / cpu[1], 3),
        "target": 2.0,
    }


def memory(measured: Measured) -> JsonObject:
    """Peak resident memory of the worker with a full batch."""
    peak = measured.ask({"handle": [measured.event(BATCH)]})["peak_mib"]
    return {
        "name": "memory",
        "what": "peak memory of the worker after full batches",
        "mib": round(peak, 1),
        "ratio": round(peak / 256, 3),
        "target": 1.0,
    }


BENCHES: dict[str, Callable[[Measured], JsonObject | list[JsonObject]]] = {
    "batch": batch,
    "overhead": overhead,
    "memory": memory,
    "throughput": throughput,
}
"""Those that measure the whole worker, on the local stack."""
COLD = "cold"
"""The one that builds the artifacts, on the same stack; gives several results."""
ODOO = "odoo"
"""The one that needs an Odoo only; gives several results."""
AUDIT = "audit"
"""The one that needs a database and a table only; gives several results."""
KNOWN = (*BENCHES, COLD, ODOO, AUDIT, guardrails.NAME)


def main(chosen: argparse.Namespace) -> int:
    """Run the benchmarks that are named, all of them when none is; 1 when a target is missed."""
    unknown = [name for name in chosen.names if name not in KNOWN]
    if unknown:
        raise CommandError(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(KNOWN)}")
    names = chosen.names or KNOWN
    results = []
    with Progress("measuring", len(names)) as progress, _log(chosen.log) as log:
        for result in run(names, log, progress):
            results.append(result)
            if not chosen.json:
                with progress.aside():
                    say(describe(result))
                    if chosen.markdown and "steps" in result:
                        say(markdown(result))
        if guardrails.NAME in names:
            progress.now("measuring guardrails")
            report = guardrails.measure(chosen.data, quick=chosen.quick)
            results.append(report.as_json())
            if not chosen.json:
                with progress.aside():
                    say(report.describe())
    if chosen.json:
        say(json.dumps({"benchmarks": results}, indent=2))
    return 0 if all(_met(result) for result in results) else 1


def _met(result: JsonObject) -> bool:
    return bool(result["met"]) if "met" in result else bool(result["ratio"] <= result["target"])


def _log(kept: Path | None) -> IO[str]:
    try:
        return kept.open("w", encoding="utf-8") if kept else tempfile.TemporaryFile("w")
    except OSError as error:
        raise CommandError(f"--log {kept}: cannot be written ({error.strerror})") from None


def run(names: Sequence[str], log: Any, progress: Progress) -> Iterator[JsonObject]:
    """The results of the named benchmarks as they come, those on the local stack first."""
    if on_stack := [name for name in names if name in (*BENCHES, COLD)]:
        with LocalStack({}) as stack:
            measured = Measured(stack, log)
            try:
                for name in on_stack:
                    progress.now(f"measuring {name}")
                    if name == COLD:
                        yield from cold.cold(measured, log)
                    else:
                        found = BENCHES[name](measured)
                        yield from found if isinstance(found, list) else (found,)
                    progress.step()
            finally:
                measured.stop()
    for name, measure in ((ODOO, odoo.odoo), (AUDIT, audit.audit)):
        if name in names:
            progress.now(f"measuring {name}")
            yield from measure(log)
            progress.step()


def describe(result: JsonObject) -> str:
    """A result in one line, or with its table."""
    if "steps" in result:
        return describe_throughput(result)
    if result["name"].startswith(COLD):
        return cold.describe(result)
    if result["name"].startswith(ODOO):
        return odoo.describe(result)
    if result["name"].startswith(AUDIT):
        return audit.describe(result)
    figures = ", ".join(
        f"{name} {value}"
        for key in ("seconds", "milliseconds", "gb_seconds")
        for name, value in result.get(key, {}).items()
    )
    detail = figures or f"{result['mib']} MiB of 256"
    verdict = "within" if result["ratio"] <= result["target"] else "ABOVE"
    return f"{result['name']}: {result['ratio']} ({verdict} {result['target']}) - {result['what']}: {detail}"
