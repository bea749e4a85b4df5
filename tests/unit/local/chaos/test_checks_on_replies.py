"""Lost, doubled, in order, an end for everyone: each violation is found, and its permitted neighbour is not."""

from __future__ import annotations

from metta_local.chaos.check_replies import ended, in_order, never_overlapping, never_twice, nothing_lost
from metta_local.chaos.ledger import Bounds, DeadLetter, SentRow
from unit.local.chaos.observations import (
    T0,
    assigned,
    conversation,
    customer,
    found,
    handed_off,
    human,
    note,
    observed,
    overtaken,
    reply,
    status,
    turn,
    word,
)


def test_a_message_that_left_no_trace_is_lost() -> None:
    told = conversation(customer(1, 0), customer(2, 1), reply(9, 2), turns=[turn(messages=(1,))])

    assert found(nothing_lost, observed(told)) == ["lost"]


def test_a_message_only_in_an_overtaken_turn_is_lost() -> None:
    told = conversation(customer(1, 0), turns=[overtaken("t-0", (1,))])

    assert found(nothing_lost, observed(told)) == ["lost"]


def test_answered_seen_in_the_history_skipped_and_dead_lettered_are_not_lost() -> None:
    turns = [overtaken("t-0", (1,)), turn(messages=(1,), covered=frozenset({1, 2}))]
    told = conversation(
        *(customer(id_, id_) for id_ in (1, 2, 3, 4)),
        reply(9, 5),
        turns=turns,
        skips={3: frozenset({"human_assigned"})},
    )

    assert found(nothing_lost, observed(told, dead=[DeadLetter(84, 4)])) == []


def test_a_dropped_turn_because_a_person_came_settles_its_message() -> None:
    dropped = turn(outcome="dropped", reason="human_reply", sent=())

    assert found(nothing_lost, observed(conversation(customer(1, 0), human(2, 1), turns=[dropped]))) == []


def test_a_reply_that_was_sent_twice_is_doubled() -> None:
    told = conversation(customer(1, 0), customer(2, 0), reply(8, 1), reply(9, 2), turns=[turn()])

    assert found(never_twice, observed(told)) == ["doubled"]


def test_the_parts_of_one_reply_are_not_doubled() -> None:
    told = conversation(customer(1, 0), reply(8, 1), reply(9, 1, part=1), turns=[turn()])

    assert found(never_twice, observed(told)) == []


def test_a_message_that_two_turns_answered_is_doubled() -> None:
    told = conversation(
        customer(1, 0), customer(2, 1), reply(8, 2, "t-1"), reply(9, 3, "t-2"), turns=[turn(), turn("t-2", (1, 2))]
    )

    assert found(never_twice, observed(told)) == ["doubled"]


def test_a_message_that_an_overtaken_turn_held_before_is_not_doubled() -> None:
    told = conversation(
        customer(1, 0), customer(2, 1), reply(9, 3, "t-2"), turns=[overtaken("t-1", (1,)), turn("t-2", (1, 2))]
    )

    assert found(never_twice, observed(told)) == []


def test_two_answers_to_one_message_are_doubled_even_if_the_audit_hides_it() -> None:
    told = conversation(
        customer(1, 0), reply(8, 1, "t-1"), reply(9, 2, "t-2"), turns=[turn(), turn("t-2", messages=())]
    )

    assert found(never_twice, observed(told)) == ["doubled"]


def test_a_second_note_is_doubled_unless_the_delivery_stayed_unknown() -> None:
    entries = (customer(1, 0), note(6, 1), note(7, 9))

    assert found(never_twice, observed(conversation(*entries, turns=[handed_off()]))) == ["doubled"]
    unknown = handed_off(delivery_unknown=True)
    assert found(never_twice, observed(conversation(*entries, turns=[unknown]))) == []
    third = conversation(*entries, note(8, 10), turns=[unknown])
    assert found(never_twice, observed(third)) == ["doubled"]


def test_an_answer_to_an_older_message_after_a_newer_one_is_out_of_order() -> None:
    told = conversation(
        customer(1, 0), customer(2, 1), reply(8, 2, "t-2"), reply(9, 3, "t-1"), turns=[turn("t-2", (2,)), turn()]
    )

    assert found(in_order, observed(told)) == ["order"]


def test_a_lower_id_whose_event_came_late_may_be_answered_next() -> None:
    told = conversation(
        customer(1, 0),
        customer(2, 1),
        reply(8, 2, "t-2"),
        reply(9, 3, "t-1"),
        turns=[turn("t-2", (2,)), turn()],
        queued={1: T0 + 2.5, 2: T0 + 1},
    )

    assert found(in_order, observed(told)) == []


def test_a_standard_queue_may_swap_what_nobody_can_list() -> None:
    told = conversation(
        customer(1, 0), customer(2, 1), reply(8, 2, "t-2"), reply(9, 3, "t-1"), turns=[turn("t-2", (2,)), turn()]
    )

    assert found(in_order, observed(told, bounds=Bounds(fifo=False, lists_messages=False))) == []
    assert found(in_order, observed(told, bounds=Bounds(fifo=False))) == ["order"]


def test_a_standard_queue_may_swap_what_a_resolve_has_parted() -> None:
    entries = (customer(1, 0), status(2, 1, "resolved"), customer(3, 2), reply(8, 3, "t-2"), reply(9, 4, "t-1"))
    told = conversation(*entries, turns=[turn("t-2", (3,)), turn()])

    assert found(in_order, observed(told, bounds=Bounds(fifo=False))) == []
    assert found(in_order, observed(told)) == ["order"]


def test_what_had_been_left_to_a_person_may_be_answered_late_where_nobody_may_list() -> None:
    left = turn("t-0", (1,), outcome="skipped", reason="human_took_over", sent=())
    told = conversation(
        customer(1, 0), customer(2, 1), reply(8, 2, "t-2"), reply(9, 3, "t-1"), turns=[left, turn("t-2", (2,)), turn()]
    )

    assert found(in_order, observed(told, bounds=Bounds(lists_messages=False))) == []
    assert found(in_order, observed(told)) == ["order"]


def test_turns_at_the_same_time_overlap() -> None:
    late = turn("t-2", (2,), started_at=T0 + 1.5, finished_at=T0 + 3)

    assert found(never_overlapping, observed(conversation(turns=[turn(), late]))) == ["overlap"]


def test_turns_one_after_the_other_and_a_refused_delivery_in_between_do_not_overlap() -> None:
    refused = handed_off("t-2", (), started_at=T0 + 1.5, finished_at=T0 + 1.8)
    after = turn("t-3", (2,), started_at=T0 + 2, finished_at=T0 + 3)

    assert found(never_overlapping, observed(conversation(turns=[turn(), refused, after]))) == []


def test_a_turn_that_writes_between_the_parts_of_another_overlaps() -> None:
    told = conversation(
        reply(5, 1, "t-1"),
        reply(6, 1, "t-2"),
        reply(7, 1, "t-1", part=1),
        turns=[turn(), turn("t-2", (2,), started_at=T0 + 2)],
    )

    assert found(never_overlapping, observed(told)) == ["overlap"]


def test_a_customer_nobody_answered_has_no_end() -> None:
    assert found(ended, observed(conversation(customer(1, 0)))) == ["no_end"]


def test_a_reply_that_leaves_the_last_message_out_is_no_end() -> None:
    told = conversation(customer(1, 0), customer(2, 1), reply(9, 2), turns=[turn()])

    assert found(ended, observed(told)) == ["no_end"]


def test_answered_handed_over_or_with_a_person_is_an_end() -> None:
    answered = conversation(customer(1, 0), reply(9, 2), turns=[turn()])
    by_person = conversation(customer(1, 0), human(2, 1), customer(3, 2))
    opened = conversation(customer(1, 0), note(7, 1), word(8, 1), turns=[handed_off()], status="open")
    resolved = conversation(customer(1, 0), status(2, 1, "resolved"), status="resolved")
    assigned_to = conversation(customer(1, 0), assigned(2, 1), assigned=True)
    machine = conversation(customer(1, 0, answerable=False))

    for told in (answered, by_person, opened, resolved, assigned_to, machine):
        assert found(ended, observed(told)) == []


def test_a_customer_who_wrote_to_a_person_and_was_given_back_needs_an_answer() -> None:
    told = (customer(1, 0), assigned(2, 1), customer(3, 2), assigned(4, 3, yes=False), status(5, 3, "pending"))

    assert found(ended, observed(conversation(*told, skips={3: frozenset({"human_assigned"})}))) == ["no_end"]


def test_what_is_left_under_way_is_no_end() -> None:
    done = conversation(customer(1, 0), reply(9, 2), turns=[turn()])

    assert found(ended, observed(done, left_on_queue=2)) == ["no_end"]
    assert found(ended, observed(done, settled=False)) == ["no_end"]
    stranded = conversation(customer(1, 0), reply(9, 2), turns=[turn()], unfinished=("a turn in hand",))
    assert found(ended, observed(stranded)) == ["no_end"]


def test_a_dead_lettered_question_is_not_silence() -> None:
    assert found(ended, observed(conversation(customer(1, 0)), dead=[DeadLetter(84, 1)])) == []


def test_a_hand_off_because_a_channel_refused_is_no_second_answer() -> None:
    refused = handed_off("t-2", (), reason="delivery_failed", sent=(SentRow("handoff_note", 0, 7, private=True),))
    told = conversation(customer(1, 0), reply(6, 1, failed=True), note(7, 2, "t-2"), turns=[turn(), refused])

    assert found(never_twice, observed(told)) == []
