"""Looks through the dead-letter queue and moves what is in it back to the queue, for ``metta redrive``.

A message is first sent, then deleted. A redrive killed in between sends it again with the same deduplication id, which
SQS drops within five minutes; later than that, and on standard queues, turn state knows what was answered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from metta.messages import JsonObject
from metta.receiving.envelope import NotAWebhookError, wrap

log = logging.getLogger(__name__)

REASON = "metta_reason"
"""Message attribute in which the worker says why it rejected a message."""
TOO_OFTEN = "received too often"
"""Reason of the messages that SQS itself moved."""
HOLD_SECONDS = 180
"""How long a message stays out of sight while it is looked at; the longest that a killed redrive hides one."""
WAIT_SECONDS = 1
"""Long poll: the answer of a short one may leave messages out."""
BATCH = 10


class Fate(StrEnum):
    """What becomes of a dead letter."""

    CHOSEN = "chosen"
    """Would be moved; on a dry run nothing is."""
    MOVED = "moved"
    KEPT = "kept"
    """Not asked for: another conversation, rejected as malformed, or over the limit."""
    FAILED = "failed"
    """The queue did not take it, or one before it in its group."""


@dataclass(frozen=True)
class DeadLetter:
    """One message of the dead-letter queue."""

    id: str
    receipt: str
    body: str
    attributes: Mapping[str, Any]
    """Message attributes, as SQS gives them."""
    group: str | None
    conversation: str
    """``account:conversation`` as the body says, else the group; ``?`` when neither does."""
    sent_at: float
    """Unix seconds at which it was put on the queue that SQS counts its age from."""
    receives: int
    """How often it was received, on this queue and, if SQS moved it here, on the one before."""

    @property
    def rejected(self) -> bool:
        """Whether the worker put it here because it will never work as it is."""
        return REASON in self.attributes

    @property
    def reason(self) -> str:
        """Why it is here, on one line."""
        given = str(self.attributes.get(REASON, {}).get("StringValue", TOO_OFTEN))
        return " ".join("".join(c if c.isprintable() else " " for c in given).split())[:200]


def read_letter(message: Mapping[str, Any]) -> DeadLetter:
    """A dead letter from what ``receive_message`` gave."""
    system, body = message.get("Attributes", {}), message.get("Body", "")
    group = system.get("MessageGroupId")
    try:
        conversation = wrap(body.encode("utf-8", "surrogatepass")).group
    except NotAWebhookError:
        conversation = "unknown"
    if "unknown" in conversation:
        conversation = str(group or "?")
    return DeadLetter(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=body,
        attributes=message.get("MessageAttributes", {}),
        group=group,
        conversation=conversation,
        sent_at=int(system.get("SentTimestamp", 0)) / 1000,
        receives=int(system.get("ApproximateReceiveCount", 0)),
    )


@dataclass(frozen=True)
class Choice:
    """Which dead letters are to be moved."""

    conversation: str | None = None
    """``84`` or ``3:84``; None for all."""
    rejected: bool = False
    """Whether those rejected as malformed go back too."""
    limit: int | None = None

    def takes(self, letter: DeadLetter, taken: int) -> bool:
        """Whether ``letter`` is to be moved, after ``taken`` others."""
        if self.limit is not None and taken >= self.limit:
            return False
        if letter.rejected and not self.rejected:
            return False
        known = (letter.conversation, letter.conversation.rpartition(":")[2])
        return self.conversation is None or self.conversation in known


@dataclass
class Report:
    """What was found, and what became of each message, in the queue's order."""

    total: int
    """Messages there at the start, as far as SQS counts them, which is roughly."""
    letters: list[tuple[DeadLetter, Fate]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def unseen(self) -> int:
        """About how many more are there: in somebody else's hand, or behind others of their group."""
        return max(0, self.total - len(self.letters))

    def count(self, fate: Fate) -> int:
        """How many had this fate."""
        return sum(its is fate for _, its in self.letters)


class DeadLetterQueue:
    """A dead-letter queue and the queue that its messages go back to.

    On a FIFO queue a group's eleventh message cannot be received while its first ten are held, so a look sees at most
    ten of a conversation; a move reaches the others once those before them are gone.

    Args:
        sqs: a boto3 SQS client.
        dlq_url, queue_url: where from and where to, each FIFO or standard.
    """

    def __init__(self, sqs: Any, dlq_url: str, queue_url: str) -> None:
        self._sqs = sqs
        self._dlq_url = dlq_url
        self._queue_url = queue_url

    def look(self, choice: Choice) -> Report:
        """See what is there and what ``choice`` would move; everything stays where it is.

        Raises:
            ClientError, BotoCoreError: SQS cannot be asked.
        """
        report = Report(self._count())
        with self._holding() as held:
            for letter in self._received(held):
                chosen = choice.takes(letter, report.count(Fate.CHOSEN))
                report.letters.append((letter, Fate.CHOSEN if chosen else Fate.KEPT))
        return report

    def move(self, choice: Choice) -> Report:
        """Move what ``choice`` takes back to the queue, each group in its order.

        A message that the queue refuses keeps the rest of its group here; when SQS cannot be reached, all the rest
        stays. Either is said in the report's ``errors``.
        """
        report = Report(self._count())
        stuck: set[str] = set()
        with self._holding() as held:
            try:
                for letter in self._received(held):
                    report.letters.append((letter, self._settle(letter, choice, report, held, stuck)))
                    if choice.limit is not None and report.count(Fate.MOVED) >= choice.limit:
                        break
            except (ClientError, BotoCoreError) as error:
                report.errors.append(str(error))
        return report

    def _settle(
        self, letter: DeadLetter, choice: Choice, report: Report, held: dict[str, str], stuck: set[str]
    ) -> Fate:
        if not choice.takes(letter, report.count(Fate.MOVED)):
            return Fate.KEPT
        if letter.group in stuck:
            return Fate.FAILED
        try:
            self._send(letter)
        except ClientError as error:
            report.errors.append(f"conversation {letter.conversation}: {error}")
            stuck.update([letter.group] if letter.group else [])
            return Fate.FAILED
        try:
            self._sqs.delete_message(QueueUrl=self._dlq_url, ReceiptHandle=letter.receipt)
            del held[letter.id]
        except ClientError as error:
            report.errors.append(f"conversation {letter.conversation}: moved, but not deleted here: {error}")
        return Fate.MOVED

    def _send(self, letter: DeadLetter) -> None:
        attributes = {
            name: {part: value[part] for part in ("DataType", "StringValue", "BinaryValue") if part in value}
            for name, value in letter.attributes.items()
            if name != REASON
        }
        extra: JsonObject = {"MessageAttributes": attributes} if attributes else {}
        if letter.group is not None:
            extra["MessageGroupId"] = letter.group
        if self._queue_url.endswith(".fifo"):
            extra["MessageGroupId"] = letter.group or (letter.conversation if ":" in letter.conversation else letter.id)
            # Not its first one: dead-lettered within five minutes of its arrival, it would be dropped without a word.
            # Each stay in the dead-letter queue has a message id of its own, so a later redrive is not dropped either.
            extra["MessageDeduplicationId"] = f"redrive-{letter.id}"
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=letter.body, **extra)

    def _count(self) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._dlq_url, AttributeNames=names)
        return sum(int(answer["Attributes"].get(name, 0)) for name in names)

    def _received(self, held: dict[str, str]) -> Iterator[DeadLetter]:
        """Each message once, ten at a time, until there are no new ones; ``held`` gets their receipt handles."""
        seen: set[str] = set()
        while True:
            answer = self._sqs.receive_message(
                QueueUrl=self._dlq_url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=WAIT_SECONDS,
                VisibilityTimeout=HOLD_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            letters = [read_letter(message) for message in answer.get("Messages", ())]
            held |= {letter.id: letter.receipt for letter in letters}
            new = [letter for letter in letters if letter.id not in seen]
            seen |= {letter.id for letter in new}
            if not new:
                return
            yield from new

    @contextmanager
    def _holding(self) -> Iterator[dict[str, str]]:
        """Message id -> receipt handle of what is held; what is left of it at the end is visible again at once."""
        held: dict[str, str] = {}
        try:
            yield held
        finally:
            receipts = list(held.values())
            for start in range(0, len(receipts), BATCH):
                self._release(receipts[start : start + BATCH])

    def _release(self, receipts: Sequence[str]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": r, "VisibilityTimeout": 0} for n, r in enumerate(receipts)]
        try:
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._dlq_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            log.warning("%d messages come back into sight in %d s: %s", len(receipts), HOLD_SECONDS, error)
            return
        if failed := answer.get("Failed"):
            log.warning("%d messages come back into sight in %d s", len(failed), HOLD_SECONDS)
