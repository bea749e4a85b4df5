"""The watchdog: whatever was lost, killed or dead-lettered, a customer ends with an answer or a person, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes import CONTACT, KEY, Killed
from watching import Watched
from world import outcomes

from metta.errors import AuditDown, ChatwootDown, ChatwootRefused, ModelDown, Retry
from metta.messages import Phase, Turn
from metta.queue.rescue import UNANSWERED, late

MakeWatched = Callable[..., Watched]


@pytest.fixture
def world(make_watched: MakeWatched) -> Watched:
    return make_watched()


def test_a_customer_whose_message_was_lost_is_with_a_person_after_fifteen_minutes(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes(16)

    report = world.watch()

    assert (report.unanswered, report.stranded, report.fates) == (1, 0, {"ended": 1})
    assert report.oldest_seconds == pytest.approx(17 * 60, abs=10)
    assert world.chatwoot.status == "open"
    (word,) = world.chatwoot.replies
    assert "colleague" in word
    (note,) = world.chatwoot.notes
    assert "Where is my order?" in note
    assert outcomes(world) == [("handed_off", "unanswered")]
    assert world.agent.runs == [], "the watchdog asks no model"
    assert world.watch().found == 0


def test_nobody_is_handed_over_before_that(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes(13)

    assert world.watch().found == 0
    assert world.chatwoot.status == "pending"


def test_the_lost_message_is_not_answered_again_when_it_turns_up_after_all(world: Watched) -> None:
    raw = world.customer_writes("Where is my order?")
    world.lose(raw)
    world.pass_minutes(16)
    world.watch()

    world.until_done(raw)

    assert len(world.chatwoot.replies) == 1
    assert outcomes(world) == [("handed_off", "unanswered")]


@pytest.mark.parametrize(("story", "bot"), [("answer", False), ("answer", True), ("hand off", False)])
def test_a_worker_killed_at_any_step_and_never_back_leaves_nobody_without_an_end(
    make_watched: MakeWatched, story: str, bot: bool
) -> None:
    def begin(world: Watched) -> dict[str, Any]:
        text = "Where is my order?" if story == "answer" else "I want to talk to a human"
        return world.customer_writes(text)

    calm = make_watched(bot=bot, quick=True)
    calm.until_done(begin(calm))
    steps = calm.steps.names
    for at in range(0, len(steps), 2):  # after each effect; before the next one is the same
        world = make_watched(bot=bot, quick=True)
        raw = begin(world)
        world.steps.kill_at = at
        with pytest.raises(Killed):
            world.deliver(raw)
        world.killed_and_back()
        world.pass_minutes()

        world.watch_until_quiet()

        where = f"killed after step {at}: {steps[:at][-1:]}"
        if at < 2:
            assert world.chatwoot.replies == [], f"{where}: the worker had not even the lease"
            continue
        assert len(world.chatwoot.replies) == 1, where
        assert len(world.chatwoot.notes) == (world.chatwoot.status == "open"), where
        (turn,) = world.audit.turns.values()
        assert turn.phase is Phase.SENT, where


@pytest.mark.parametrize(("hidden", "bot"), [(False, False), (True, True)], ids=["message seen", "message hidden"])
def test_a_watchdog_killed_at_any_step_hands_over_once(make_watched: MakeWatched, hidden: bool, bot: bool) -> None:
    def begin() -> Watched:
        world = make_watched(bot=bot, quick=True)
        world.lose(world.customer_writes("Where is my order?"))
        if hidden:
            world.chatwoot.add("Welcome! We are open from nine to five.", "template")
        world.pass_minutes()
        world.steps.names.clear()
        return world

    calm = begin()
    calm.watch_until_quiet()
    steps, expected = list(calm.steps.names), (len(calm.chatwoot.replies), len(calm.chatwoot.notes))
    assert expected == (0 if bot and hidden else 1, 1)
    assert len(steps) > 15
    for at in range(0, len(steps), 2):  # after each effect; before the next one is the same
        world = begin()
        world.steps.kill_at = at
        with pytest.raises(Killed):
            world.watch()
        world.killed_and_back()

        world.watch_until_quiet()

        where = f"killed after step {at}: {steps[:at][-1:]}"
        assert (len(world.chatwoot.replies), len(world.chatwoot.notes)) == expected, where
        assert world.chatwoot.status == "open", where
        assert outcomes(world) == [("handed_off", "unanswered")], where


def test_a_list_that_is_refused_for_one_conversation_alone_is_no_proof_that_nobody_waits(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.chatwoot.add("Welcome! We are open from nine to five.", "template")
    world.pass_minutes()
    for _ in range(3):
        world.steps.fail("list", ChatwootRefused("no member of the inbox", status=401))

    assert world.watch().fates == {"ended": 1}
    assert world.chatwoot.status == "open"


@pytest.mark.parametrize("error", [ChatwootDown("502"), ChatwootRefused("token revoked", status=401)])
def test_while_chatwoot_cannot_be_used_the_next_run_is_waited_for(world: Watched, error: Exception) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    with world.states.held(KEY) as state:
        state.tries = 0
    world.pass_minutes()
    world.steps.fail("get", error)

    report = world.watch()

    assert (report.unanswered, report.fates) == (1, {"left": 1})
    assert world.item()["tries"] == {"N": "0"}, "nothing of a worker's tries is used up"
    assert world.watch().fates == {"ended": 1}
    assert world.chatwoot.status == "open"


def test_a_hand_over_that_chatwoot_interrupted_goes_on_in_the_next_run(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    world.steps.fail("status", ChatwootDown("502"))

    assert world.watch().fates == {"left": 1}
    world.pass_minutes(5)
    report = world.watch()

    assert (report.stranded, report.fates) == (1, {"ended": 1})
    assert world.chatwoot.status == "open"
    assert len(world.chatwoot.replies) == len(world.chatwoot.notes) == 1


def test_a_conversation_that_is_gone_is_cleared_and_what_was_done_is_audited(world: Watched) -> None:
    raw = world.customer_writes("Where is my order?")
    world.steps.fail("agent", ModelDown("503"))
    with pytest.raises(Retry):
        world.deliver(raw)
    world.pass_minutes()
    world.steps.fail("get", ChatwootRefused("not found", status=404))

    assert world.watch().fates == {"cleared": 1}
    assert outcomes(world) == [("dropped", "conversation_gone")]
    assert not world.unfinished


def test_a_turn_that_broke_off_in_the_model_goes_to_a_person_with_what_was_done(make_watched: MakeWatched) -> None:
    world = make_watched(bot=True)
    raw = world.customer_writes("Where is my order?")
    world.steps.fail("agent", ModelDown("503"), when="after")
    with pytest.raises(Retry):
        world.deliver(raw)
    world.chatwoot.add("Welcome! We are open from nine to five.", "template")
    world.pass_minutes()

    report = world.watch()

    assert (report.stranded, report.fates) == (1, {"ended": 1})
    (turn,) = world.audit.turns.values()
    assert turn.reason == "unanswered"
    assert len(turn.work.model_calls) == 1
    assert "Where is my order?" in world.chatwoot.notes[0], "the turn knows what the token may not list"
    assert len(world.chatwoot.replies) == 1


def test_a_broken_off_turn_whose_message_was_dealt_with_is_audited(make_watched: MakeWatched) -> None:
    world = make_watched(bot=True)
    world.steps.fail("agent", ModelDown("503"), when="after")
    with pytest.raises(Retry):
        world.deliver(world.customer_writes("Where is my order?"))
    with world.states.held(KEY) as state:
        state.cover([9001])
    world.chatwoot.add("Welcome! We are open from nine to five.", "template")
    world.pass_minutes()

    world.watch_until_quiet()

    assert outcomes(world) == [("dropped", "overtaken"), ("handed_off", "unanswered")]


def test_missing_audit_rows_are_written_without_a_word_to_chatwoot(world: Watched) -> None:
    world.steps.fail("audit", AuditDown("down"))
    with pytest.raises(Retry):
        world.deliver(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    before = len(world.steps.names)

    report = world.watch()

    assert (report.unanswered, report.stranded, report.fates) == (0, 0, {"written": 1})
    assert report.oldest_seconds == 0.0, "no customer waits"
    assert outcomes(world) == [("answered", "")]
    assert "before get" not in world.steps.names[before:]
    assert not world.unfinished


def test_while_the_audit_cannot_be_written_the_customer_is_rescued_all_the_same(world: Watched) -> None:
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    world.steps.fail("audit", AuditDown("down"))

    assert world.watch().fates == {"ended": 1}
    assert world.chatwoot.status == "open"
    world.pass_minutes()
    assert world.watch().fates == {"written": 1}
    assert outcomes(world) == [("handed_off", "unanswered")]
    assert len(world.chatwoot.notes) == 1


def test_a_fresh_message_beside_old_audit_rows_is_left_to_its_worker(world: Watched) -> None:
    world.steps.fail("audit", AuditDown("down"))
    with pytest.raises(Retry):
        world.deliver(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    world.lose(world.writes_now("And my other order?"))
    replies = list(world.chatwoot.replies)

    report = world.watch()

    assert (report.unanswered, report.fates) == (0, {"too_new": 1})
    assert world.chatwoot.replies == replies
    assert world.chatwoot.status == "pending"
    assert len(world.audit.turns) == 1
    world.pass_minutes()
    assert world.watch().fates == {"ended": 1}, "it is not forgotten"


@pytest.mark.parametrize(("step", "error"), [("agent", ModelDown("503")), ("post reply", ChatwootDown("502"))])
def test_a_fresh_turn_beside_old_audit_rows_is_left_to_its_worker(world: Watched, step: str, error: Exception) -> None:
    world.steps.fail("audit", AuditDown("down"))
    with pytest.raises(Retry):
        world.deliver(world.customer_writes("Where is my order?"))
    world.pass_minutes()
    world.steps.fail(step, error)
    with pytest.raises(Retry):
        world.deliver(world.writes_now("And my other order?"))

    assert world.watch().fates == {"too_new": 1}
    assert world.chatwoot.status == "pending"
    assert len(world.chatwoot.replies) == 1


def test_a_lone_hand_over_that_broke_off_is_late_from_its_beginning() -> None:
    """Whoever is handed over like this has waited for fifteen minutes already; it must not be another fifteen."""
    began = datetime.now(UTC)
    turn = Turn(id="t", key=KEY, inbox_id=11, contact=CONTACT, started_at=began, reason=UNANSWERED)
    other = turn.model_copy(update={"reason": "delivery_failed"})

    assert late(turn, began.timestamp() - 900)
    assert not late(other, began.timestamp() - 900)
    assert late(other, began.timestamp() + 1)


def test_shadow_mode_leaves_a_note_and_nothing_else(make_watched: MakeWatched) -> None:
    world = make_watched(CHATWOOT_SEND_AS="note")
    world.lose(world.customer_writes("Where is my order?"))
    world.pass_minutes()

    world.watch()

    assert len(world.chatwoot.notes) == 1
    assert world.chatwoot.replies == []
    assert world.chatwoot.status == "pending"
    assert world.watch().found == 0
