"""Retries come back soon and together, tries are bounded, and paid work is paid once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metta_local.chaos.check_records import backed_off, few_tries, paid_once
from metta_local.chaos.journal import Call, FaultKind, Place
from metta_local.chaos.ledger import Bounds
from unit.local.chaos.observations import (
    asked,
    call,
    conversation,
    customer,
    deleted,
    found,
    observed,
    overtaken,
    post,
    received,
    reply,
    returned,
    turn,
)

TOLD = conversation(customer(1, 0), reply(9, 9), turns=[turn()])


def test_a_failed_record_that_waits_for_the_queues_own_time_is_found() -> None:
    assert found(backed_off, observed(TOLD, received(0, "a"), received(15, "a", receive=2))) == ["retries"]


def test_a_failed_record_that_is_back_at_once_is_found() -> None:
    calls = (received(0, "a"), returned(1, "a", seconds=[0]), received(1.2, "a", receive=2))

    assert found(backed_off, observed(TOLD, *calls)) == ["retries"]


def test_a_failed_record_that_stays_away_too_long_is_found() -> None:
    calls = (received(0, "a"), returned(1, "a", seconds=[200]), received(201, "a", receive=2))

    assert found(backed_off, observed(TOLD, *calls)) == ["retries"]


@pytest.mark.parametrize("seconds", [1, 16, 25])
def test_a_failed_record_that_is_back_within_its_backoff_is_in_order(seconds: float) -> None:
    calls = (received(0, "a"), returned(1, "a", seconds=[seconds]), received(1 + seconds, "a", receive=2))

    assert found(backed_off, observed(TOLD, *calls)) == []


def test_the_backoff_of_a_group_is_that_of_its_most_received_record() -> None:
    mates = [received(0, "a", receive=6), received(61, "a", receive=7)]
    older, fresh = mates[0].detail["records"][0], received(0, "b").detail["records"][0]
    both = replace(mates[0], detail={"records": [older, fresh]})
    back = returned(1, "a", "b", seconds=[50, 50])
    alone = (received(0, "b"), returned(1, "b", seconds=[50]), received(52, "b", receive=2))

    assert found(backed_off, observed(TOLD, both, back, received(52, "b", receive=2))) == []
    assert found(backed_off, observed(TOLD, *alone)) == ["retries"]


def test_an_audit_row_may_wait_longer() -> None:
    down = call(Place.POSTGRES, "insert", 0.5, conversation=None, fault=FaultKind.RESET_BEFORE, status_code=None)
    calls = (received(0, "a"), returned(1, "a", seconds=[200]), received(201, "a", receive=2))

    assert found(backed_off, observed(TOLD, down, *calls)) == []


def test_nobody_returns_what_a_killed_worker_held() -> None:
    seen = observed(TOLD, received(0, "a"), received(15, "a", receive=2), kills=[(3, "worker-1")])
    another = observed(TOLD, received(0, "a"), received(15, "a", receive=2), kills=[(3, "worker-2")])

    assert found(backed_off, seen) == []
    assert found(backed_off, another) == ["retries"]


def test_nobody_returns_what_was_done_and_only_not_deleted() -> None:
    gone = deleted(1, "a", status_code=None, fault=FaultKind.RESET_BEFORE)

    assert found(backed_off, observed(TOLD, received(0, "a"), gone, received(15, "a", receive=2))) == []


def test_a_wish_that_sqs_refused_was_still_a_wish() -> None:
    wish = returned(1, "a", seconds=[2], status_code=503, fault=FaultKind.SERVER_ERROR)

    assert found(backed_off, observed(TOLD, received(0, "a"), wish, received(16, "a", receive=2))) == []


def test_an_answer_that_was_lost_gave_nobody_a_record() -> None:
    lost = received(0, "a", status_code=None, fault=FaultKind.RESET_AFTER)

    assert found(backed_off, observed(TOLD, lost, received(15, "a", receive=2))) == []


def test_the_heartbeat_of_a_long_batch_is_no_wish() -> None:
    beat = returned(5, "a", seconds=[15])

    assert found(backed_off, observed(TOLD, received(0, "a"), beat, received(30, "a", receive=2))) == []


def test_a_long_poll_that_began_earlier_is_not_an_earlier_delivery() -> None:
    polled = received(0, "a", receive=2, worker="worker-2", took=4)
    calls = (received(1, "a"), returned(2, "a", seconds=[1]), polled)

    assert found(backed_off, observed(TOLD, *calls)) == []


def test_group_mates_that_go_back_for_different_times_are_found() -> None:
    back = returned(1, "a", "b", seconds=[1, 4])
    calls = (received(0, "a", "b"), back, received(3, "a", receive=2), received(6, "b", receive=2))

    assert found(backed_off, observed(TOLD, *calls)) == ["retries"]


def test_group_mates_that_go_back_alike_are_in_order() -> None:
    back = returned(1, "a", "b", seconds=[2, 2])

    assert found(backed_off, observed(TOLD, received(0, "a", "b"), back, received(4, "a", "b", receive=2))) == []


def runs(*times: float) -> list[Call]:
    return [asked(at, 1, fault=FaultKind.SERVER_ERROR, status_code=500) for at in times]


def test_asking_the_model_more_often_than_there_are_tries_is_found() -> None:
    assert found(few_tries, observed(TOLD, *runs(1, 2, 3, 4, 5, 6))) == ["retries"]
    assert found(few_tries, observed(TOLD, *runs(1, 2, 3), bounds=Bounds(max_attempts=2))) == ["retries"]


def test_as_many_runs_as_tries_are_permitted_and_one_more_for_each_turn_that_was_overtaken() -> None:
    told = conversation(customer(1, 0), reply(9, 9), turns=[overtaken("t-0", (1,)), turn()])

    assert found(few_tries, observed(TOLD, *runs(1, 2, 3, 4, 5))) == []
    assert found(few_tries, observed(told, *runs(1, 2, 3, 4, 5, 6))) == []


def test_a_tools_result_that_goes_to_the_model_is_not_another_run() -> None:
    further = [asked(at, 1, tool_results=1) for at in range(2, 9)]

    assert found(few_tries, observed(TOLD, asked(1, 1), *further)) == []


def test_a_hand_off_that_chatwoot_takes_late_is_permitted() -> None:
    assert found(few_tries, observed(conversation(turns=[turn(attempt=9)]), *runs(1, 2, 3, 4, 5))) == []


def test_asking_the_model_again_after_the_reply_was_on_its_way_is_found() -> None:
    calls = (asked(1, 1), post(3, reply(9, 9)), asked(20, 1))

    assert found(paid_once, observed(TOLD, *calls)) == ["paid_twice"]


def test_sending_again_without_asking_again_is_permitted() -> None:
    broken = post(3, reply(9, 9), status_code=None, fault=FaultKind.TIMEOUT_BEFORE, message_id=None)

    assert found(paid_once, observed(TOLD, asked(1, 1), broken, post(20, reply(9, 9)))) == []


def test_asking_again_because_a_newer_message_overtook_the_reply_is_permitted() -> None:
    told = conversation(
        customer(1, 0), customer(2, 4), reply(9, 9, "t-2"), turns=[overtaken("t-1", (1,)), turn("t-2", (1, 2))]
    )
    calls = (asked(1, 1), post(3, reply(9, 9, "t-1"), message_id=None), asked(6, 1, 2), post(9, reply(9, 9, "t-2")))

    assert found(paid_once, observed(told, *calls)) == []


def saved(at: float, **extra: object) -> Call:
    return call(Place.DYNAMODB, "release", at, **extra)  # type: ignore[arg-type]


def test_asking_again_what_was_answered_and_saved_is_found() -> None:
    assert found(paid_once, observed(TOLD, asked(1, 1), saved(2), asked(5, 1))) == ["paid_twice"]


def test_asking_again_what_failed_was_lost_or_could_not_be_saved_is_permitted() -> None:
    first, again = asked(1, 1), asked(9, 1)
    failed = asked(1, 1, fault=FaultKind.MALFORMED)
    shop_down = call(Place.ODOO, "call", 1.5, conversation=None, fault=FaultKind.RESET_BEFORE, status_code=None)
    not_saved = saved(2, status_code=503, fault=FaultKind.SERVER_ERROR)

    assert found(paid_once, observed(TOLD, failed, saved(2), again)) == []
    assert found(paid_once, observed(TOLD, first, shop_down, saved(2), again)) == []
    assert found(paid_once, observed(TOLD, first, not_saved, again)) == []
    assert found(paid_once, observed(TOLD, first, saved(2), again, kills=[(1.5, "worker-1")])) == []
