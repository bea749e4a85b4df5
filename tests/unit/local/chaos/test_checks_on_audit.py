"""Audit rows, hand-offs and dead letters: what is missing is found, what cannot be there is permitted."""

from __future__ import annotations

from typing import Any

import pytest

from metta_local.chaos.check_audit import dead_letters, handed_over_once, sealed, written_down
from metta_local.chaos.journal import FaultKind
from metta_local.chaos.ledger import Chain, DeadLetter, SentRow
from unit.local.chaos.observations import (
    conversation,
    customer,
    found,
    handed_off,
    human,
    look,
    note,
    observed,
    reply,
    status,
    turn,
    word,
)

NOTE = SentRow("handoff_note", 0, 7, private=True)


def test_a_turn_without_audit_rows_is_found() -> None:
    assert found(written_down, observed(conversation(customer(1, 0), reply(9, 2)))) == ["audit"]


def test_a_whole_turn_is_in_order() -> None:
    answered = turn(model_calls=1, model_call_rows=1, verdicts=("input", "output"))

    assert found(written_down, observed(conversation(customer(1, 0), reply(9, 2), turns=[answered]))) == []


@pytest.mark.parametrize(
    "lacking",
    [
        {"phase": "sending"},
        {"finished_at": None},
        {"model_calls": 2, "model_call_rows": 1, "verdicts": ("input", "output")},
        {"tool_calls": 1},
        {"reply": None},
        {"verdicts": ()},
        {"model_calls": 1, "model_call_rows": 1},
        {"sent": (SentRow("reply", 0, 12),)},
        {"sent": (SentRow("reply", 0, 9), SentRow("reply", 1, None))},
    ],
)
def test_a_turn_with_a_hole_in_its_rows_is_found(lacking: dict[str, Any]) -> None:
    told = conversation(customer(1, 0), reply(9, 2), turns=[turn(**lacking)])

    assert set(found(written_down, observed(told))) == {"audit"}


def test_a_message_the_audit_does_not_know_of_is_found_unless_the_delivery_stayed_unknown() -> None:
    entries = (customer(1, 0), reply(5, 2), note(7, 20))
    known = handed_off(reason="delivery_unknown", sent=(NOTE,))
    unknown = handed_off(reason="delivery_unknown", sent=(NOTE,), delivery_unknown=True)

    assert found(written_down, observed(conversation(*entries, turns=[known]))) == ["audit"]
    assert found(written_down, observed(conversation(*entries, turns=[unknown]))) == []


def test_a_message_whose_id_was_never_learnt_counts_as_known() -> None:
    told = conversation(customer(1, 0), reply(9, 2), turns=[turn(sent=(SentRow("reply", 0, None),))])

    assert found(written_down, observed(told)) == []


def test_a_turn_that_said_nothing_needs_no_reply() -> None:
    skipped = turn(outcome="skipped", reason="human_took_over", sent=(), reply=None, verdicts=())

    assert found(written_down, observed(conversation(customer(1, 0), human(2, 1), turns=[skipped]))) == []


def test_a_whole_hand_off_is_in_order() -> None:
    told = conversation(
        customer(1, 0), note(7, 1), word(8, 1), status(9, 1, "open", "Metta"), turns=[handed_off()], status="open"
    )

    assert found(handed_over_once, observed(told)) == []


def test_a_hand_off_without_note_word_or_status_is_found() -> None:
    opened = status(9, 2, "open", "Metta")
    without_note = conversation(customer(1, 0), word(8, 1), opened, turns=[handed_off()])
    without_word = conversation(customer(1, 0), note(7, 1), opened, turns=[handed_off()])
    without_status = conversation(customer(1, 0), note(7, 1), word(8, 1), turns=[handed_off()])

    for told in (without_note, without_word, without_status):
        assert found(handed_over_once, observed(told)) == ["handoff"]


def test_opening_twice_for_one_hand_off_is_found() -> None:
    opened = (status(9, 2, "open", "Metta"), status(10, 3, "pending"), status(11, 4, "open", "Metta"))
    told = conversation(customer(1, 0), note(7, 1), word(8, 1), *opened, turns=[handed_off()])

    assert found(handed_over_once, observed(told)) == ["handoff"]


@pytest.mark.parametrize("reason", ["cannot_reply", "delivery_failed", "delivery_unknown"])
def test_some_hand_offs_have_no_word_for_the_customer(reason: str) -> None:
    told = conversation(
        customer(1, 0), note(7, 1), status(9, 2, "open", "Metta"), turns=[handed_off(reason=reason, sent=(NOTE,))]
    )

    assert found(handed_over_once, observed(told)) == []


def test_a_hand_off_that_a_person_interrupted_is_theirs() -> None:
    came = conversation(customer(1, 0), note(7, 1), human(8, 2), turns=[handed_off(sent=(NOTE,))])
    opened = conversation(customer(1, 0), note(7, 1), status(8, 2, "open"), turns=[handed_off(sent=(NOTE,))])
    was_open = conversation(
        customer(1, 0), status(2, 0, "open"), note(7, 1), word(8, 2), turns=[handed_off()], status="open"
    )

    for told in (came, opened, was_open):
        assert found(handed_over_once, observed(told)) == []


def test_a_dead_letter_is_found() -> None:
    told = conversation(customer(1, 0))

    assert found(dead_letters, observed(told, look(1), dead=[DeadLetter(84, 1)])) == ["dead_letters"]
    assert found(dead_letters, observed(told, dead=[DeadLetter(None, None, "")])) == ["dead_letters"]


def test_a_dead_letter_while_chatwoot_answered_nothing_is_permitted() -> None:
    down = [look(at, status_code=503, fault=FaultKind.SERVER_ERROR) for at in range(2, 7)]

    assert found(dead_letters, observed(conversation(customer(1, 0)), look(1), *down, dead=[DeadLetter(84, 1)])) == []


@pytest.mark.parametrize(
    "chain",
    [
        Chain(2, 2, problems=("entry 2, turns row 0: altered",)),
        Chain(2, 2, unkeyed=1),
        Chain(2, 1),
        Chain(0, 1, problems=("entry 1: cut off",)),
    ],
)
def test_a_chain_that_does_not_verify_with_its_head_is_found(chain: Chain) -> None:
    assert set(found(sealed, observed(conversation(customer(1, 0), chain=chain)))) == {"chain"}


def test_a_whole_chain_is_in_order_and_a_head_may_be_behind_while_something_is_left_to_do() -> None:
    whole, behind = Chain(2, 2), Chain(2, 1)

    assert found(sealed, observed(conversation(customer(1, 0), chain=whole))) == []
    assert found(sealed, observed(conversation(customer(1, 0), chain=behind, unfinished=("a turn in hand",)))) == []
    assert found(sealed, observed(conversation(customer(1, 0), chain=behind), left_on_queue=1)) == []
