"""Webhooks on their way to the queue: all of them arrive, some late, some twice, some after the one behind them."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any

from metta_local.chaos.agenda import Agenda
from metta_local.chaos.postman import Postman, Webhook


class Queue:
    """What SQS was given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **message: Any) -> dict[str, str]:
        self.sent.append(message)
        return {"MessageId": str(len(self.sent))}


class Now(Agenda):
    """An agenda whose time has always come, once it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.deeds: list[Any] = []

    def later(self, seconds: float, deed: Any, *, matters: bool = True) -> None:
        self.deeds.append(deed)

    def pass_time(self) -> None:
        for deed in self.deeds:
            deed()


def webhook(id_: int, conversation: int = 84) -> bytes:
    body = {"event": "message_created", "id": id_, "account": {"id": 3}, "conversation": {"id": conversation}}
    return json.dumps(body).encode()


def delivered(messages: int, *, seed: int = 1) -> tuple[Queue, Postman, list[int]]:
    """Bring so many webhooks; also the ids that were on the queue before time passed."""
    queue, agenda = Queue(), Now()
    postman = Postman(queue, "http://127.0.0.1/queue/metta.fifo", agenda, seed)
    for id_ in range(messages):
        assert postman.post("", webhook(id_, 84 + id_ % 5), {}) == 200
    at_once = [json.loads(message["MessageBody"])["id"] for message in queue.sent]
    agenda.pass_time()
    return queue, postman, at_once


def test_every_webhook_arrives_whatever_happens_to_it() -> None:
    queue, postman, _ = delivered(400)

    assert {json.loads(message["MessageBody"])["id"] for message in queue.sent} == set(range(400))
    assert set(postman.queued) == set(range(400))


def test_a_second_delivery_passes_the_queues_own_deduplication() -> None:
    queue, postman, _ = delivered(400)
    twice = [id_ for id_, times in Counter(json.loads(m["MessageBody"])["id"] for m in queue.sent).items() if times > 1]

    assert len(twice) == postman.counts["doubled"] > 20
    assert len({message["MessageDeduplicationId"] for message in queue.sent}) == len(queue.sent)


def test_some_come_late_and_some_are_overtaken_by_the_next_of_their_conversation() -> None:
    _, postman, at_once = delivered(400)
    swapped = [
        (first, second)
        for place, first in enumerate(at_once)
        for second in at_once[place + 1 :]
        if first % 5 == second % 5 and first > second
    ]

    assert postman.counts["delayed"] > 20
    assert len(set(at_once)) < 400
    assert swapped


def test_a_seed_always_does_the_same() -> None:
    assert delivered(100)[2] == delivered(100)[2]
    assert delivered(100)[2] != delivered(100, seed=2)[2]


def test_whoever_wants_to_know_is_told_once() -> None:
    told: list[Webhook] = []
    postman = Postman(Queue(), "http://127.0.0.1/queue/metta.fifo", Now(), 1, seen=told.append)

    for id_ in range(50):
        postman.post("", webhook(id_), {})

    assert [webhook.body["id"] for webhook in told] == list(range(50))
    assert {webhook.conversation for webhook in told} == {84}


def test_an_agenda_does_its_deeds_in_order_of_their_time() -> None:
    done: list[str] = []
    all_done = threading.Event()
    with Agenda() as agenda:
        agenda.later(0.06, all_done.set)
        agenda.later(0.04, lambda: done.append("second"))
        agenda.later(0.02, lambda: done.append("first"))
        agenda.later(60, lambda: done.append("never"), matters=False)
        assert not agenda.empty
        assert all_done.wait(5)
        until = time.monotonic() + 5
        while not agenda.empty and time.monotonic() < until:
            time.sleep(0.01)
        assert agenda.empty

    assert done == ["first", "second"]


def test_an_agenda_remembers_what_went_wrong_and_goes_on() -> None:
    went_on = threading.Event()

    def fail() -> None:
        raise LookupError("no such conversation")

    with Agenda() as agenda:
        agenda.later(0, fail)
        agenda.later(0.01, went_on.set)
        assert went_on.wait(5)

    assert [type(failure) for failure in agenda.failures] == [LookupError]
