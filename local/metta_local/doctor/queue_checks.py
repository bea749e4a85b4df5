"""The queue: is it there, is it set up as Metta relies on, and does somebody take its messages. Reads only."""

from __future__ import annotations

from metta_local.doctor import clock
from metta_local.doctor.aws_access import Aws, AwsError
from metta_local.doctor.check import Check, Status, fail, ok
from metta_local.doctor.given import Given
from metta_local.doctor.queue_dead_letters import dead_letters
from metta_local.doctor.queue_facts import Queue, read_queue
from metta_local.doctor.queue_mapping import Attached, attached, mapping
from metta_local.doctor.queue_settings import kind, redrive, retention, sending
from metta_local.doctor.queue_timing import visibility
from metta_local.doctor.side_by_side import Tell
from metta_local.sqs_event import queue_arn

_SHAPE = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, as the queue's page in the AWS console shows it"
_MISSING = "is the name right, and the region and account those of the credentials? the stack's output is QueueUrl"


async def look(given: Given, tell: Tell) -> None:
    """All checks of the queue; without it the rest is left out."""
    aws, url = Aws(given.settings), given.settings.queue.queue_url
    try:
        sqs = aws.client("sqs")
    except AwsError as trouble:
        tell(trouble.as_failure("queue.connection"))
        return
    if bad := _address(url, sqs.meta.region_name):
        tell(bad)
        return
    try:
        queue = read_queue(aws, sqs, url)
    except AwsError as trouble:
        name = "queue.connection"
        missing = fail(name, "there is no queue that AWS_SQS_QUEUE_URL names", _MISSING)
        tell(missing if trouble.missing else trouble.as_failure(name))
        _tell_clock(aws, tell)
        return
    tell(_connection(queue))
    _tell_clock(aws, tell)
    found = attached(aws, queue)
    for check in _checks(given, queue, found):
        tell(check)
    for check in dead_letters(aws, sqs, given.settings.queue.dlq_url, queue):
        tell(check)


def _checks(given: Given, queue: Queue, found: Attached) -> list[Check]:
    settings = given.settings
    return [
        kind(queue),
        retention(queue),
        sending("queue.access", "AWS_SQS_QUEUE_URL", queue),
        redrive(queue, int(found.variable("SQS_MAX_RECEIVE_COUNT") or settings.sqs_max_receive_count)),
        *mapping(found, queue, worker_enabled=settings.worker_enabled),
        *visibility(found, queue, settings, given.policy.limits),
    ]


def _address(url: str, region: str) -> Check | None:
    """What is wrong with the queue's address itself."""
    name = "queue.url"
    try:
        named = queue_arn(url, region).split(":")[3]
    except ValueError:
        return fail(name, "AWS_SQS_QUEUE_URL is not the URL of a queue", _SHAPE)
    if named != region:
        found = f"AWS_SQS_QUEUE_URL names a queue in {named}, but {region} is what would be asked"
        return fail(name, found, f"set AWS_DEFAULT_REGION={named}, or the queue's URL in {region}")
    return None


def _connection(queue: Queue) -> Check:
    what = "FIFO" if queue.fifo else "standard"
    return ok("queue.connection", f"a {what} queue: about {queue.waiting} waiting, {queue.in_flight} in flight")


def _tell_clock(aws: Aws, tell: Tell) -> None:
    read = clock.check("queue.clock", "AWS's", aws.reading)
    if read.status is not Status.SKIP:
        tell(read)
