"""What the proxies saw of each worker's calls and what the director did, in one place and on one clock.

The checks read it afterwards; a violation prints ``Journal.timeline`` of its conversation.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Place(StrEnum):
    """What a worker talks to."""

    CHATWOOT = "chatwoot"
    ODOO = "odoo"
    MODEL = "model"
    POSTGRES = "postgres"
    DYNAMODB = "dynamodb"
    SQS = "sqs"


class FaultKind(StrEnum):
    """What can happen to a call on its way; before: the place never had it, after: it did what was asked."""

    LATENCY = "latency"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    TOO_MANY = "too_many"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Call:
    """One request of a worker to a place, as the proxy between them saw it. Times are seconds since the epoch."""

    worker: str
    """``worker-1``, the same across restarts; ``function`` when it is deployed."""
    place: Place
    operation: str
    """chatwoot: as ``metta_local.chatwoot.api.operation_of`` has it; odoo: call; model: respond; sqs: receive, delete,
    visibility, send; dynamodb: acquire, save, renew, release, guard_put, guard_update, ...; postgres: query, insert."""
    conversation: int | None
    """Display id, where path, key or body tells it."""
    arrived_at: float
    """The request was complete at the proxy."""
    forwarded_at: float | None = None
    """None: it never reached the place."""
    effect_at: float | None = None
    """The place had answered."""
    answered_at: float | None = None
    """An answer left for the worker; None: it never had one."""
    status: int | None = None
    """What the worker was told; None where it was told nothing or the protocol has no such number."""
    fault: FaultKind | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """chatwoot create_message: private, turn_id, kind, part, message_id. sqs receive: records, a list of
    ``ReceivedRecord``; delete, visibility: message_ids and seconds. Any: killed (the step), if it ended the worker."""

    def concerns(self, conversation: int) -> bool:
        """Whether the call has to do with a conversation; a batch of records may concern several."""
        return conversation == self.conversation or conversation in self.detail.get("conversations", ())


@dataclass(frozen=True)
class ReceivedRecord:
    """One record in the answer to a ReceiveMessage."""

    message_id: str
    """SQS's id: a redrive gives a new one."""
    receive_count: int
    group: str
    """Message group, ``account:conversation``; empty on a standard queue."""
    event: str
    """Chatwoot's event; empty when the body could not be read."""
    chatwoot_id: int | None
    """Id of the message the body is about."""
    conversation: int | None


@dataclass(frozen=True)
class Note:
    """Something that was done from outside: a customer wrote, a person took over, a worker was killed."""

    at: float
    conversation: int | None
    text: str


class Journal:
    """Gathers calls and notes from several threads."""

    def __init__(self) -> None:
        self.began_at = time.time()
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._notes: list[Note] = []

    def add(self, call: Call) -> None:
        """Record a call, once it is over."""
        with self._lock:
            self._calls.append(call)

    def note(self, at: float, conversation: int | None, text: str) -> None:
        """Record what was done from outside; without a conversation it is in every timeline."""
        with self._lock:
            self._notes.append(Note(at, conversation, text))

    @property
    def calls(self) -> list[Call]:
        """All calls so far, by arrival."""
        with self._lock:
            known = list(self._calls)
        return sorted(known, key=lambda call: call.arrived_at)

    @property
    def notes(self) -> list[Note]:
        """All notes so far, by time."""
        with self._lock:
            known = list(self._notes)
        return sorted(known, key=lambda note: note.at)

    def timeline(self, conversation: int) -> list[str]:
        """Everything that concerns a conversation, in order, one readable line each; times count from the start."""
        lines = [
            (note.at, f"                  {note.text}")
            for note in self.notes
            if note.conversation in (None, conversation)
        ]
        lines += [(call.arrived_at, _line(call, conversation)) for call in self.calls if call.concerns(conversation)]
        return [f"{at - self.began_at:9.3f} {text}" for at, text in sorted(lines, key=lambda line: line[0])]


def _line(call: Call, conversation: int) -> str:
    ended = "no answer" if call.answered_at is None else f"{1000 * (call.answered_at - call.arrived_at):.0f} ms"
    parts = [f"{call.worker:9} {call.place.value:8} {call.operation}", ended]
    if call.status is not None:
        parts.append(str(call.status))
    if call.fault is not None:
        parts.append(f"FAULT {call.fault.value}")
    if call.forwarded_at is None:
        parts.append("not forwarded")
    shown = {name: value for name, value in call.detail.items() if name not in ("conversations", "records")}
    if "message_ids" in shown:  # of a batch; long ids tell a reader nothing
        shown["message_ids"] = len(call.detail["message_ids"])
    if "seconds" in shown:
        shown["seconds"] = sorted({seconds for seconds in call.detail["seconds"] if seconds is not None})
    parts += [f"{name}={value}" for name, value in shown.items()]
    for record in call.detail.get("records", ()):
        if record.conversation == conversation:
            parts.append(f"{record.event}/{record.chatwoot_id or ''} (receive {record.receive_count})")
    return "  ".join(parts)
