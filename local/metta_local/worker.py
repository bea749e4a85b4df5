"""The worker loop: what Lambda's SQS event source does, for ``metta worker``, ``metta up`` and ``metta demo``.

Long-polls the queue, hands each batch to the Lambda handler as a Lambda event, deletes what succeeded and leaves what
failed. It knows nothing of conversations: everything that matters happens in the handler (I12).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from metta.errors import SettingsError
from metta.settings import Settings
from metta_local.health import WorkerHealth
from metta_local.lambda_context import INVOCATION_SECONDS, LocalContext
from metta_local.sqs import SQS_TROUBLE
from metta_local.sqs_event import failed_ids, lambda_event, queue_arn
from metta_local.visibility import Holding

__all__ = ["INVOCATION_SECONDS", "LocalContext", "QueueMissingError", "QueueWorker"]

log = logging.getLogger(__name__)

BACKOFF_SECONDS = 30.0
"""Longest wait between polls while the queue refuses."""
SHORT_POLL_SECONDS = 0.5
"""Pause after an empty poll that did not wait; without it the loop would do nothing but ask."""
DELETE_TRIES = 3

Handle = Callable[[dict[str, Any], Any], Any]
"""The Lambda handler: ``handle(event, context)`` -> ``{"batchItemFailures": [...]}``."""


class QueueMissingError(SettingsError):
    """The queue that the URL names does not exist."""


class QueueWorker:
    """Polls one queue and works off what it finds, one batch at a time, until it is told to stop.

    Args:
        sqs: a boto3 SQS client of its own (the handler's client may be watched, see ``visibility.watch``).
        queue_url: the queue.
        handle: the Lambda handler.
        settings: ``sqs_max_messages``, ``sqs_wait_time_seconds``, ``sqs_visibility_timeout`` and
            ``shutdown_timeout_seconds`` are used.
        invocation_seconds: the deadline each batch is given.

    Example::

        worker = QueueWorker(sqs, url, metta.handle, settings)
        worker.start()
        ...
        worker.finish()
    """

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        handle: Handle,
        settings: Settings,
        *,
        invocation_seconds: float = INVOCATION_SECONDS,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._handle = handle
        self._settings = settings
        self._invocation_seconds = invocation_seconds
        self._arn = queue_arn(queue_url, sqs.meta.region_name)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._holding: Holding | None = None
        self._context: LocalContext | None = None
        self._thread: threading.Thread | None = None
        self.health = WorkerHealth()
        self.error: BaseException | None = None
        """What ended the loop, when it was not ``stop()``."""

    def run(self) -> None:
        """Work until ``stop()``; the batch in hand is finished first.

        Raises:
            QueueMissingError: the queue does not exist.
        """
        refusals = 0
        while not self._stopping.is_set():
            try:
                messages = self._poll()
            except SQS_TROUBLE as error:
                if _is_missing(error) and self.health.last_poll_at is None:
                    raise QueueMissingError("AWS_SQS_QUEUE_URL: there is no such queue") from error
                refusals += 1
                self.health.failing_since = self.health.failing_since or time.monotonic()
                pause = min(BACKOFF_SECONDS, 0.5 * 2 ** min(refusals, 10)) * random.uniform(0.5, 1)
                log.warning("the queue refused the poll, next try in %.1f s: %s", pause, error)
                self._stopping.wait(pause)
                continue
            if self.health.last_poll_at is None:
                log.info("polling %s", self._queue_url)
            refusals = 0
            self.health.failing_since = None
            self.health.last_poll_at = time.monotonic()
            if messages and self._stopping.is_set():
                self._hold(messages, LocalContext()).give_back()
            elif messages:
                self._work(messages)
            elif self._settings.sqs_wait_time_seconds == 0:
                self._stopping.wait(SHORT_POLL_SECONDS)

    def start(self) -> None:
        """Run in a thread of its own; ``error`` says afterwards whether it ended by itself."""
        self._thread = threading.Thread(target=self._run_in_thread, name="queue-worker", daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the loop to end; False when it has not within ``timeout`` seconds."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Ask the loop to end; returns at once. The batch in hand has the shutdown timeout left."""
        self._stopping.set()
        self.health.stopping = True
        context = self._context
        if context is not None:
            context.end_within(self._settings.shutdown_timeout_seconds)

    @property
    def running(self) -> bool:
        """Whether the loop's thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def finish(self, seconds: float | None = None) -> bool:
        """Stop, wait for the batch in hand, else return it to the queue.

        Args:
            seconds: how long to wait; the shutdown timeout unless given.

        Returns:
            True when the loop ended in time; False when its batch was given back while the handler still ran.
        """
        limit = self._settings.shutdown_timeout_seconds if seconds is None else seconds
        self.stop()
        if self.join(limit):
            return True
        with self._lock:
            holding = self._holding
        given = holding.give_back() if holding else 0
        log.warning("not finished within %s s; gave back %d messages", limit, given)
        return False

    def left_by_handler(self, receipt_handle: str) -> None:
        """The handler chose the visibility of this record itself: it is not extended again."""
        with self._lock:
            holding = self._holding
        if holding is not None:
            holding.let_go(receipt_handle)

    def _run_in_thread(self) -> None:
        try:
            self.run()
        except SettingsError as error:
            self.error = error
        except BaseException as error:
            self.error = error
            log.exception("the worker loop ended")
        finally:
            self.health.stopped = True

    def _poll(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=self._settings.sqs_max_messages,
            WaitTimeSeconds=self._settings.sqs_wait_time_seconds,
            VisibilityTimeout=self._settings.sqs_visibility_timeout,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _hold(self, messages: Sequence[Mapping[str, Any]], context: LocalContext) -> Holding:
        return Holding(
            self._sqs,
            self._queue_url,
            {message["MessageId"]: message["ReceiptHandle"] for message in messages},
            visibility=self._settings.sqs_visibility_timeout,
            deadline=context.deadline,
            clock=context.clock,
        )

    def _work(self, messages: Sequence[Mapping[str, Any]]) -> None:
        context = LocalContext(self._invocation_seconds)
        ids = [message["MessageId"] for message in messages]
        holding = self._hold(messages, context)
        with self._lock:
            self._holding, self._context = holding, context
        if self._stopping.is_set():  # stop() may have come before it could see the context
            context.end_within(self._settings.shutdown_timeout_seconds)
        self.health.busy_until = context.deadline
        try:
            with holding:
                failed = self._invoke(lambda_event(messages, self._arn), context, ids)
        finally:
            with self._lock:
                self._holding, self._context = None, None
            self.health.busy_until = None
        self.health.batches += 1
        self.health.messages += len(ids)
        self.health.failed_messages += len(failed)
        self._delete([message for message in messages if message["MessageId"] not in failed])

    def _invoke(self, event: dict[str, Any], context: LocalContext, ids: Sequence[str]) -> frozenset[str]:
        try:
            answer = self._handle(event, context)
        except Exception:
            log.exception("the handler raised; all %d messages stay on the queue", len(ids))
            return frozenset(ids)
        failed = failed_ids(answer, ids)
        log.info("batch of %d done, %d stay on the queue", len(ids), len(failed))
        return failed

    def _delete(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Delete what is done. What cannot be deleted comes back and turn state knows it is done (I2)."""
        left = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        for attempt in range(DELETE_TRIES):
            if not left:
                return
            if attempt:
                time.sleep(0.2 * 2**attempt)
            ids = list(left)
            entries = [{"Id": str(n), "ReceiptHandle": left[id_]} for n, id_ in enumerate(ids)]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except SQS_TROUBLE as error:
                log.warning("deleting %d messages failed: %s", len(ids), error)
                continue
            refused = {ids[int(entry["Id"])]: entry.get("Code") for entry in answer.get("Failed", ())}
            left = {id_: left[id_] for id_ in refused}
            for id_, code in refused.items():
                log.warning("message %s was not deleted: %s", id_, code)
        if left:
            log.error("%d finished messages could not be deleted and will be delivered again", len(left))


def _is_missing(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return False
    code = str(error.response.get("Error", {}).get("Code", ""))
    return "NonExistentQueue" in code or "QueueDoesNotExist" in code
