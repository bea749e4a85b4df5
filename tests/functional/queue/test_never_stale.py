"""I3: no word after a person took over, none that a newer message made stale; takeover and giving back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes import KEY
from world import World, outcomes

from metta.errors import AuditDown, ChatwootDown, ModelDown, Overtaken, SendUnknown
from metta.messages import AgentReply
from tests_support import payload, record

MakeWorld = Callable[..., World]


@pytest.mark.parametrize("bot", [False, True])
def test_a_person_who_answers_while_the_model_thinks_is_not_talked_over(make_world: MakeWorld, bot: bool) -> None:
    world = make_world(bot=bot)
    first = world.customer_writes("Where is my order?")
    world.agent.script = [lambda: world.chatwoot.add("I am on it", "outgoing", sender_type="user") and None]
    world.deliver(first)
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("dropped", "human_reply")]
    world.deliver(world.customer_writes("thanks"))
    assert world.chatwoot.replies == []


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("assignee_type", "User", "human_assigned"), ("status", "open", "not_answerable_status")],
)
def test_a_conversation_that_was_taken_while_the_model_thinks_gets_no_reply(
    world: World, field: str, value: str, reason: str
) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [lambda: setattr(world.chatwoot, field, value)]
    world.deliver(first)
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("dropped", reason)]


def test_a_reply_in_the_channels_own_app_counts_as_a_person(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [
        lambda: world.chatwoot.add("on my phone", "outgoing", sender_type=None, external_echo=True) and None
    ]
    world.deliver(first)
    assert outcomes(world) == [("dropped", "human_reply")]


def test_a_person_who_answered_before_the_turn_began_is_not_talked_over(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.chatwoot.add("I take care of it", "outgoing", sender_type="user")
    second = world.customer_writes("How much is product 7?")
    world.deliver(first)  # the event of the person's message is still behind it on the queue
    world.deliver(second)
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("skipped", "human_reply"), ("skipped", "human_took_over")]


def test_what_came_after_a_persons_answer_is_metta_s_again_once_it_is_given_back(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    person = world.chatwoot.add("I take care of it", "outgoing", sender_type="user")
    second = world.customer_writes("How much is product 7?")
    world.offset += 30
    world.deliver(given_back(world))
    assert person.created_at.timestamp() < world.now()
    assert world.chatwoot.replies == ["About that: How much is product 7?"]
    world.deliver(first)
    world.deliver(second)
    assert len(world.chatwoot.replies) == 1


def test_a_bot_as_assignee_is_no_person(world: World) -> None:
    world.chatwoot.assignee_type = "AgentBot"
    world.deliver(world.customer_writes("Where is my order?"))
    assert len(world.chatwoot.replies) == 1


@pytest.mark.parametrize("bot", [False, True])
def test_a_newer_message_makes_the_running_reply_stale_and_one_reply_answers_both(
    make_world: MakeWorld, bot: bool
) -> None:
    world = make_world(bot=bot)
    first = world.customer_writes("Where is my order?")
    later: list[dict[str, object]] = []
    world.agent.script = [lambda: later.append(world.customer_writes("S00042 I mean"))]
    with pytest.raises(Overtaken):
        world.deliver(first)
    assert world.chatwoot.replies == []
    world.deliver(first, *later, receives=2)
    assert world.chatwoot.replies == ["About that: Where is my order? / S00042 I mean"]
    assert outcomes(world) == [("dropped", "overtaken"), ("answered", "")]
    assert [turn.attempt for turn in world.audit.turns.values()] == [1, 1], "being overtaken is no failed try"


def test_a_customer_who_never_stops_writing_is_answered_at_last(world: World) -> None:
    old = datetime.now(UTC) - timedelta(seconds=60)
    first = world.customer_writes("Where is my order?", created_at=old)
    world.agent.script = [lambda: world.customer_writes("hello?") and None]
    world.deliver(first)
    assert world.chatwoot.replies == ["About that: Where is my order?"]


def test_a_closed_reply_window_ends_with_a_person_and_without_a_word(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [lambda: setattr(world.chatwoot, "can_reply", False)]
    world.deliver(first)
    assert world.chatwoot.replies == []
    assert world.chatwoot.status == "open"
    assert outcomes(world) == [("handed_off", "cannot_reply")]


def test_a_person_at_work_silences_metta_until_the_conversation_comes_back(world: World) -> None:
    human = payload("03_outgoing_by_agent_still_pending.json", created_at=datetime.now(UTC).isoformat())
    world.deliver(record(human))
    world.deliver(world.customer_writes("Where is my order?"))
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("skipped", "human_took_over")]
    world.chatwoot.add("Still there?")
    world.offset += 30
    world.deliver(given_back(world))
    assert world.chatwoot.replies == ["About that: Where is my order? / Still there?"]


def given_back(world: World) -> dict[str, Any]:
    back = payload("12_conversation_status_changed.json", status="pending", messages=[], updated_at=world.now())
    back["meta"] |= {"assignee": None, "assignee_type": None}
    return record(back)


def test_what_came_while_a_person_had_it_is_answered_once_it_is_given_back(world: World) -> None:
    world.deliver(record(payload("03_outgoing_by_agent_still_pending.json", created_at=datetime.now(UTC).isoformat())))
    world.chatwoot.add("I take care of it", "outgoing", sender_type="user")
    asked = world.customer_writes("Are you still there?")
    world.deliver(asked)
    assert outcomes(world) == [("skipped", "human_took_over")]
    world.offset += 30
    world.deliver(given_back(world))
    assert world.chatwoot.replies == ["About that: Are you still there?"]
    world.deliver(asked, receives=2)
    assert len(world.chatwoot.replies) == 1


def test_what_was_dropped_for_a_person_who_never_answered_is_answered_once_it_is_given_back(world: World) -> None:
    asked = world.customer_writes("Where is my order?")
    world.agent.script = [lambda: setattr(world.chatwoot, "assignee_type", "User")]
    world.deliver(asked)
    assert outcomes(world) == [("dropped", "human_assigned")]
    world.chatwoot.assignee_type = None
    world.offset += 30
    world.deliver(given_back(world))
    assert world.chatwoot.replies == ["About that: Where is my order?"]


def test_what_a_person_answered_is_not_answered_again_when_it_is_given_back(world: World) -> None:
    asked = world.customer_writes("Where is my order?")
    world.agent.script = [lambda: world.chatwoot.add("At the depot.", "outgoing", sender_type="user") and None]
    world.deliver(asked)
    world.offset += 30
    world.deliver(given_back(world))
    assert world.chatwoot.replies == []


def test_a_reply_the_channel_refused_goes_to_a_person_once(world: World) -> None:
    failed = payload("11_message_updated_delivery_failed.json", conversation__id=84)
    failed["content_attributes"]["metta_turn_id"] = "t-1"
    for receive in (1, 2):
        world.deliver(record(failed), receives=receive)
    assert world.chatwoot.status == "open"
    assert len(world.chatwoot.notes) == 1
    assert outcomes(world) == [("handed_off", "delivery_failed")]


def test_open_conversations_are_answered_only_where_the_operator_says_so(make_world: MakeWorld) -> None:
    for setting, replies in (("pending", 0), ("unassigned", 1)):
        world = make_world(CHATWOOT_ANSWER_WHEN=setting)
        world.chatwoot.status = "open"
        raw = world.customer_writes("Where is my order?")
        body = payload("01_incoming_text_webwidget.json", id=world.chatwoot.thread[0].id, conversation__status="open")
        world.deliver(raw | {"body": json.dumps(body)})
        assert len(world.chatwoot.replies) == replies, setting
        world.client.delete_table(TableName="state-table")


def test_an_own_hand_off_is_not_talked_over_in_an_open_conversation(make_world: MakeWorld) -> None:
    world = make_world(CHATWOOT_ANSWER_WHEN="unassigned")
    world.agent.script = [AgentReply(handoff_reason="wants a refund")]
    world.deliver(world.customer_writes("I want my money back"))
    assert world.chatwoot.status == "open"
    said = len(world.chatwoot.replies)
    world.deliver(world.customer_writes("hello?"))
    assert len(world.chatwoot.replies) == said
    assert outcomes(world)[-1] == ("skipped", "human_took_over")


def failed_delivery(message_id: int = 6003) -> dict[str, Any]:
    body = payload("11_message_updated_delivery_failed.json", id=message_id, conversation__id=84)
    body["content_attributes"]["metta_turn_id"] = "t-1"
    return record(body, n=message_id)


def test_a_refused_delivery_does_not_make_metta_forget_a_reply_that_may_be_out(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", SendUnknown("timeout", after_seconds=16), "after")
    with pytest.raises(SendUnknown):
        world.deliver(first)
    world.deliver(failed_delivery())
    world.deliver(first, receives=2)
    assert len(world.chatwoot.replies) == 1
    assert outcomes(world) == [("answered", ""), ("handed_off", "delivery_failed")]


def test_the_rest_of_a_reply_does_not_follow_when_a_person_came_in_between(world: World) -> None:
    first = world.customer_writes("Where is my order?", channel="Channel::Instagram")
    world.agent.script = [AgentReply(text="This sentence is one of very many. " * 70)]
    world.steps.pass_over("post reply")
    world.steps.fail("post reply", ChatwootDown("502"))
    with pytest.raises(ChatwootDown):
        world.deliver(first)
    world.chatwoot.add("I am on it", "outgoing", sender_type="user")
    world.deliver(first, receives=2)
    assert len(world.chatwoot.replies) == 1


@pytest.mark.parametrize(
    ("at", "ended"),
    [
        ("post handoff_note", ("dropped", "human_assigned")),
        ("post handoff_word", ("handed_off", "model_request")),
    ],
)
def test_a_hand_off_that_broke_off_says_nothing_to_a_customer_whom_a_person_has_taken(
    world: World, at: str, ended: tuple[str, str]
) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [AgentReply(handoff_reason="wants a refund")]
    world.steps.fail(at, ChatwootDown("502"))
    with pytest.raises(ChatwootDown):
        world.deliver(first)
    world.chatwoot.assignee_type = "User"
    world.deliver(first, receives=2)
    assert world.chatwoot.replies == []
    assert outcomes(world) == [ended]


def test_a_look_that_grew_old_while_state_was_written_is_taken_again(world: World) -> None:
    first = world.customer_writes("Where is my order?")

    def a_slow_write() -> None:
        world.offset += 5
        world.chatwoot.add("I am on it", "outgoing", sender_type="user")

    world.steps.during("save", a_slow_write)
    world.deliver(first)
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("dropped", "human_reply")]


def test_writes_that_are_always_slow_do_not_keep_the_customer_waiting_for_ever(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    for _ in range(20):
        world.steps.during("save", lambda: setattr(world, "offset", world.offset + 5))
    world.deliver(first)
    assert len(world.chatwoot.replies) == 1
    assert world.steps.names.count("before get") == 4


def test_a_refused_delivery_that_cannot_be_handed_off_counts_its_tries(world: World) -> None:
    world.deliver(world.customer_writes("Where is my order?"))
    for _ in range(3):
        world.steps.fail("status", ChatwootDown("502"))
        with pytest.raises(ChatwootDown):
            world.deliver(failed_delivery())
    state = world.states.acquire(KEY)
    assert state.tries == 4
    assert state.unfinished


def test_a_person_of_before_does_not_keep_a_conversation_that_was_given_back(world: World) -> None:
    world.agent.script = [AgentReply(handoff_reason="wants a refund")]
    first = world.customer_writes("I want my money back")
    world.steps.fail("status", ChatwootDown("502"))
    with pytest.raises(ChatwootDown):
        world.deliver(first)
    world.chatwoot.add("It is on its way.", "outgoing", sender_type="user")
    second = world.customer_writes("And where is my parcel?")
    world.offset += 30
    world.deliver(given_back(world), first, second, receives=2)
    assert world.chatwoot.replies[-1] == "About that: And where is my parcel?"


def test_the_word_of_a_hand_off_does_not_follow_a_person_who_came_while_the_note_was_recorded(world: World) -> None:
    world.agent.script = [AgentReply(handoff_reason="wants a refund")]
    first = world.customer_writes("I want my money back")

    def a_slow_write() -> None:
        world.offset += 5
        world.chatwoot.add("I am on it", "outgoing", sender_type="user")

    world.steps.during("save", lambda: None)
    world.steps.during("save", a_slow_write)
    world.deliver(first)
    assert len(world.chatwoot.notes) == 1
    assert world.chatwoot.replies == []
    assert outcomes(world) == [("handed_off", "model_request")]


def test_an_audit_that_keeps_failing_is_tried_ever_later_whatever_came_before(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("agent", ModelDown("500"))
    with pytest.raises(ModelDown):
        world.deliver(first, receives=8)
    tries = []
    for _ in range(3):
        world.steps.fail("audit", AuditDown("down"))
        with pytest.raises(AuditDown) as down:
            world.deliver(first, receives=9)
        tries.append(down.value.tries)
    assert tries == [1, 2, 3]


def test_a_given_back_conversation_in_which_nobody_waits_is_not_left_to_the_watchdog(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("agent", ModelDown("500"))
    with pytest.raises(ModelDown):
        world.deliver(first)
    world.chatwoot.add("At the depot.", "outgoing", sender_type="user")
    world.offset += 30
    world.states.release(world.states.acquire(KEY))
    with world.states.held(KEY) as state:
        state.hand = None
        assert state.waiting
    world.deliver(given_back(world))
    assert not world.states.acquire(KEY).unfinished
