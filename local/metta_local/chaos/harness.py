"""What all proxies of a run share: where they report, who decides what goes wrong, and who lies in ambush."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from metta_local.chaos.injector import Fault, Injector
from metta_local.chaos.journal import Call, Journal, Place
from metta_local.chaos.steps import Ambush, KillStep


@dataclass
class Harness:
    """One run's journal, injector and ambush."""

    journal: Journal
    injector: Injector
    ambush: Ambush = field(default_factory=Ambush)
    observers: list[Callable[[Passage, bool], None]] = field(default_factory=list)
    """Told of each call before it leaves for its place (False) and after it was answered there (True), while the worker
    waits for it; on the proxies' thread, so they must be quick."""


@dataclass
class Passage:
    """One call on its way through a proxy; whatever happens to it, ``over`` puts it into the journal."""

    harness: Harness
    worker: str
    place: Place
    operation: str
    conversation: int | None
    detail: dict[str, Any]
    arrived_at: float = field(default_factory=time.time)
    forwarded_at: float | None = None
    effect_at: float | None = None
    answered_at: float | None = None
    status: int | None = None
    fault: Fault | None = None

    def forwarded(self) -> None:
        """The request leaves for its place."""
        self.forwarded_at = time.time()

    def effected(self) -> None:
        """The place answered."""
        self.effect_at = time.time()

    def answered(self, status: int | None = None) -> None:
        """The worker is told something."""
        self.answered_at, self.status = time.time(), status

    def killed(self, *, after: bool) -> bool:
        """Whether the worker was killed at this point of the call; nothing must reach it then."""
        for observer in self.harness.observers:
            observer(self, after)
        sprung: KillStep | None = self.harness.ambush.sprung(
            self.worker, self.place, self.operation, self.conversation, self.detail, after=after
        )
        if sprung is not None:
            self.detail["killed"] = sprung.name
        return sprung is not None

    def spoil(self) -> Fault | None:
        """Decide what goes wrong with the call."""
        self.fault = self.harness.injector.decide(self.place, self.operation)
        if self.fault is not None and self.fault.late_seconds:
            self.detail["late_seconds"] = round(self.fault.late_seconds, 1)
        return self.fault

    def over(self) -> None:
        """Record the call."""
        self.harness.journal.add(
            Call(
                worker=self.worker,
                place=self.place,
                operation=self.operation,
                conversation=self.conversation,
                arrived_at=self.arrived_at,
                forwarded_at=self.forwarded_at,
                effect_at=self.effect_at,
                answered_at=self.answered_at,
                status=self.status,
                fault=self.fault.kind if self.fault else None,
                detail=self.detail,
            )
        )
