"""An injector that does what a test says, and the proxies of one worker in front of tiny real servers."""

from __future__ import annotations

from collections.abc import Sequence

from metta_local.chaos.injector import Fault, Injector
from metta_local.chaos.journal import Call, FaultKind, Journal, Place


class Planned(Injector):
    """The next calls meet these faults, one each; None lets a call pass."""

    def __init__(self, *planned: Fault | None) -> None:
        super().__init__(0, 0.0)
        self.planned = list(planned)

    def decide(self, place: Place, operation: str) -> Fault | None:
        """The next of the plan."""
        return self.planned.pop(0) if self.planned else None


def only(journal: Journal, operation: str) -> Call:
    """The one call of that operation."""
    (call,) = [call for call in journal.calls if call.operation == operation]
    return call


def kinds(calls: Sequence[Call]) -> list[FaultKind | None]:
    """What went wrong with each call."""
    return [call.fault for call in calls]
