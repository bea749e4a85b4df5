"""The named steps of a turn, and the trap that kills whichever worker comes to one next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metta_local.chaos.journal import Place


@dataclass(frozen=True)
class KillStep:
    """A moment in a turn, as a call of the worker shows it."""

    name: str
    place: Place
    operation: str
    after: bool = True
    """After the place did it and before the worker hears of it; otherwise before it leaves the worker's side."""
    only: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Values of the call's detail; a tuple means any of its members."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "only", dict(self.only))

    def fits(self, place: Place, operation: str, detail: Mapping[str, Any], *, after: bool) -> bool:
        """Whether a call is at this step."""
        return (
            place is self.place
            and operation == self.operation
            and after == self.after
            and all(_matches(detail.get(name), wanted) for name, wanted in self.only.items())
        )


def _matches(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


_SAID = ("reply", "note")

STEPS = (
    KillStep("after acquire", Place.DYNAMODB, "acquire"),
    KillStep("after guard_put", Place.DYNAMODB, "guard_put"),
    KillStep("after context read", Place.CHATWOOT, "get_conversation", only={"read": "context"}),
    KillStep("after history read", Place.CHATWOOT, "list_messages"),
    KillStep("after model answer", Place.MODEL, "respond"),
    KillStep("after tool call", Place.ODOO, "call"),
    KillStep("after recheck", Place.CHATWOOT, "get_conversation", only={"read": "recheck"}),
    KillStep("after save(SENDING)", Place.DYNAMODB, "save", only={"phase": "sending"}),
    KillStep("before POST reply", Place.CHATWOOT, "create_message", after=False, only={"kind": _SAID}),
    KillStep("after POST reply", Place.CHATWOOT, "create_message", only={"kind": _SAID}),
    KillStep("after note", Place.CHATWOOT, "create_message", only={"kind": "handoff_note"}),
    KillStep("after word", Place.CHATWOOT, "create_message", only={"kind": "handoff_word"}),
    KillStep("after status", Place.CHATWOOT, "toggle_status"),
    KillStep("after team", Place.CHATWOOT, "assignments"),
    KillStep("after save(SENT)", Place.DYNAMODB, "save", only={"sent": True}),
    KillStep("after head read", Place.DYNAMODB, "head_read"),
    KillStep("after audit insert", Place.POSTGRES, "insert"),
    KillStep("after head move", Place.DYNAMODB, "head_move"),
    KillStep("after release", Place.DYNAMODB, "release"),
    KillStep("after guard_update", Place.DYNAMODB, "guard_update"),
    KillStep("after SQS delete", Place.SQS, "delete"),
    KillStep("after SQS visibility change", Place.SQS, "visibility"),
)
"""In the order in which a turn comes to them."""


def step(name: str) -> KillStep:
    """The step of that name; raises ``KeyError``."""
    return {one.name: one for one in STEPS}[name]


class Ambush:
    """Holds the armed steps; a proxy asks at each call, and whoever it names is dead when the answer comes.

    Args:
        kill: ends a worker at once; called on the proxies' thread, so it must not wait.
    """

    def __init__(self, kill: Callable[[str, KillStep], None] | None = None) -> None:
        self.kill = kill
        self._armed: list[tuple[KillStep, int | None]] = []
        self._lock = threading.Lock()

    def arm(self, at: KillStep, conversation: int | None = None) -> None:
        """Kill the next worker that comes to ``at``, once; in one conversation only if given."""
        with self._lock:
            self._armed.append((at, conversation))

    def disarm(self) -> list[KillStep]:
        """Give up what nobody came to; returns it."""
        with self._lock:
            left, self._armed = self._armed, []
        return [at for at, _ in left]

    @property
    def armed(self) -> list[KillStep]:
        """The steps that nobody has come to yet."""
        with self._lock:
            return [at for at, _ in self._armed]

    def sprung(
        self,
        worker: str,
        place: Place,
        operation: str,
        conversation: int | None,
        detail: Mapping[str, Any],
        *,
        after: bool,
    ) -> KillStep | None:
        """The step that this call of ``worker`` was killed at, or None."""
        if not self._armed or self.kill is None:
            return None
        with self._lock:
            for index, (at, where) in enumerate(self._armed):
                if where in (None, conversation) and at.fits(place, operation, detail, after=after):
                    del self._armed[index]
                    break
            else:
                return None
        self.kill(worker, at)
        return at
