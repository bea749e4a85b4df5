"""``metta redrive``: what is in the dead-letter queue, and back to the queue with it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta.messages import JsonObject
from metta.settings import Settings
from metta_local.console import CommandError, complain, say
from metta_local.hints import doctor
from metta_local.redrive import Choice, DeadLetter, DeadLetterQueue, Fate, Report
from metta_local.sqs import queue_url, sqs_client
from metta_local.sqs_event import queue_arn


def run(
    *,
    dry_run: bool = False,
    yes: bool = False,
    as_json: bool = False,
    limit: int | None = None,
    conversation: str | None = None,
    rejected: bool = False,
) -> int:
    """Show what is in ``AWS_SQS_DLQ_URL`` and, unless ``dry_run``, move it back to ``AWS_SQS_QUEUE_URL``.

    On a terminal it asks before it moves anything. Bodies are never printed. The handler's turn state makes sure that
    nothing of what had been done is done again.

    Args:
        dry_run: only show.
        yes: do not ask.
        as_json: one JSON object on stdout.
        limit: move at most so many.
        conversation: move those of one conversation, ``84`` or ``3:84``.
        rejected: also move those that the worker rejected as malformed.

    Returns:
        0, or 1 when the queue did not take all that it should.

    Raises:
        SettingsError: a variable is missing or names the wrong queue.
        CommandError: SQS cannot be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    settings = metta_settings.load()
    queue, dead = queue_url(settings), dlq_url(settings)
    sqs = sqs_client(settings)
    choice = Choice(conversation=conversation, rejected=rejected, limit=limit)
    letters = DeadLetterQueue(sqs, dead, queue)
    try:
        check_queues(sqs, queue, dead)
        if dry_run:
            return _show(letters.look(choice), dead, dry_run=True, as_json=as_json)
        if not yes and sys.stdin.isatty() and not _agreed(letters.look(choice), queue):
            return 0
        report = letters.move(choice)
    except (ClientError, BotoCoreError) as error:
        raise CommandError(f"AWS_SQS_DLQ_URL: the queue cannot be read: {error}; {doctor('queue')}") from None
    return _show(report, dead, dry_run=False, as_json=as_json)


def dlq_url(settings: Settings) -> str:
    """The dead-letter queue's URL, checked for its shape.

    Raises:
        SettingsError: it is missing, or not the URL of a queue, or that of the message queue.
    """
    url = settings.queue.dlq_url
    if url is None:
        raise SettingsError("not set: AWS_SQS_DLQ_URL")
    try:
        queue_arn(url, "")
    except ValueError as error:
        raise SettingsError(f"AWS_SQS_DLQ_URL: {error}, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME") from None
    if url == settings.queue.queue_url:
        raise SettingsError("AWS_SQS_DLQ_URL: the same queue as AWS_SQS_QUEUE_URL")
    return url


def check_queues(sqs: Any, queue: str, dead: str) -> None:
    """Make sure that both queues exist and belong together, before anything is touched.

    Raises:
        SettingsError: one does not exist, or the queue has another dead-letter queue.
        ClientError, BotoCoreError: SQS cannot be asked.
    """
    from botocore.exceptions import ClientError

    attributes: dict[str, JsonObject] = {}
    for variable, url in (("AWS_SQS_QUEUE_URL", queue), ("AWS_SQS_DLQ_URL", dead)):
        try:
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "RedrivePolicy"])
        except ClientError as error:
            if "NonExistentQueue" in str(error.response.get("Error", {}).get("Code")):
                raise SettingsError(f"{variable}: there is no such queue") from None
            raise SettingsError(f"{variable}: {error}") from None
        attributes[variable] = answer["Attributes"]
    policy = json.loads(attributes["AWS_SQS_QUEUE_URL"].get("RedrivePolicy") or "{}")
    target = policy.get("deadLetterTargetArn")
    if target not in (None, attributes["AWS_SQS_DLQ_URL"]["QueueArn"]):
        raise SettingsError(f"AWS_SQS_DLQ_URL: not the dead-letter queue of AWS_SQS_QUEUE_URL, which is {target}")


def _agreed(report: Report, queue: str) -> bool:
    """Show what would be moved and ask."""
    for line in _lines(report, dry_run=True):
        complain(line)
    chosen = report.count(Fate.CHOSEN)
    if not chosen:
        complain("nothing to move")
        return False
    sys.stderr.write(f"Move {_messages(chosen)} back to {queue.rsplit('/', 1)[1]}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    complain("nothing was moved")
    return False


def _show(report: Report, dead: str, *, dry_run: bool, as_json: bool) -> int:
    if as_json:
        say(json.dumps(_document(report, dead, dry_run=dry_run)))
    else:
        for line in _lines(report, dry_run=dry_run):
            say(line)
    for error in report.errors:
        complain(error)
    return 1 if report.errors else 0


def _rows(report: Report) -> list[JsonObject]:
    """Per conversation and reason, oldest first."""
    together: dict[tuple[str, str], list[tuple[DeadLetter, Fate]]] = {}
    for letter, fate in report.letters:
        together.setdefault((letter.conversation, letter.reason), []).append((letter, fate))
    now = time.time()
    rows = [
        {
            "conversation": conversation,
            "reason": reason,
            "rejected": members[0][0].rejected,
            "messages": len(members),
            **{str(fate): sum(its is fate for _, its in members) for fate in Fate},
            "oldest": _at(members),
            "age_seconds": max(0, round(now - _at(members))),
            "receives": max(letter.receives for letter, _ in members),
        }
        for (conversation, reason), members in together.items()
    ]
    return sorted(rows, key=lambda row: float(row["oldest"]))


def _at(members: Sequence[tuple[DeadLetter, Fate]]) -> float:
    return min(letter.sent_at for letter, _ in members)


def _document(report: Report, dead: str, *, dry_run: bool) -> JsonObject:
    rows = [row | {"oldest": datetime.fromtimestamp(row["oldest"], UTC).isoformat()} for row in _rows(report)]
    return {
        "queue": dead,
        "dry_run": dry_run,
        "messages": len(report.letters),
        **{str(fate): report.count(fate) for fate in Fate},
        "unseen": report.unseen,
        "errors": report.errors,
        "groups": rows,
    }


def _lines(report: Report, *, dry_run: bool) -> list[str]:
    if not report.letters and not report.unseen:
        return ["the dead-letter queue is empty"]
    rows = _rows(report)
    table: list[list[str]] = [["CONVERSATION", "MESSAGES", "AGE", "RECEIVED", "FATE", "REASON"]]
    for row in rows:
        fates = ", ".join(f"{row[fate]} {_word(fate, dry_run=dry_run)}" for fate in Fate if row[fate])
        received = f"{row['receives']} times"
        age = _age(row["age_seconds"])
        table.append([row["conversation"], str(row["messages"]), age, received, fates, row["reason"]])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    done, wanted = (Fate.CHOSEN, "would be moved") if dry_run else (Fate.MOVED, "moved back")
    lines.append(f"{_messages(report.count(done))} {wanted}, {report.count(Fate.KEPT)} kept")
    if waiting := sum(letter.rejected and fate is Fate.KEPT for letter, fate in report.letters):
        lines.append(f"{waiting} of those kept were rejected as malformed; --rejected moves them too")
    if report.unseen:
        lines.append(
            f"about {report.unseen} more could not be looked at now: behind ten others of their conversation, "
            "or in somebody else's hand"
        )
    return lines


def _word(fate: Fate, *, dry_run: bool) -> str:
    return "to move" if dry_run and fate is Fate.CHOSEN else str(fate)


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _age(seconds: int) -> str:
    """Two leading units: ``3 d 4 h``, ``12 min``, ``40 s``."""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
