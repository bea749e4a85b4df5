"""The dead-letter queue: is it the one that the queue uses, of the same kind, kept long enough, and empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metta_local.doctor.aws_access import Aws, AwsError
from metta_local.doctor.check import Check, fail, ok, warn
from metta_local.doctor.queue_facts import Queue, read_queue
from metta_local.doctor.queue_settings import DAY, sending

_NAME = "queue.dead_letters"
_OUTPUT = "set it to the queue that the RedrivePolicy names; the stack's output is DeadLetterQueueUrl"


def dead_letters(aws: Aws, sqs: Any, url: str | None, queue: Queue) -> Iterator[Check]:
    """Checks of ``AWS_SQS_DLQ_URL`` beside its queue."""
    if url is None:
        found = "AWS_SQS_DLQ_URL is not set: a message that Metta rejects comes back until the queue gives it up"
        yield warn(_NAME, found, _OUTPUT)
        return
    try:
        dead = read_queue(aws, sqs, url)
    except AwsError as trouble:
        missing = fail(_NAME, "there is no queue that AWS_SQS_DLQ_URL names", _OUTPUT)
        yield missing if trouble.missing else trouble.as_failure(_NAME)
        return
    yield _belongs(dead, queue)
    if dead.arn == queue.arn:
        return
    yield _kept(dead, queue)
    yield sending("queue.dead_letters_access", "AWS_SQS_DLQ_URL", dead)
    yield _waiting(dead)


def _belongs(dead: Queue, queue: Queue) -> Check:
    if dead.arn == queue.arn:
        return fail(_NAME, "AWS_SQS_DLQ_URL is the same queue as AWS_SQS_QUEUE_URL: it would feed itself", _OUTPUT)
    if queue.redrive_target not in (None, dead.arn):
        found = (
            f"AWS_SQS_DLQ_URL is not where the queue sends what it gives up ({queue.redrive_target.rpartition(':')[2]})"
            ": `metta redrive` and the alarm look at the wrong one"
        )
        return fail(_NAME, found, _OUTPUT)
    if dead.fifo != queue.fifo:
        kinds = ("FIFO" if queue.fifo else "standard", "FIFO" if dead.fifo else "standard")
        found = f"the queue is {kinds[0]}, its dead-letter queue {kinds[1]}: SQS cannot move messages between them"
        return fail(_NAME, found, f"make a {kinds[0]} dead-letter queue and name it in the RedrivePolicy")
    return ok(_NAME, f"a {'FIFO' if dead.fifo else 'standard'} queue, as its queue is")


def _kept(dead: Queue, queue: Queue) -> Check:
    name, days = "queue.dead_letters_retention", dead.retention_seconds / DAY
    if dead.retention_seconds >= queue.retention_seconds:
        return ok(name, f"dead letters wait up to {days:g} days")
    found = f"dead letters are gone after {days:.3g} days, sooner than messages on the queue: some before they are seen"
    return warn(name, found, "set its MessageRetentionPeriod to 1209600 (14 days)")


def _waiting(dead: Queue) -> Check:
    name, count = "queue.dead_letters_waiting", dead.waiting + dead.in_flight
    if not count:
        return ok(name, "no message is in the dead-letter queue")
    found = f"about {count} {'message is' if count == 1 else 'messages are'} in the dead-letter queue"
    return warn(name, found, "`metta redrive --dry-run` shows them and why; `metta redrive` moves them back")
