"""What is remembered of a conversation between turns; the queue room keeps it in DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from metta.messages import ConversationKey, Turn

KEEP_COVERED = 2000
"""How many covered message ids are kept one by one."""


@dataclass
class ConversationState:
    """What is remembered of one conversation. Changed in place; its keeper writes it."""

    key: ConversationKey
    owner: str
    lease_until: float
    """Unix seconds; every save and every renewal moves it on."""
    tries: int = 0
    """Real tries since the last turn that ended, the running one included."""
    covered: set[int] = field(default_factory=set)
    floor: int = 0
    """Ids up to here were pruned from ``covered``; they count as covered."""
    takeover: str | None = None
    """Why a person has the conversation; None while Metta may speak."""
    changed_at: float = 0.0
    """Unix seconds, by Chatwoot's clock, of the latest change seen; events come in any order."""
    resolved_through: int = 0
    """Last message id before the latest resolve; history starts after it."""
    hand: Turn | None = None
    """The turn being worked on, from ``prepared`` on."""
    outbox: list[Turn] = field(default_factory=list)
    """Ended turns whose audit rows are not known to be written."""
    unwritten: int = 0
    """Failed tries in a row to write the audit of ended turns."""
    recent: list[tuple[float, str]] = field(default_factory=list)
    """Unix seconds and digest of the customer's text of the latest ended turns, newest last."""
    disclosed: set[str] = field(default_factory=set)
    """Names of the disclosures that the customer was told."""
    waiting: bool = False
    """Whether customer messages came that are not dealt with; the keeper then lets the watchdog see it."""
    since: float | None = None
    """Unix seconds since when something is unfinished; None when nothing was."""
    clock: Callable[[], float] = time.time

    @property
    def unfinished(self) -> bool:
        """Whether a customer, a turn or an audit row still waits for something."""
        return self.waiting or self.hand is not None or bool(self.outbox)

    @property
    def lease_left(self) -> float:
        """Seconds for which nobody else can take the conversation."""
        return self.lease_until - self.clock()

    def is_covered(self, message_id: int) -> bool:
        """Whether the message was answered, handed off or deliberately skipped."""
        return message_id <= self.floor or message_id in self.covered

    def cover(self, message_ids: Iterable[int]) -> None:
        """Remember that these messages are dealt with."""
        self.covered.update(message_ids)
        if len(self.covered) > KEEP_COVERED:
            ordered = sorted(self.covered)
            self.floor = max(self.floor, ordered[-KEEP_COVERED - 1])
            self.covered = set(ordered[-KEEP_COVERED:])
