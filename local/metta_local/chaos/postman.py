"""Brings Chatwoot's webhooks to the queue the way networks do: some late, some twice, some in another order, by seed.

It stands in for the receiver: the same envelope, sent straight to the queue. A second delivery gets a deduplication id
of its own, as after a redrive; otherwise the queue would swallow it.
"""

from __future__ import annotations

import dataclasses
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from metta.receiving.envelope import HEADERS, Envelope, wrap
from metta_local.chaos.agenda import Agenda

DELAYED, DOUBLED, SWAPPED = 0.10, 0.12, 0.06
"""Shares of the webhooks."""
LONGEST_DELAY_SECONDS = 2.5
LONGEST_SECOND_SECONDS = 8.0
HELD_SECONDS = 2.0
"""Longest wait of a webhook for the next one of its conversation, which is to overtake it."""


@dataclass(frozen=True)
class Webhook:
    """What the director wants to know of one."""

    event: str
    conversation: int | None
    body: Mapping[str, Any]


class Postman:
    """Takes webhooks in the place of HTTP; ``post`` is for ``Courier.deliver_by``.

    Args:
        sqs: a boto3 client that nobody spoils.
        queue_url: where they go.
        agenda: for what is sent later.
        seed: decides what happens to which.
        seen: told of every webhook, once, before anything happens to it.

    Attributes:
        queued: customer message -> when its event was first on the queue.
        counts: sent, delayed, doubled, swapped.
    """

    def __init__(
        self, sqs: Any, queue_url: str, agenda: Agenda, seed: int, *, seen: Callable[[Webhook], None] | None = None
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._agenda = agenda
        self._seed = seed
        self._seen = seen
        self._held: dict[str, list[Envelope]] = {}
        self._lock = threading.Lock()
        self.queued: dict[int, float] = {}
        self.counts: Counter[str] = Counter()

    def post(self, _url: str, body: bytes, headers: dict[str, str]) -> int:
        """One webhook attempt; always welcome."""
        envelope = wrap(body, {name: headers[name] for name in HEADERS if name in headers})
        content = json.loads(body)
        if self._seen is not None:
            conversation = content.get("conversation", content).get("id")
            self._seen(Webhook(content["event"], conversation, content))
        chance = random.Random(f"{self._seed} {envelope.deduplication}")
        happens = chance.random()
        if happens < DELAYED:
            self.counts["delayed"] += 1
            self._agenda.later(chance.uniform(0.1, LONGEST_DELAY_SECONDS), lambda: self._send(envelope))
        elif happens < DELAYED + SWAPPED:
            self.counts["swapped"] += 1
            self._hold(envelope)
        else:
            self._send(envelope)
        if chance.random() < DOUBLED:
            self.counts["doubled"] += 1
            again = dataclasses.replace(envelope, deduplication=f"{envelope.deduplication}:again")
            self._agenda.later(chance.uniform(0.2, LONGEST_SECOND_SECONDS), lambda: self._send(again))
        return 200

    def _hold(self, envelope: Envelope) -> None:
        with self._lock:
            self._held.setdefault(envelope.group, []).append(envelope)
        self._agenda.later(HELD_SECONDS, lambda: self._release(envelope.group))

    def _release(self, group: str) -> None:
        with self._lock:
            held = self._held.pop(group, [])
        for envelope in held:
            self._put(envelope)

    def _send(self, envelope: Envelope) -> None:
        self._put(envelope)
        self._release(envelope.group)

    def _put(self, envelope: Envelope) -> None:
        envelope.send(self._sqs, self._queue_url)
        self.counts["sent"] += 1
        _, event, message = envelope.deduplication.split(":")[:3]
        if event == "message_created" and message.isdigit():
            self.queued.setdefault(int(message), time.time())
