"""How many messages wait, are in hand, or ended in the dead-letter queue: asked for as long as the playground runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from metta.messages import JsonObject
from metta_local.sqs import SQS_TROUBLE

log = logging.getLogger(__name__)

_WAITING, _IN_FLIGHT, _DELAYED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class QueueDepth:
    """A thread that asks and shows.

    Args:
        sqs: a boto3 client.
        queue_url, dlq_url: the queues; the second may be unknown.
        show: takes ``{"waiting", "in_flight", "dead"}``.
        every: seconds between two questions.
    """

    def __init__(
        self, sqs: Any, queue_url: str, dlq_url: str | None, show: Callable[[JsonObject], None], *, every: float
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dlq_url = dlq_url
        self._show = show
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="playground-queue", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._show(self._ask())
            except SQS_TROUBLE as error:
                log.info("the queue's depth is not known: %s", error)
            self._over.wait(self._every)

    def _ask(self) -> JsonObject:
        waiting, in_flight = self._count(self._queue_url)
        return {
            "waiting": waiting,
            "in_flight": in_flight,
            "dead": sum(self._count(self._dlq_url)) if self._dlq_url else None,
        }

    def _count(self, url: str) -> tuple[int, int]:
        names = [_WAITING, _DELAYED, _IN_FLIGHT]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(found.get(_WAITING, 0)) + int(found.get(_DELAYED, 0)), int(found.get(_IN_FLIGHT, 0))
