"""I1, I2, I4 and I5 for one conversation: whatever is down or unclear, one reply, one audit, or a person."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import pytest
from fakes import KEY
from world import World, outcomes

from metta.errors import (
    AuditDown,
    ChatwootDown,
    ChatwootRefused,
    ConversationBusy,
    GuardrailBroken,
    ModelDown,
    NotStarted,
    OdooDown,
    SendUnknown,
    StateDown,
    TooManyModelTurns,
    Unsettled,
)
from metta.messages import AgentReply, HandOffStep, Outcome, OutgoingMessage, SentMessage
from metta.queue import conversations
from metta.queue.state import TurnStates
from tests_support import payload, record

MakeWorld = Callable[..., World]


def test_a_message_gets_one_reply_and_one_audit_however_often_it_is_delivered(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    for receive in range(1, 4):
        world.deliver(first, receives=receive)
    assert world.chatwoot.replies == ["About that: Where is my order?"]
    assert outcomes(world) == [("answered", "")]


def test_messages_that_wait_together_get_one_reply(world: World) -> None:
    one, two = world.customer_writes("Hello"), world.customer_writes("where is my parcel?")
    world.deliver(one, two)
    assert world.chatwoot.replies == ["About that: Hello / where is my parcel?"]
    world.deliver(two)
    assert len(world.chatwoot.replies) == 1


def test_a_message_whose_record_is_still_under_way_joins_the_turn_that_saw_it(world: World) -> None:
    one, two = world.customer_writes("Hello"), world.customer_writes("where is my parcel?")
    world.deliver(one)
    world.deliver(two)
    assert world.chatwoot.replies == ["About that: Hello / where is my parcel?"]


def test_a_late_lower_id_that_history_did_not_show_is_answered_next(make_world: MakeWorld) -> None:
    world = make_world(bot=True)
    late = world.customer_writes("first", id=100)
    newer = world.customer_writes("second", id=101)
    world.deliver(newer)
    world.deliver(late)
    assert world.chatwoot.replies == ["About that: second", "About that: first"]


def test_a_late_lower_id_that_history_showed_is_covered(world: World) -> None:
    late = world.customer_writes("first", id=100)
    world.chatwoot.add("We look into it", "outgoing", id=101, sender_type="agent_bot")
    newer = world.customer_writes("second", id=102)
    world.deliver(newer)
    world.deliver(late)
    assert len(world.chatwoot.replies) == 1


@pytest.mark.parametrize("bot", [False, True])
def test_a_send_that_took_effect_but_timed_out_is_found_not_repeated(make_world: MakeWorld, bot: bool) -> None:
    world = make_world(bot=bot)
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", SendUnknown("timeout", after_seconds=16), "after")
    assert world.until_done(first) == 2
    assert len(world.chatwoot.replies) == 1
    assert len(world.agent.runs) == 1
    assert outcomes(world) == [("answered", "")]
    (turn,) = world.audit.turns.values()
    assert [sent.message_id for sent in turn.sent] == [world.chatwoot.thread[-1].id]


@pytest.mark.parametrize("bot", [False, True])
@pytest.mark.parametrize("error", [SendUnknown("timeout", after_seconds=16), ChatwootDown("429", after_seconds=2)])
def test_a_send_that_had_no_effect_is_repeated_without_asking_the_model_again(
    make_world: MakeWorld, bot: bool, error: Exception
) -> None:
    world = make_world(bot=bot)
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", error)
    assert world.until_done(first) == 2
    assert len(world.chatwoot.replies) == 1
    assert len(world.agent.runs) == 1


@pytest.mark.parametrize("bot", [False, True])
@pytest.mark.parametrize(
    ("when", "error"), [("after", SendUnknown("timeout", after_seconds=16)), ("before", ChatwootDown("429"))]
)
def test_each_part_of_a_long_reply_is_sent_once_and_in_order(
    make_world: MakeWorld, bot: bool, when: str, error: Exception
) -> None:
    world = make_world(bot=bot)
    first = world.customer_writes("Where is my order?", channel="Channel::Instagram")
    world.agent.script = [AgentReply(text="This sentence is one of very many. " * 70)]
    world.steps.pass_over("post reply")
    world.steps.fail("post reply", error, when)
    world.until_done(first)
    assert [m.part for m in world.chatwoot.thread if m.turn_id] == [0, 1, 2]
    assert outcomes(world) == [("answered", "")]


def test_when_it_stays_unknown_whether_a_reply_was_sent_a_person_is_told(make_world: MakeWorld) -> None:
    world = make_world(bot=True)
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", SendUnknown("timeout", after_seconds=16), "after")
    with pytest.raises(SendUnknown):
        world.deliver(first)
    world.chatwoot.add("are you there?")
    world.deliver(first, receives=2)
    assert len(world.chatwoot.replies) == 1
    assert world.chatwoot.status == "open"
    assert any("may already have been delivered" in note for note in world.chatwoot.notes)
    (turn,) = world.audit.turns.values()
    assert turn.delivery_unknown
    assert (turn.outcome, turn.reason) == (Outcome.HANDED_OFF, "delivery_unknown")


@pytest.mark.parametrize("name", ["get", "list", "acquire", "agent", "post reply"])
def test_whatever_is_down_for_a_moment_only_delays_the_reply(world: World, name: str) -> None:
    errors = {"acquire": StateDown("dynamodb"), "agent": OdooDown("odoo")}
    first = world.customer_writes("Where is my order?")
    if name == "acquire":
        world.client.delete_table(TableName="state-table")
        with pytest.raises(StateDown):
            world.deliver(first)
        return
    world.steps.fail(name, errors.get(name, ChatwootDown("502")))
    assert world.until_done(first) == 2
    assert len(world.chatwoot.replies) == 1
    assert outcomes(world) == [("answered", "")]


def test_a_model_that_stays_down_ends_with_a_person_after_the_permitted_tries(make_world: MakeWorld) -> None:
    world = make_world(METTA_MAX_ATTEMPTS="3")
    first = world.customer_writes("Where is my order?")
    world.agent.script = [ModelDown("429")] * 9
    assert world.until_done(first) == 4
    assert len(world.agent.runs) == 3
    assert world.chatwoot.status == "open"
    (turn,) = world.audit.turns.values()
    assert (turn.outcome, turn.reason, turn.attempt) == (Outcome.HANDED_OFF, "attempts_exhausted", 4)
    assert turn.handoff_done == (HandOffStep.NOTE, HandOffStep.WORD, HandOffStep.STATUS)
    assert len(turn.work.model_calls) == 3, "what failed tries cost is in the audit"


def test_the_last_permitted_receive_calls_no_model(make_world: MakeWorld) -> None:
    world = make_world(SQS_MAX_RECEIVE_COUNT="5")
    world.deliver(world.customer_writes("Where is my order?"), receives=5)
    assert world.agent.runs == []
    assert outcomes(world) == [("handed_off", "receives_exhausted")]


def test_a_database_that_is_down_delays_the_audit_only(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    for _ in range(1 + 2 + 2):
        world.steps.fail("audit", AuditDown("refused"))
    with pytest.raises(AuditDown):
        world.deliver(first)
    assert len(world.chatwoot.replies) == 1
    second = world.customer_writes("And the other one?")
    with pytest.raises(AuditDown):
        world.deliver(second)
    assert len(world.chatwoot.replies) == 2
    assert world.audit.turns == {}
    with pytest.raises(AuditDown):
        world.deliver(first, receives=2)
    world.deliver(first, receives=3)
    assert len(world.chatwoot.replies) == 2
    assert len(world.agent.runs) == 2
    assert outcomes(world) == [("answered", ""), ("answered", "")]


def test_a_turn_the_database_refuses_does_not_hold_up_the_audit_of_others(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("audit", AuditDown("refused a value"))
    with pytest.raises(AuditDown):
        world.deliver(first)
    second = world.customer_writes("And the other one?")
    world.steps.fail("audit", AuditDown("refused a value"))
    with pytest.raises(AuditDown):
        world.deliver(second)
    assert [turn.messages[0].text for turn in world.audit.turns.values()] == ["And the other one?"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TooManyModelTurns("6"), "too_many_model_turns"),
        (GuardrailBroken("boom"), "guardrail_broken"),
    ],
)
def test_what_ends_with_a_person_does_so_at_once_and_once(world: World, error: Exception, reason: str) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [error]
    world.deliver(first)
    world.deliver(first, receives=2)
    assert len(world.chatwoot.replies) == 1
    assert len(world.chatwoot.notes) == 1
    assert world.chatwoot.status == "open"
    assert outcomes(world) == [("handed_off", reason)]


def test_the_models_own_hand_off_goes_the_same_way(make_world: MakeWorld) -> None:
    world = make_world(CHATWOOT_HANDOFF_TEAM_ID="7")
    world.agent.script = [AgentReply(handoff_reason="wants a refund")]
    world.deliver(world.customer_writes("I want my money back"))
    assert world.chatwoot.team == 7
    assert outcomes(world) == [("handed_off", "model_request")]
    assert "I want my money back" in world.chatwoot.notes[0]


def test_a_hand_off_step_that_was_done_is_not_repeated(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.agent.script = [TooManyModelTurns("6")]
    world.steps.fail("status", ChatwootDown("502"))
    assert world.until_done(first) == 2
    assert (len(world.chatwoot.notes), len(world.chatwoot.replies)) == (1, 1)
    assert len(world.agent.runs) == 1


def test_chatwoot_refusing_the_reply_for_good_ends_with_a_person(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", ChatwootRefused("Content is too long", status=422))
    world.deliver(first)
    assert outcomes(world) == [("handed_off", "chatwoot_refused")]


def test_a_deleted_conversation_is_dropped_not_retried_for_ever(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("get", ChatwootRefused("not found", status=404))
    world.deliver(first)
    assert outcomes(world) == [("dropped", "conversation_gone")]


def test_a_send_cut_off_by_the_deadline_is_not_looked_up_before_it_must_have_arrived(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    arriving: list[OutgoingMessage] = []

    async def slow(message: OutgoingMessage) -> SentMessage:
        arriving.append(message)
        raise asyncio.CancelledError

    world.chatwoot.send_message, quick = slow, world.chatwoot.send_message  # type: ignore[method-assign]
    with pytest.raises(CancelledError):
        world.deliver(first)
    world.chatwoot.send_message = quick  # type: ignore[method-assign]
    world.offset += 3
    with pytest.raises(Unsettled):
        world.deliver(first)
    asyncio.run(quick(arriving[0]))  # Chatwoot was only slow
    world.offset += 16
    world.deliver(first)
    assert len(world.chatwoot.replies) == 1
    assert outcomes(world) == [("answered", "")]


def test_a_send_that_chatwoot_answered_with_no_is_repeated_at_once(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", ChatwootDown("429"))
    with pytest.raises(ChatwootDown):
        world.deliver(first)
    world.deliver(first, receives=2)
    assert len(world.chatwoot.replies) == 1


def test_events_in_between_give_a_failing_turn_no_further_tries(make_world: MakeWorld) -> None:
    world = make_world(METTA_MAX_ATTEMPTS="2")
    first = world.customer_writes("Where is my order?")
    world.agent.script = [ModelDown("500")] * 20
    for receive in range(1, 4):
        with suppress(ModelDown):
            world.deliver(first, receives=receive)
        resolved = payload(
            "12_conversation_status_changed.json", status="resolved", messages=[], updated_at=world.now()
        )
        resolved["meta"] |= {"assignee": None, "assignee_type": None}
        world.deliver(record(resolved))
    assert outcomes(world) == [("handed_off", "attempts_exhausted")]
    assert len(world.agent.script) == 18


def test_a_turn_that_lost_its_lease_is_broken_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "RENEW_SECONDS", 0.05)
    first = world.customer_writes("Where is my order?")
    stolen = threading.Event()

    async def think(*_: Any, **__: Any) -> AgentReply:
        world.offset += 60
        TurnStates(world.client, "state-table", now=world.now).acquire(KEY)
        stolen.set()
        await asyncio.sleep(20)
        raise AssertionError("it went on")

    world.agent.run = think  # type: ignore[method-assign]
    with pytest.raises(ConversationBusy):
        world.deliver(first)
    assert stolen.is_set()
    assert world.chatwoot.replies == []


def test_a_long_turn_keeps_its_lease(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "RENEW_SECONDS", 0.05)
    first = world.customer_writes("Where is my order?")
    usual = world.agent.run

    async def think(*args: Any, **kwargs: Any) -> AgentReply:
        for _ in range(4):
            world.offset += 20
            await asyncio.sleep(0.3)
        return await usual(*args, **kwargs)

    world.agent.run = think  # type: ignore[method-assign]
    world.deliver(first)
    assert len(world.chatwoot.replies) == 1


def test_a_further_turn_is_not_begun_without_the_time_for_it(world: World) -> None:
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", SendUnknown("timeout", after_seconds=16), "after")
    with pytest.raises(SendUnknown):
        world.deliver(first)
    second = world.customer_writes("And my invoice?")
    with pytest.raises(NotStarted):
        world.deliver(first, second, receives=2, seconds=14)
    assert [turn.outcome for turn in world.ended] == [Outcome.ANSWERED], "the turn that ended is told of at once"
    world.deliver(first, second, receives=3)
    assert len(world.chatwoot.replies) == 2
    assert outcomes(world) == [("answered", ""), ("answered", "")]


def test_what_was_answered_meanwhile_does_not_overtake_the_turn_in_hand(make_world: MakeWorld) -> None:
    world = make_world(bot=True)
    newer = world.customer_writes("And my invoice?", id=102)
    world.deliver(newer)
    late = world.customer_writes("Where is my order?", id=100)
    world.steps.pass_over("get")
    world.steps.fail("get", ChatwootDown("502"))
    with pytest.raises(ChatwootDown):
        world.deliver(late)
    world.deliver(newer, late, receives=2)
    assert len(world.chatwoot.replies) == 2
    assert len(world.agent.runs) == 2
    assert outcomes(world) == [("answered", ""), ("answered", "")]


def test_the_rest_of_a_send_that_is_cut_off_again_is_not_looked_up_too_early_either(make_world: MakeWorld) -> None:
    world = make_world(bot=True)
    first = world.customer_writes("Where is my order?")
    world.steps.fail("post reply", SendUnknown("timeout", after_seconds=16), "after")
    with pytest.raises(SendUnknown):
        world.deliver(first)
    world.chatwoot.add("are you there?")  # hides it: what is left is the note for a person
    arriving: list[OutgoingMessage] = []

    async def slow(message: OutgoingMessage) -> SentMessage:
        arriving.append(message)
        raise asyncio.CancelledError

    world.chatwoot.send_message, quick = slow, world.chatwoot.send_message  # type: ignore[method-assign]
    with pytest.raises(CancelledError):
        world.deliver(first, receives=2)
    world.chatwoot.send_message = quick  # type: ignore[method-assign]
    world.offset += 3
    with pytest.raises(Unsettled):
        world.deliver(first, receives=3)
    asyncio.run(quick(arriving[0]))  # Chatwoot was only slow
    world.offset += 16
    world.deliver(first, receives=4)
    assert len(world.chatwoot.notes) == 1
    assert world.chatwoot.status == "open"
