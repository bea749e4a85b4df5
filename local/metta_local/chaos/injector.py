"""Decides by seed which calls go wrong and how; the proxies carry it out.

Each place and operation has a random stream of its own, so that a seed decides the same for the tenth hand-off note
however many polls came before it.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from metta_local.chaos.journal import FaultKind, Place

PATIENCE_SECONDS: Mapping[Place, float] = {
    Place.CHATWOOT: 2.0,
    Place.ODOO: 2.0,
    Place.MODEL: 3.0,
    Place.POSTGRES: 10.0,
    Place.DYNAMODB: 5.0,
    Place.SQS: 11.0,
}
"""How long a worker waits for an answer, with the short limits of the harness's policy file."""
LATE_SECONDS = 12.0
"""A request whose sender went away may still take effect this long after it was sent; Chatwoot's own bound is 15 s."""
_LATE_SHARE = 0.4

_OVER_HTTP = {
    FaultKind.LATENCY: 40,
    FaultKind.TIMEOUT_BEFORE: 6,
    FaultKind.TIMEOUT_AFTER: 8,
    FaultKind.RESET_BEFORE: 9,
    FaultKind.RESET_AFTER: 10,
    FaultKind.TOO_MANY: 9,
    FaultKind.SERVER_ERROR: 10,
    FaultKind.MALFORMED: 8,
}
_OF_AWS = {
    FaultKind.LATENCY: 34,
    FaultKind.TIMEOUT_BEFORE: 1,
    FaultKind.TIMEOUT_AFTER: 1,
    FaultKind.RESET_BEFORE: 14,
    FaultKind.RESET_AFTER: 16,
    FaultKind.TOO_MANY: 14,
    FaultKind.SERVER_ERROR: 14,
    FaultKind.MALFORMED: 6,
}
_OF_POSTGRES = {
    FaultKind.LATENCY: 34,
    FaultKind.TIMEOUT_BEFORE: 2,
    FaultKind.TIMEOUT_AFTER: 2,
    FaultKind.RESET_BEFORE: 16,
    FaultKind.RESET_AFTER: 18,
    FaultKind.TOO_MANY: 8,
    FaultKind.SERVER_ERROR: 14,
    FaultKind.MALFORMED: 6,
}
_MIXES: Mapping[Place, Mapping[FaultKind, int]] = {
    Place.CHATWOOT: _OVER_HTTP,
    Place.ODOO: _OVER_HTTP,
    Place.MODEL: _OVER_HTTP,
    Place.POSTGRES: _OF_POSTGRES,
    Place.DYNAMODB: _OF_AWS,
    Place.SQS: _OF_AWS,
}
"""Shares of the kinds by place; timeouts are rare where the wait for one is long."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call."""

    kind: FaultKind
    seconds: float = 0.0
    """LATENCY: how much later the request goes on. TIMEOUT_*: how long the sender is kept waiting at most."""
    after_effect: bool = False
    """Whether the place does what was asked before it goes wrong."""
    late_seconds: float = 0.0
    """TIMEOUT_AFTER: the request reaches the place only after this time, possibly when its sender has given up."""
    variant: int = 0
    """Picks among the shapes that a place gives this kind of trouble."""


class Injector:
    """The seeded decisions. Safe to use from several threads.

    Args:
        seed: of all streams.
        probability: that a call goes wrong, from 0 to 1.
        patience: seconds a worker waits for each place, where they differ from ``PATIENCE_SECONDS``.

    Attributes:
        counts: decided faults by place and kind.
    """

    def __init__(self, seed: int, probability: float, *, patience: Mapping[Place, float] | None = None) -> None:
        self.counts: Counter[tuple[Place, FaultKind]] = Counter()
        self._seed = seed
        self._probability = probability
        self._patience = {**PATIENCE_SECONDS, **(patience or {})}
        self._streams: dict[tuple[Place, str], random.Random] = {}
        self._lock = threading.Lock()
        self._calm = False

    def calm(self) -> None:
        """Inject nothing any more."""
        with self._lock:
            self._calm = True

    def decide(self, place: Place, operation: str) -> Fault | None:
        """What the next call of this operation meets; None for nothing."""
        with self._lock:
            if self._calm or self._probability <= 0:
                return None
            stream = self._streams.get((place, operation))
            if stream is None:
                stream = random.Random(f"{self._seed}:{place}:{operation}")
                self._streams[place, operation] = stream
            if stream.random() >= self._probability:
                return None
            fault = self._fault(place, operation, stream)
            self.counts[place, fault.kind] += 1
            return fault

    def _fault(self, place: Place, operation: str, stream: random.Random) -> Fault:
        mix = _MIXES[place]
        (kind,) = stream.choices(list(mix), weights=list(mix.values()))
        variant = stream.randrange(1000)
        if kind is FaultKind.LATENCY:
            long = stream.random() < 0.1
            return Fault(kind, seconds=stream.uniform(0.3, 1.2) if long else stream.uniform(0.01, 0.3))
        if kind in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER):
            after = kind is FaultKind.TIMEOUT_AFTER
            held = self._patience[place] + 1.0
            late = 0.0
            if after and operation == "create_message" and stream.random() < _LATE_SHARE:
                late = stream.uniform(0.5, LATE_SECONDS)
            return Fault(kind, seconds=max(held, late + 1.0), after_effect=after, late_seconds=late, variant=variant)
        if kind is FaultKind.TOO_MANY:
            return Fault(kind, variant=variant)
        if kind in (FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER):
            return Fault(kind, after_effect=kind is FaultKind.RESET_AFTER, variant=variant)
        return Fault(kind, after_effect=stream.random() < 0.5, variant=variant)
