"""Who takes messages from the queue: the event source mapping and its function, as far as credentials show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metta_local.doctor.aws_access import Aws, AwsError
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.queue_facts import Queue

MOST_IN_A_BATCH = 10
_NAME = "queue.mapping"
_LIST, _READ, _CONCURRENCY = (
    "lambda:ListEventSourceMappings",
    "lambda:GetFunctionConfiguration",
    "lambda:GetFunctionConcurrency",
)


@dataclass(frozen=True)
class Attached:
    """What is attached to the queue.

    Attributes:
        mappings: as Lambda lists them; None when that is not known.
        function: the configuration of the function of the first, empty when not known.
        reserved: its reserved concurrency; None when it has none or that is not known.
        why_not: what stood in the way of asking for mappings or the function.
    """

    mappings: Sequence[Mapping[str, Any]] | None = None
    function: Mapping[str, Any] = field(default_factory=dict)
    reserved: int | None = None
    why_not: str = ""

    def variable(self, name: str) -> str | None:
        """A variable of the function's own; it counts more than this process's, which may know nothing of it."""
        value = self.function.get("Environment", {}).get("Variables", {}).get(name)
        return str(value) if value else None

    @property
    def enabled(self) -> list[Mapping[str, Any]]:
        """The mappings that are switched on, or about to be."""
        return [each for each in self.mappings or () if each.get("State") in ("Enabled", "Enabling", "Creating")]


def attached(aws: Aws, queue: Queue) -> Attached:
    """Ask Lambda. Whoever may not see a part of it sees the rest."""
    try:
        client = aws.client("lambda")
        answer = aws.ask(client.list_event_source_mappings, _LIST, EventSourceArn=queue.arn)
    except AwsError as trouble:
        return Attached(why_not=str(trouble))
    mappings: list[Mapping[str, Any]] = list(answer.get("EventSourceMappings", ()))
    if not mappings:
        return Attached(mappings=())
    arn = str((_on(mappings) or mappings)[0].get("FunctionArn", ""))
    try:
        function = aws.ask(client.get_function_configuration, _READ, FunctionName=arn)
        reserved = _reserved(aws, client, arn)
    except AwsError as trouble:
        return Attached(mappings=mappings, why_not=str(trouble))
    return Attached(mappings=mappings, function=function, reserved=reserved)


def mapping(found: Attached, queue: Queue, *, worker_enabled: bool) -> list[Check]:
    """Checks of the mapping; a single line where there is none."""
    if found.mappings is None:
        return [skip(_NAME, f"whether a function takes the messages is not known: {found.why_not}")]
    if not found.mappings:
        return [_nobody(queue)]
    if not found.enabled:
        return [_switched_off(worker_enabled=worker_enabled)]
    if len(found.enabled) > 1:
        count = len(found.enabled)
        what = f"{count} mappings take messages from this queue: each message goes to one of them, by chance"
        return [fail(_NAME, what, "delete all but the worker's (aws lambda list-event-source-mappings)")]
    (one,) = found.enabled
    checks = [_answers(one), _batch(one), _scaling(one)]
    return [*checks, *([_reserve(one, found.reserved)] if found.reserved is not None else [])]


def _nobody(queue: Queue) -> Check:
    if queue.waiting and not queue.in_flight:
        what = f"no function is attached, about {queue.waiting} messages wait, and nobody takes them"
        return warn(_NAME, what, "run `metta worker`, or deploy the stack with this queue")
    return skip(_NAME, "no function is attached to the queue; `metta worker` answers from it")


def _switched_off(*, worker_enabled: bool) -> Check:
    what = "the event source mapping is switched off: messages wait, nobody answers"
    if not worker_enabled:
        return warn(_NAME, f"{what}, as WORKER_ENABLED=false says", "set WORKER_ENABLED=true when it is to answer")
    return fail(_NAME, what, "deploy with WorkerEnabled=true, or `aws lambda update-event-source-mapping --enabled`")


def _answers(one: Mapping[str, Any]) -> Check:
    if "ReportBatchItemFailures" not in one.get("FunctionResponseTypes", ()):
        what = "the mapping lacks ReportBatchItemFailures: a message that failed is deleted as if it were answered"
        return fail(_NAME, what, "set FunctionResponseTypes to [ReportBatchItemFailures]")
    if one.get("FilterCriteria", {}).get("Filters"):
        what = "the mapping has a filter: what does not match is deleted without a trace"
        return warn(_NAME, what, "take the filter away; Metta skips with a reason what is not for it")
    if str(one.get("LastProcessingResult", "")).startswith("PROBLEM"):
        what = "a function takes the messages, but Lambda had a problem with the latest batch"
        return warn(_NAME, what, "look at the worker's log, and `LastProcessingResult` of the mapping")
    return ok(_NAME, "a function takes the messages and answers for each of them")


def _batch(one: Mapping[str, Any]) -> Check:
    name = "queue.batch"
    window, size = one.get("MaximumBatchingWindowInSeconds", 0), one.get("BatchSize", MOST_IN_A_BATCH)
    if size > MOST_IN_A_BATCH:
        what = f"up to {size} messages in a batch have to be answered within one timeout of the function"
        return warn(name, what, f"set BatchSize to {MOST_IN_A_BATCH} or less, and MaximumBatchingWindowInSeconds to 0")
    if window:
        what = f"the mapping waits up to {window} s for a batch to fill: so long does each customer wait more"
        return warn(name, what, "set MaximumBatchingWindowInSeconds to 0")
    return ok(name, f"up to {size} messages at a time, at once")


def _scaling(one: Mapping[str, Any]) -> Check:
    name = "queue.concurrency"
    most = one.get("ScalingConfig", {}).get("MaximumConcurrency")
    if most is None:
        what = "the mapping has no maximum concurrency: a flood takes all that the account and the database have"
        return warn(name, what, "set ScalingConfig.MaximumConcurrency (the template's MaximumConcurrency)")
    return ok(name, f"at most {most} batches at a time")


def _reserve(one: Mapping[str, Any], reserved: int) -> Check:
    name, most = "queue.reserved", one.get("ScalingConfig", {}).get("MaximumConcurrency")
    fix = "reserve what MaximumConcurrency says, or nothing; to stop answering, switch the mapping off"
    if reserved == 0:
        what = "the function's reserved concurrency is 0: each receive is refused and counts towards the dead letters"
        return fail(name, what, fix)
    if most is not None and reserved < most:
        what = (
            f"{reserved} executions are reserved, but the mapping starts up to {most}: refused receives count as tries"
        )
        return warn(name, what, fix)
    return ok(name, f"{reserved} executions are reserved for the function")


def _reserved(aws: Aws, client: Any, arn: str) -> int | None:
    """Of the function itself: a version or an alias has none of its own."""
    try:
        answer = aws.ask(client.get_function_concurrency, _CONCURRENCY, FunctionName=":".join(arn.split(":")[:7]))
    except AwsError:
        return None
    value = answer.get("ReservedConcurrentExecutions")
    return None if value is None else int(value)


def _on(mappings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return Attached(mappings=mappings).enabled
