"""Webhook delivery as Chatwoot's jobs do it (contract 1.1 and 2): signed, in the background, retried for bots only."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from metta.integrations.chatwoot.signature import DELIVERY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

BOT_ATTEMPTS = 3
RETRIED_STATUSES = (429, 500)
Post = Callable[[str, bytes, dict[str, str]], int]


def post_over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    """POST as Chatwoot does: 5 s to connect and read, redirects followed. 0 stands for no answer at all."""
    try:
        with httpx.Client(timeout=5, follow_redirects=True, trust_env=False) as client:
            return client.post(url, content=body, headers=headers).status_code
    except httpx.HTTPError:
        return 0


@dataclass
class Delivery:
    """One event on its way to one destination."""

    event: str
    path: str
    """bot or account."""
    conversation_id: int | None
    url: str
    build: Callable[[], bytes]
    secret: str | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The same on every retry."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the latest attempt."""
    statuses: list[int] = field(default_factory=list)
    """One per attempt; 0 for no answer."""
    settled: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the last attempt got a 2xx."""
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300


class Courier:
    """A thread that delivers in order of due time.

    Args:
        post: makes one attempt and gives the status.
        failed: told of every delivery that failed for good.
        retry_seconds: between the attempts of a bot delivery.
        keep: how many deliveries are remembered.
    """

    def __init__(
        self, post: Post, failed: Callable[[Delivery], None], *, retry_seconds: float = 3.0, keep: int = 10_000
    ) -> None:
        self._post = post
        self._failed = failed
        self._retry_seconds = retry_seconds
        self._due: list[tuple[float, int, Delivery]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._busy = False
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.deliveries: deque[Delivery] = deque(maxlen=keep)

    def enqueue(self, delivery: Delivery, *, after_seconds: float = 0.0) -> None:
        """Deliver soon, or after a while."""
        with self._changed:
            if self._stopped:
                return
            if not delivery.statuses:
                self.deliveries.append(delivery)
            heapq.heappush(self._due, (time.monotonic() + after_seconds, next(self._order), delivery))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chatwoot-webhooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def deliver_by(self, post: Post) -> None:
        """Make attempts in another way from now on."""
        self._post = post

    def drain(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until nothing is left to deliver; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout_seconds)

    def stop(self) -> None:
        """Give up what is left and end the thread."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=6)

    def _run(self) -> None:
        while (delivery := self._next()) is not None:
            try:
                self._attempt(delivery)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> Delivery | None:
        with self._changed:
            while not self._stopped:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
        return None

    def _attempt(self, delivery: Delivery) -> None:
        delivery.body = delivery.body or delivery.build()
        delivery.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            DELIVERY_HEADER: delivery.id,
        }
        if delivery.secret is not None:
            timestamp = str(int(time.time()))
            delivery.headers[TIMESTAMP_HEADER] = timestamp
            delivery.headers[SIGNATURE_HEADER] = sign(delivery.secret, timestamp, delivery.body)
        status = self._post(delivery.url, delivery.body, dict(delivery.headers))
        delivery.statuses.append(status)
        retried = delivery.path == "bot" and status in RETRIED_STATUSES and len(delivery.statuses) < BOT_ATTEMPTS
        if retried:
            self.enqueue(delivery, after_seconds=self._retry_seconds)
            return
        delivery.settled = True
        if not delivery.succeeded:
            self._failed(delivery)
