"""Hand-made observations: one conversation told in a few words, the calls around it, and what the checks say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from metta_local.chaos.journal import Call, FaultKind, Place, ReceivedRecord
from metta_local.chaos.ledger import AuditedTurn, Author, Bounds, Conversation, DeadLetter, Entry, SentRow
from metta_local.chaos.observed import Observed
from metta_local.chaos.violation import Violation

T0 = 1000.0


def customer(id_: int, at: float, **extra: Any) -> Entry:
    extra.setdefault("word", f"zq{id_}")
    return Entry(id_, T0 + at, Author.CUSTOMER, "Where is it?", **extra)


def reply(id_: int, at: float, turn: str = "t-1", **extra: Any) -> Entry:
    return Entry(id_, T0 + at, Author.METTA, "Here.", turn_id=turn, **{"kind": "reply"} | extra)


def note(id_: int, at: float, turn: str = "t-1") -> Entry:
    return reply(id_, at, turn, kind="handoff_note", private=True)


def word(id_: int, at: float, turn: str = "t-1") -> Entry:
    return reply(id_, at, turn, kind="handoff_word")


def human(id_: int, at: float, **extra: Any) -> Entry:
    return Entry(id_, T0 + at, Author.HUMAN, "I have it.", **extra)


def status(id_: int, at: float, to: str, by: str = "Nina Kraus") -> Entry:
    return Entry(id_, T0 + at, Author.OTHER, status=to, by=by)


def assigned(id_: int, at: float, *, yes: bool = True) -> Entry:
    return Entry(id_, T0 + at, Author.OTHER, assigned=yes, by="Mia Admin")


def turn(id_: str = "t-1", messages: tuple[int, ...] = (1,), **extra: Any) -> AuditedTurn:
    """An answered turn, complete, whose reply is message 9 unless told otherwise."""
    usual: dict[str, Any] = {
        "outcome": "answered",
        "messages": messages,
        "covered": frozenset(messages),
        "sent": (SentRow("reply", 0, 9),),
        "reply": "Here.",
        "started_at": T0 + 1,
        "finished_at": T0 + 2,
    }
    return AuditedTurn(id_, **usual | extra)


def handed_off(id_: str = "t-1", messages: tuple[int, ...] = (1,), **extra: Any) -> AuditedTurn:
    """A hand-off whose note is message 7 and whose word is message 8."""
    sent = (SentRow("handoff_note", 0, 7, private=True), SentRow("handoff_word", 0, 8))
    return turn(id_, messages, **{"outcome": "handed_off", "reason": "tool", "reply": None, "sent": sent} | extra)


def overtaken(id_: str, messages: tuple[int, ...], **extra: Any) -> AuditedTurn:
    return turn(id_, messages, **{"outcome": "dropped", "reason": "overtaken", "sent": ()} | extra)


def call(
    place: Place,
    operation: str,
    at: float,
    *,
    worker: str = "worker-1",
    conversation: int | None = 84,
    took: float = 0.1,
    status_code: int | None = 200,
    fault: FaultKind | None = None,
    **detail: Any,
) -> Call:
    """A call that took so many seconds; without a status its answer never reached the worker."""
    arrived = T0 + at
    answered = None if status_code is None else arrived + took
    effect = arrived + took
    return Call(
        worker, place, operation, conversation, arrived, arrived + 0.01, effect, answered, status_code, fault, detail
    )


def look(at: float, **extra: Any) -> Call:
    return call(Place.CHATWOOT, "get_conversation", at, **extra)


def post(at: float, entry: Entry, **extra: Any) -> Call:
    """The POST that made ``entry``."""
    own = {"turn_id": entry.turn_id, "kind": entry.kind, "part": entry.part, "message_id": entry.id}
    return call(Place.CHATWOOT, "create_message", at, **own | extra)


def asked(at: float, *ids: int, **extra: Any) -> Call:
    """The first model request of a run about these messages."""
    words = " ".join(f"zq{id_}" for id_ in ids)
    about: dict[str, Any] = {"conversation": None, "input": words, "tool_results": 0}
    return call(Place.MODEL, "respond", at, **about | extra)


def received(at: float, *sqs_ids: str, receive: int = 1, worker: str = "worker-1", **extra: Any) -> Call:
    records = [ReceivedRecord(id_, receive, "3:84", "message_created", 1, 84) for id_ in sqs_ids]
    return call(Place.SQS, "receive", at, worker=worker, conversation=None, records=records, **extra)


def returned(at: float, *sqs_ids: str, seconds: list[float], worker: str = "worker-1", **extra: Any) -> Call:
    own = {"message_ids": list(sqs_ids), "seconds": seconds}
    return call(Place.SQS, "visibility", at, worker=worker, conversation=None, **own | extra)


def deleted(at: float, *sqs_ids: str, **extra: Any) -> Call:
    return call(Place.SQS, "delete", at, conversation=None, message_ids=list(sqs_ids), **extra)


def conversation(*entries: Entry, turns: Iterable[AuditedTurn] = (), **extra: Any) -> Conversation:
    queued = {entry.id: entry.at for entry in entries if entry.author is Author.CUSTOMER}
    return Conversation(
        84, tuple(sorted(entries, key=lambda e: e.id)), turns=tuple(turns), **{"queued": queued} | extra
    )


def observed(
    told: Conversation,
    *calls: Call,
    kills: Iterable[tuple[float, str]] = (),
    dead: Iterable[DeadLetter] = (),
    bounds: Bounds | None = None,
    **extra: Any,
) -> Observed:
    in_order = tuple(sorted(calls, key=lambda one: one.arrived_at))
    killed = tuple((T0 + at, worker) for at, worker in kills)
    return Observed((told,), in_order, killed, dead=tuple(dead), bounds=bounds or Bounds(), **extra)


def found(check: Callable[[Observed], Iterable[Violation]], seen: Observed) -> list[str]:
    """The promises that the check says were broken."""
    return [violation.promise for violation in check(seen)]
