"""How records come back, and how rejected ones leave."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from metta.errors import AuditDown, ModelDown, Paused, QuietWindow
from metta.queue.records import Record
from metta.queue.returning import Returning, delay_seconds
from tests_support import record


class Queue:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error = error

    def _call(self, **kwargs: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.calls.append(kwargs)
        return {}

    change_message_visibility_batch = send_message = _call


def a_record(n: int = 1, **raw: Any) -> Record:
    return Record(record("body", n=n, **raw), f"m-{n}", f"r-{n}", 1, None, None, None)


def test_backoff_grows_with_jitter_and_is_bounded() -> None:
    jitter = random.Random(1)
    first = [delay_seconds(ModelDown("429"), 1, jitter=jitter) for _ in range(50)]
    fifth = [delay_seconds(ModelDown("429"), 5, jitter=jitter) for _ in range(50)]
    late = [delay_seconds(ModelDown("429"), 29, jitter=jitter) for _ in range(50)]
    assert set(first) <= {1, 2}
    assert min(fifth) >= 16
    assert max(fifth) <= 32
    assert len(set(fifth)) > 5
    assert max(late) <= 60
    assert max(delay_seconds(AuditDown("down"), 29) for _ in range(50)) <= 300


def test_receives_that_tried_nothing_do_not_lengthen_the_wait_of_a_failed_try() -> None:
    failed = ModelDown("500")
    failed.tries = 2
    assert max(delay_seconds(failed, 20) for _ in range(50)) <= 4
    unwritten = AuditDown("down")
    unwritten.tries = 1
    assert max(delay_seconds(unwritten, 20) for _ in range(50)) <= 2
    unwritten.tries = 12
    assert min(delay_seconds(unwritten, 20) for _ in range(50)) >= 150


def test_a_time_that_was_asked_for_is_kept() -> None:
    assert delay_seconds(ModelDown("429", after_seconds=7.2), 1) == 8
    assert delay_seconds(QuietWindow("burst", after_seconds=0.1), 1) == 1


def test_while_a_dependency_is_down_records_come_back_ever_later() -> None:
    paused = Paused("down", dependency="model", after_seconds=5)
    assert delay_seconds(paused, 1) == 5
    assert 30 <= delay_seconds(paused, 12) <= 60
    assert delay_seconds(Paused("down", dependency="model", after_seconds=80), 12) == 80
    audit = [delay_seconds(Paused("down", dependency="audit", after_seconds=5), 12) for _ in range(50)]
    assert 150 <= min(audit) <= max(audit) <= 300


def test_an_outage_of_ten_minutes_stays_far_below_the_receives_of_the_queue() -> None:
    waited, receives = 0, 0
    while waited < 600:
        receives += 1
        waited += delay_seconds(Paused("down", dependency="model", after_seconds=5), receives)
    assert receives <= 24


def test_all_records_of_a_group_get_the_same_visibility() -> None:
    queue = Queue()
    Returning(queue, "q", None).give_back([a_record(n) for n in range(12)], 4)
    assert [len(call["Entries"]) for call in queue.calls] == [10, 2]
    assert {entry["VisibilityTimeout"] for call in queue.calls for entry in call["Entries"]} == {4}


def test_sqs_trouble_does_not_raise_when_giving_back() -> None:
    Returning(Queue(EndpointConnectionError(endpoint_url="x")), "q", None).give_back([a_record()], 4)
    Returning(None, None, None).give_back([a_record()], 4)


def test_a_rejected_record_reaches_the_dead_letter_queue_unchanged_with_its_reason() -> None:
    queue = Queue()
    attributes = {
        "X-Chatwoot-Delivery": {"stringValue": "id-1", "dataType": "String"},
        "bin": {"binaryValue": "aGk=", "dataType": "Binary"},
    }
    one = a_record(messageAttributes=attributes)
    assert Returning(queue, "q", "https://sqs/1/metta-dlq.fifo").reject(one, "body: is not JSON")
    (call,) = queue.calls
    assert call["MessageBody"] == "body"
    assert call["MessageAttributes"] == {
        "X-Chatwoot-Delivery": {"DataType": "String", "StringValue": "id-1"},
        "bin": {"DataType": "Binary", "BinaryValue": b"hi"},
        "metta_reason": {"DataType": "String", "StringValue": "body: is not JSON"},
    }
    assert call["MessageGroupId"] == "3:84"


def test_a_record_that_is_redriven_and_rejected_again_is_not_taken_for_a_duplicate() -> None:
    queue = Queue()
    returning = Returning(queue, "q", "https://sqs/1/metta-dlq.fifo")
    redriven = Record(record("body", n=1) | {"messageId": "m-2"}, "m-2", "r-2", 1, None, None, None)
    assert returning.reject(a_record(), "why")
    assert returning.reject(redriven, "why")
    first, second = (call["MessageDeduplicationId"] for call in queue.calls)
    assert first != second


@pytest.mark.parametrize("returning", [Returning(None, None, None), Returning(Queue(), "q", None)])
def test_without_a_dead_letter_queue_a_rejected_record_fails(returning: Returning) -> None:
    assert not returning.reject(a_record(), "why")


def test_a_dead_letter_queue_that_refuses_makes_the_record_fail() -> None:
    assert not Returning(Queue(EndpointConnectionError(endpoint_url="x")), "q", "d").reject(a_record(), "why")
