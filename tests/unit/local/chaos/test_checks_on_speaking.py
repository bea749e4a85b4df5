"""Never after a takeover, never stale, one worker at a time: judged by what the worker could have known."""

from __future__ import annotations

from typing import Any

import pytest

from metta_local.chaos.check_speaking import after_takeover, one_worker_at_a_time, stale
from metta_local.chaos.journal import Call, FaultKind, Place
from metta_local.chaos.ledger import Bounds, Entry
from unit.local.chaos.observations import (
    asked,
    assigned,
    call,
    conversation,
    customer,
    found,
    handed_off,
    human,
    look,
    note,
    observed,
    overtaken,
    post,
    reply,
    status,
    turn,
    word,
)

TAKEOVERS = (human(5, 3), assigned(5, 3), status(5, 3, "open"), status(5, 3, "resolved"))


@pytest.mark.parametrize("takeover", TAKEOVERS)
def test_a_reply_after_a_look_that_showed_the_takeover_is_found(takeover: Entry) -> None:
    said = reply(9, 4)
    told = conversation(customer(1, 0), takeover, said, turns=[turn()])

    assert found(after_takeover, observed(told, look(3.2), post(3.9, said))) == ["after_takeover"]


@pytest.mark.parametrize("takeover", TAKEOVERS)
def test_a_takeover_exactly_between_the_look_and_the_reply_is_permitted(takeover: Entry) -> None:
    said = reply(9, 4)
    told = conversation(customer(1, 0), takeover, said, turns=[turn()])

    assert found(after_takeover, observed(told, look(2.8), post(3.9, said))) == []


def test_a_reply_long_after_the_takeover_without_another_look_is_found() -> None:
    said = reply(9, 6.5)
    told = conversation(customer(1, 0), human(5, 3), said, turns=[turn()])

    assert found(after_takeover, observed(told, look(2.9), post(6.4, said))) == ["after_takeover"]


def test_a_reply_without_a_look_after_the_model_had_answered_is_found() -> None:
    said = reply(9, 4)
    taken = conversation(customer(1, 0), human(5, 3), said, turns=[turn()])
    more = conversation(customer(1, 0), customer(5, 3), said, turns=[turn()])
    answered, before = asked(3.2, 1, conversation=84), asked(2.7, 1, conversation=84)

    assert found(after_takeover, observed(taken, look(2.5), answered, post(3.9, said))) == ["after_takeover"]
    assert found(stale, observed(more, look(2.5), answered, post(3.9, said))) == ["stale"]
    assert found(stale, observed(more, before, look(2.9), post(3.9, said))) == []


def test_the_rest_of_a_reply_after_a_takeover_is_found() -> None:
    rest = reply(9, 20, part=1)
    told = conversation(customer(1, 0), reply(3, 1), human(5, 3), rest, turns=[turn()])

    assert found(after_takeover, observed(told, look(0.5), post(20, rest))) == ["after_takeover"]
    assert found(after_takeover, observed(told, look(0.5), post(4, rest))) == []


def test_what_a_newer_message_hid_from_a_bot_that_may_not_list_is_permitted() -> None:
    said = reply(9, 12)
    told = conversation(customer(1, 0), human(5, 3), customer(6, 4), said, turns=[turn()])
    alone = Bounds(lists_messages=False)
    assigned_too = conversation(customer(1, 0), assigned(5, 3), customer(6, 4), said, turns=[turn()])

    assert found(after_takeover, observed(told, look(11), post(11.5, said), bounds=alone)) == []
    assert found(after_takeover, observed(told, look(11), post(11.5, said))) == ["after_takeover"]
    assert found(after_takeover, observed(told, look(3.5), post(11.5, said), bounds=alone)) == ["after_takeover"]
    assert found(after_takeover, observed(assigned_too, look(11), post(11.5, said), bounds=alone)) == ["after_takeover"]


def test_a_question_that_a_newer_one_hid_from_a_bot_that_may_not_list_may_be_left_out() -> None:
    said = reply(9, 6)
    turns = [turn(messages=(1,)), turn("t-0", messages=(6,))]
    told = conversation(customer(1, 0), customer(5, 1), customer(6, 2), reply(7, 3, "t-0"), said, turns=turns)
    alone = Bounds(lists_messages=False)

    assert found(stale, observed(told, look(4), post(5.9, said), bounds=alone)) == []
    assert found(stale, observed(told, look(4), post(5.9, said))) == ["stale"]
    assert found(stale, observed(told, look(1.5), post(5.9, said), bounds=alone)) == ["stale"]


def test_a_look_whose_answer_was_spoiled_showed_nothing() -> None:
    said = reply(9, 4)
    told = conversation(customer(1, 0), human(5, 3), said, turns=[turn()])
    spoiled = look(3.2, fault=FaultKind.MALFORMED)
    lost = look(3.3, status_code=None, fault=FaultKind.RESET_AFTER)
    by_another = look(3.4, worker="worker-2")

    assert found(after_takeover, observed(told, look(2.8), spoiled, lost, by_another, post(3.9, said))) == []


def test_a_reply_that_took_effect_long_after_it_was_sent_is_judged_by_when_it_was_sent() -> None:
    said = reply(9, 14)
    told = conversation(customer(1, 0), human(5, 3), said, turns=[turn()])

    assert found(after_takeover, observed(told, look(2), post(2.5, said, took=11.5))) == []


def test_once_given_back_a_reply_is_welcome() -> None:
    said = reply(9, 9)
    given_back = (human(2, 1), assigned(3, 2), customer(4, 3), status(5, 4, "open"), assigned(6, 5, yes=False))
    told = conversation(customer(1, 0), *given_back, status(7, 5, "pending"), said, turns=[turn(messages=(4,))])

    assert found(after_takeover, observed(told, look(8), post(8.5, said))) == []


def test_pending_again_but_still_assigned_is_still_a_persons() -> None:
    said = reply(9, 9)
    told = conversation(
        customer(1, 0), status(2, 1, "open"), assigned(3, 2), status(4, 3, "pending"), said, turns=[turn()]
    )

    assert found(after_takeover, observed(told, look(8), post(8.5, said))) == ["after_takeover"]


def test_a_private_note_of_a_person_takes_nothing_over() -> None:
    said = reply(9, 9)
    told = conversation(customer(1, 0), human(2, 1, private=True), said, turns=[turn()])

    assert found(after_takeover, observed(told, look(8), post(8.5, said))) == []


def test_notes_and_the_words_of_a_hand_off_under_way_are_permitted() -> None:
    told = conversation(customer(1, 0), note(7, 1), status(8, 2, "open", "Metta"), word(9, 3), turns=[handed_off()])
    after_a_person = conversation(customer(1, 0), human(2, 1), note(7, 5), turns=[handed_off()])

    assert found(after_takeover, observed(told, look(2.5), post(3, word(9, 3)))) == []
    assert found(after_takeover, observed(after_a_person, look(4))) == []


def test_a_word_to_the_customer_after_a_person_came_is_found() -> None:
    said = word(9, 9)
    told = conversation(customer(1, 0), human(2, 1), note(7, 5), said, turns=[handed_off()])

    assert found(after_takeover, observed(told, look(4), post(8, said))) == ["after_takeover"]


def test_a_reply_that_leaves_out_a_newer_message_is_stale() -> None:
    said = reply(9, 4)
    told = conversation(customer(1, 0), customer(5, 3), said, turns=[turn()])

    assert found(stale, observed(told, look(3.2), post(3.9, said))) == ["stale"]
    assert found(stale, observed(told, look(0.5), post(6.5, said))) == ["stale"]


def test_a_message_exactly_between_the_look_and_the_reply_is_permitted() -> None:
    said = reply(9, 4)
    told = conversation(customer(1, 0), customer(5, 3), said, turns=[turn()])

    assert found(stale, observed(told, look(2.8), post(3.9, said))) == []


def test_a_reply_that_would_starve_is_sent_all_the_same() -> None:
    said = reply(9, 8.6)
    told = conversation(customer(1, 0), customer(5, 3), said, turns=[turn()])

    assert found(stale, observed(told, look(8.2), post(7.9, said))) == ["stale"]
    assert found(stale, observed(told, look(8.2), post(8.5, said))) == []


def test_a_newer_message_that_the_turn_covers_is_not_left_out() -> None:
    said = reply(9, 4)
    joined = conversation(customer(1, 0), customer(5, 3), said, turns=[turn(messages=(1, 5))])
    in_history = conversation(customer(1, 0), customer(5, 3), said, turns=[turn(covered=frozenset({1, 5}))])

    for told in (joined, in_history):
        assert found(stale, observed(told, look(3.2), post(3.9, said))) == []


def test_a_late_lower_id_may_leave_out_what_another_turn_had_answered() -> None:
    late = reply(9, 4, "t-2")
    told = conversation(
        customer(1, 0), customer(5, 1), reply(6, 2), late, turns=[turn(messages=(5,)), turn("t-2", messages=(1,))]
    )
    unanswered = conversation(
        customer(1, 0), customer(5, 1), late, turns=[turn("t-2", messages=(1,)), turn(messages=(5,))]
    )

    assert found(stale, observed(told, look(3.2), post(3.9, late))) == []
    assert found(stale, observed(unanswered, look(3.2), post(3.9, late))) == ["stale"]


def test_a_late_lower_id_a_machines_mail_and_a_hand_off_do_not_make_it_stale() -> None:
    said = reply(9, 4)
    lower = conversation(customer(1, 0), customer(5, 3), said, turns=[turn(messages=(5,))])
    machine = conversation(customer(1, 0), customer(5, 3, answerable=False), said, turns=[turn()])
    word_after = conversation(customer(1, 0), customer(5, 3), note(7, 4), word(9, 4), turns=[handed_off()])

    assert found(stale, observed(lower, look(3.2), post(3.9, said))) == []
    assert found(stale, observed(machine, look(3.2), post(3.9, said))) == []
    assert found(stale, observed(word_after, look(3.2), post(3.9, word(9, 4)))) == []


def test_the_rest_of_a_reply_that_had_begun_to_leave_is_permitted() -> None:
    rest = reply(9, 9, part=1)
    told = conversation(customer(1, 0), reply(3, 1), customer(5, 3), rest, turns=[turn()])

    assert found(stale, observed(told, look(8), post(8.5, rest))) == []


def test_an_overtaken_turn_that_replies_all_the_same_is_stale() -> None:
    said = reply(9, 4, "t-0")
    told = conversation(customer(1, 0), customer(5, 3), said, turns=[overtaken("t-0", (1,)), turn(messages=(1, 5))])

    assert found(stale, observed(told, look(3.2), post(3.9, said))) == ["stale"]


def acquired(at: float, **extra: Any) -> Call:
    """A lease that the table gave."""
    return call(Place.DYNAMODB, "acquire", at, in_hand=None, **extra)


def test_writing_after_another_worker_has_the_lease_is_found() -> None:
    said = reply(9, 9)
    told = conversation(customer(1, 0), said, turns=[turn()])
    first = acquired(1)
    second = acquired(5, worker="worker-2")

    assert found(one_worker_at_a_time, observed(told, first, second, post(8, said))) == ["overlap"]


def test_a_lease_that_was_refused_or_taken_again_changes_nothing() -> None:
    said = reply(9, 9)
    told = conversation(customer(1, 0), said, turns=[turn()])
    first, other, again = acquired(1), acquired(5, worker="worker-2"), acquired(7)
    refused = call(Place.DYNAMODB, "acquire", 5, worker="worker-2", status_code=400)

    assert found(one_worker_at_a_time, observed(told, first, refused, post(8, said))) == []
    assert found(one_worker_at_a_time, observed(told, first, other, again, post(8, said))) == []


def test_a_lease_whose_answer_was_lost_was_taken_all_the_same() -> None:
    said = reply(9, 9)
    told = conversation(customer(1, 0), said, turns=[turn()])
    lost = acquired(7, status_code=None, fault=FaultKind.RESET_AFTER)

    assert found(one_worker_at_a_time, observed(told, acquired(5, worker="worker-2"), lost, post(8, said))) == []
