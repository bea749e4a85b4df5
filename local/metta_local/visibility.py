"""Keeps a batch that is being worked on invisible to other workers, without touching records the handler gave back.

The handler itself decides when a failed record comes back, by changing its visibility. A heartbeat that came after it
would undo that, so the handler's client is watched and whatever it changed is left alone from then on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from metta_local.sqs import SQS_TROUBLE

log = logging.getLogger(__name__)


class Holding:
    """The records of one batch in hand; a context manager that extends their visibility until it is left.

    Args:
        sqs: the loop's own SQS client, not the handler's.
        queue_url: the queue they came from.
        receipts: message id -> receipt handle.
        visibility: seconds that each extension gives, counted from the moment it is made.
        deadline: ``clock()`` value after which nothing is extended any more: a handler that is stuck shall not keep
            customers waiting, another worker may have them.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        receipts: Mapping[str, str],
        *,
        visibility: int,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._held = dict(receipts)
        self._visibility = visibility
        self._deadline = deadline
        self._clock = clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="visibility", daemon=True)

    def __enter__(self) -> Holding:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def let_go(self, receipt_handle: str) -> None:
        """Leave a record alone from now on; waits for an extension that is being made, so that it comes before."""
        with self._lock:
            self._held = {id_: handle for id_, handle in self._held.items() if handle != receipt_handle}

    def give_back(self) -> int:
        """Make what is still held visible at once, for another worker; returns how many records that were."""
        self._over.set()
        with self._lock:
            given, self._held = self._held, {}
            self._change(given, 0)
        return len(given)

    def _beat(self) -> None:
        while not self._over.wait(self._visibility / 3):
            if self._clock() >= self._deadline:
                log.error("the batch is past its deadline; its %d messages come back to the queue", len(self._held))
                return
            with self._lock:
                self._change(self._held, self._visibility)

    def _change(self, held: Mapping[str, str], seconds: int) -> None:
        """Set the visibility of ``held``. Trouble is logged: the records then come back earlier, which is safe."""
        if not held:
            return
        ids = list(held)
        entries = [
            {"Id": str(n), "ReceiptHandle": held[id_], "VisibilityTimeout": seconds} for n, id_ in enumerate(ids)
        ]
        try:
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)
        except SQS_TROUBLE as error:
            log.warning("the visibility of %d messages was not changed: %s", len(ids), error)
            return
        for entry in answer.get("Failed", ()):
            log.warning("the visibility of message %s was not changed: %s", ids[int(entry["Id"])], entry.get("Code"))


def watch(sqs: Any, changed: Callable[[str], None]) -> None:
    """Call ``changed(receipt_handle)`` before each visibility change that ``sqs``, a boto3 client, makes."""

    def one(params: Mapping[str, Any], **_: object) -> None:
        changed(params.get("ReceiptHandle", ""))

    def batch(params: Mapping[str, Any], **_: object) -> None:
        entries: Sequence[Mapping[str, Any]] = params.get("Entries", ())
        for entry in entries:
            changed(entry.get("ReceiptHandle", ""))

    sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibility", one)
    sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", batch)
