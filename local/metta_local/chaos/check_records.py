"""Checks on records and tries: failures come back soon and together, tries are bounded, paid work is paid once."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from metta_local.chaos.journal import Call, Place, ReceivedRecord
from metta_local.chaos.ledger import AuditedTurn, Conversation, ModelRun
from metta_local.chaos.observed import CLOCK_SLACK, Observed, was_told, words_of
from metta_local.chaos.violation import Violation

LONGEST_BACKOFF_SECONDS = 60
ASKED_FOR_SECONDS = 30
"""Longest wait that has a reason of its own: an unclear send (16 s), another worker's lease (25 s), a circuit."""
AUDIT_BACKOFF_SECONDS = 300
"""A missing audit row may wait longer: the customer has the answer."""

QUICK_SECONDS = 1.0
"""A call that took longer may have been given up by its worker."""


@dataclass(frozen=True)
class Delivery:
    """One record in the hands of one worker."""

    record: ReceivedRecord
    worker: str
    at: float
    batch: int
    """Which receive call of the run it came with."""
    receives: int
    """The greatest receive count of its group in that batch, which goes back as one."""


def deliveries(observed: Observed) -> dict[str, list[Delivery]]:
    """What workers received, by SQS message id, in order; answers that were lost on their way are left out."""
    found: dict[str, list[Delivery]] = defaultdict(list)
    for batch, call in enumerate(observed.calls):
        if call.place is Place.SQS and call.operation == "receive" and was_told(call):
            records: Sequence[ReceivedRecord] = call.detail.get("records", ())
            for record in records:
                most = max(mate.receive_count for mate in records if mate.group == record.group)
                at = call.answered_at or 0.0
                found[record.message_id].append(Delivery(record, call.worker, at, batch, most))
    for times in found.values():
        times.sort(key=lambda delivery: delivery.at)  # a long poll begins before others and ends after them
    return found


def backed_off(observed: Observed) -> Iterator[Violation]:
    """A record that failed goes back for at least a second and at most its backoff, with its group mates alike.

    Permitted: no wish about its return when its worker was killed meanwhile, or had finished it and only the deleting
    failed. A visibility change that SQS refused was still a wish. Not judged where the event source deletes (the
    deployed function), whose calls nobody sees.
    """
    given = _wishes(observed)
    deleted = _deleted(observed)
    wishes: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    for message_id, times in deliveries(observed).items():
        for delivery, after in itertools.pairwise(times):
            if delivery.worker == "function" or observed.killed(delivery.worker, delivery.at, after.at):
                continue
            if any(delivery.at <= at <= after.at for at in deleted.get((delivery.worker, message_id), ())):
                continue
            asked = [
                wish for wish in given.get((delivery.worker, message_id), ()) if delivery.at <= wish[0] <= after.at
            ]
            if what := _wrong_return(observed, delivery, after, asked):
                yield Violation("retries", delivery.record.conversation, f"record {message_id}: {what}")
            if asked:
                wishes[delivery.batch, delivery.record.group][message_id] = asked[-1][1]
    for (_, group), seconds in wishes.items():
        if group and len(set(seconds.values())) > 1:
            conversation = int(group.rpartition(":")[2]) if group.rpartition(":")[2].isdigit() else None
            yield Violation("retries", conversation, f"group mates went back for different times: {seconds}")


def _wrong_return(observed: Observed, delivery: Delivery, after: Delivery, asked: list[tuple[float, float]]) -> str:
    receives = delivery.receives
    if not asked:
        return f"failed at receive {receives} and was left to the queue's own time ({after.at - delivery.at:.1f} s)"
    at, seconds = asked[-1]
    if seconds == observed.bounds.visibility_seconds and at - delivery.at >= seconds / 3 - 1:
        return ""  # perhaps the worker's heartbeat
    if seconds < 1:
        return f"went back for {seconds:g} s at receive {receives}, without any backoff"
    longest = max(ASKED_FOR_SECONDS, min(LONGEST_BACKOFF_SECONDS, 2 ** min(receives, 10)))
    if seconds <= longest:
        return ""
    meanwhile = observed.calls_of_worker(delivery.worker, delivery.at, at)
    audit = any(call.place is Place.POSTGRES and call.fault is not None for call in meanwhile)
    return "" if audit and seconds <= AUDIT_BACKOFF_SECONDS else f"went back for {seconds:g} s at receive {receives}"


def _wishes(observed: Observed) -> Mapping[tuple[str, str], list[tuple[float, float]]]:
    """Worker and SQS message id -> when it asked for which visibility, tries that failed included."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for call in observed.calls:
        if call.place is Place.SQS and call.operation == "visibility":
            for message_id, seconds in zip(call.detail["message_ids"], call.detail["seconds"], strict=False):
                found[call.worker, message_id].append((call.arrived_at, float(seconds or 0)))
    return found


def _deleted(observed: Observed) -> Mapping[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for call in observed.calls:
        if call.place is Place.SQS and call.operation == "delete":
            for message_id in call.detail.get("message_ids", ()):
                found[call.worker, message_id].append(call.arrived_at)
    return found


def few_tries(observed: Observed) -> Iterator[Violation]:
    """Real tries are bounded: so many runs of the agent about one message, and no more.

    Permitted beyond the bound: a run for each turn that a newer message overtook, since that is no failure. Tries that
    only hand off, or only send what is decided, go on until Chatwoot takes it.
    """
    most = observed.bounds.max_attempts
    runs = Counter(word for run in observed.runs for word in run.words)
    for conversation in observed.conversations:
        for message in conversation.customers:
            overtaken = sum(1 for turn in conversation.turns if not turn.ended and message.id in turn.messages)
            if message.word and runs[message.word] > most + overtaken:
                what = f"the model was asked {runs[message.word]} times about message {message.id}"
                yield Violation("retries", conversation.id, f"{what} ({overtaken} overtaken turns)")


def paid_once(observed: Observed) -> Iterator[Violation]:
    """Model work that was paid for is not done again once its turn's reply was on its way, or its state was saved.

    Permitted: a run again after one that failed or whose result was lost with its worker; a run for a turn that a
    newer message overtook.
    """
    by_word: dict[str, list[ModelRun]] = defaultdict(list)
    for run in observed.runs:
        for word in run.words:
            by_word[word].append(run)
    for conversation in observed.conversations:
        calls = observed.calls_by_conversation.get(conversation.id, ())
        for turn in conversation.turns:
            if not turn.ended or not turn.messages:
                continue
            words = words_of(conversation, turn.messages)
            runs = sorted({id(r): r for word in words for r in by_word[word]}.values(), key=lambda run: run.at)
            yield from _after_its_reply(conversation, turn, calls, runs)
            overtaken = {words_of(conversation, one.messages) for one in conversation.turns if not one.ended}
            yield from _after_its_save(observed, conversation, calls, [r for r in runs if r.words not in overtaken])


def _after_its_reply(
    conversation: Conversation, turn: AuditedTurn, calls: Sequence[Call], runs: Sequence[ModelRun]
) -> Iterator[Violation]:
    posts = [c.arrived_at for c in calls if c.operation == "create_message" and c.detail.get("turn_id") == turn.id]
    again = [run for run in runs if posts and run.at > posts[0] + CLOCK_SLACK]
    if again:
        late = again[0].at - posts[0]
        what = f"{again[0].worker} asked the model again {late:.2f} s after {turn.id} had begun to send"
        yield Violation("paid_twice", conversation.id, what)


def _after_its_save(
    observed: Observed, conversation: Conversation, calls: Sequence[Call], runs: Sequence[ModelRun]
) -> Iterator[Violation]:
    for first, second in itertools.pairwise(runs):
        saved = [
            call
            for call in calls
            if call.place is Place.DYNAMODB
            and call.operation in ("save", "release")
            and call.worker == first.worker
            and was_told(call)
            and first.at < call.arrived_at < second.at
        ]
        if first.words == second.words and saved and _went_well(observed, first, saved[-1].arrived_at):
            late = second.at - first.at
            what = f"{second.worker} asked the model what {first.worker} had got and saved {late:.2f} s before"
            yield Violation("paid_twice", conversation.id, what)


def _went_well(observed: Observed, run: ModelRun, until: float) -> bool:
    """Whether nothing spoiled the run: neither its worker's death nor a fault of model or shop, nor slowness."""
    if observed.killed(run.worker, run.at, until):
        return False
    involved = (Place.MODEL, Place.ODOO)
    calls = [call for call in observed.calls_of_worker(run.worker, run.at, until) if call.place in involved]
    return all(was_told(call) and (call.answered_at or 0.0) - call.arrived_at < QUICK_SECONDS for call in calls)
