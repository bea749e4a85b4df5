"""A conversation goes to a person in recorded steps, each taken once, and ends where people see it (I5)."""

from __future__ import annotations

from typing import Any

import pytest

from metta.errors import ChatwootDown, ChatwootRefused, SendUnknown
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, HandOffStep, SentMessage
from metta.ports import HandOffPlan
from metta_local.chatwoot import Fault

Line = Any
KEY = ConversationKey(account_id=3, conversation_id=84)
NOTE, WORD, STATUS, TEAM = HandOffStep.NOTE, HandOffStep.WORD, HandOffStep.STATUS, HandOffStep.TEAM


class Hand:
    """A hand-off that remembers what it recorded."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.done: list[HandOffStep] = []
        self.sent: list[SentMessage | None] = []

    async def _record(self, step: HandOffStep, sent: SentMessage | None) -> None:
        self.done.append(step)
        self.sent.append(sent)

    def off(
        self, *done: HandOffStep, token: str = "bot", team_id: int | None = 7, word: str | None = "One moment."
    ) -> None:
        plan = HandOffPlan(
            turn_id="t-1",
            note="Why: asked for a person",
            word=word,
            channel="Channel::WebWidget",
            team_id=team_id,
            done=done,
        )

        async def use(client: ChatwootClient) -> None:
            await client.hand_off(KEY, plan, self._record)

        self.line.run(use, token=token)


@pytest.fixture
def hand(line: Line) -> Hand:
    return Hand(line)


def test_note_word_status_team_in_this_order(line: Line, hand: Hand) -> None:
    hand.off()

    assert hand.done == [NOTE, WORD, STATUS, TEAM]
    note, word = (m for m in line.emulator.messages(84) if m["message_type"] == 1)
    assert (note["private"], note["content"]) == (True, "Why: asked for a person")
    assert (word["private"], word["content"]) == (False, "One moment.")
    assert [m["content_attributes"]["metta_kind"] for m in (note, word)] == ["handoff_note", "handoff_word"]
    assert [sent.message_id for sent in hand.sent if sent] == [note["id"], word["id"]]
    conversation = line.emulator.conversation(84)
    assert conversation["status"] == "open"
    assert conversation["meta"]["team"]["id"] == 7
    assert "assignee" not in conversation["meta"]


def test_without_word_and_team_there_are_no_such_steps(hand: Hand) -> None:
    hand.off(word=None, team_id=None)

    assert hand.done == [NOTE, STATUS]


def test_steps_that_are_done_are_not_taken_again(line: Line, hand: Hand) -> None:
    hand.off(NOTE, WORD)

    assert hand.done == [STATUS, TEAM]
    assert line.emulator.customer_sees(84) == []


def test_a_step_that_fails_leaves_the_earlier_ones_recorded(line: Line, hand: Hand) -> None:
    line.emulator.faults.add(Fault("toggle_status", status=502))
    with pytest.raises(ChatwootDown):
        hand.off()
    assert hand.done == [NOTE, WORD]

    hand.off(*hand.done)

    assert hand.done == [NOTE, WORD, STATUS, TEAM]
    assert line.emulator.customer_sees(84) == ["One moment."]


def test_a_note_with_unknown_result_is_not_passed_over(line: Line, hand: Hand) -> None:
    line.emulator.faults.add(Fault("create_message", after_effect=True))

    with pytest.raises(SendUnknown):
        hand.off()

    assert hand.done == []
    assert line.emulator.conversation(84)["status"] == "pending"


def test_a_refused_note_or_word_does_not_keep_the_conversation_from_people(line: Line, hand: Hand) -> None:
    refusal = '{"error":"Validation failed: Content is too long (maximum is 150000 characters)"}'
    line.emulator.faults.add(Fault("create_message", status=422, body=refusal, times=2))

    hand.off()

    assert hand.done == [STATUS, TEAM]
    assert line.emulator.conversation(84)["status"] == "open"


def test_a_conversation_that_cannot_be_opened_is_told(line: Line, hand: Hand) -> None:
    line.emulator.world.account.suspended = True

    with pytest.raises(ChatwootRefused):
        hand.off()


def test_a_conversation_that_is_open_already_stays_as_it_is(line: Line, hand: Hand) -> None:
    line.emulator.set_status(84, "open")
    line.emulator.assign(84)

    hand.off(team_id=None)

    assert hand.done == [NOTE, WORD, STATUS]
    assert line.emulator.conversation(84)["meta"]["assignee"]["id"] == 21


def test_a_user_who_opens_is_not_left_as_the_assignee(line: Line, hand: Hand) -> None:
    hand.off(token="agent")

    conversation = line.emulator.conversation(84)
    assert conversation["status"] == "open"
    assert "assignee" not in conversation["meta"]
    assert conversation["meta"]["team"]["id"] == 7


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_self_assignment_is_undone_by_a_later_try_in_another_process(line: Line, hand: Hand, cut: str) -> None:
    spoiled = {"before": "toggle_status", "after": "assignments"}[cut]
    line.emulator.faults.add(Fault(spoiled, status=503))
    with pytest.raises(ChatwootDown):
        hand.off(token="agent")

    hand.off(*hand.done, token="agent")

    assert hand.done == [NOTE, WORD, STATUS, TEAM]
    assert "assignee" not in line.emulator.conversation(84)["meta"]


def test_a_self_assignment_is_undone_even_when_no_own_message_tells_who_we_are(line: Line, hand: Hand) -> None:
    hand.off(NOTE, WORD, token="agent", team_id=None)

    assert "assignee" not in line.emulator.conversation(84)["meta"]


@pytest.mark.parametrize("token", ["bot", "user", "agent"])
def test_a_person_chosen_by_auto_assignment_stays_for_a_bot_and_an_administrator(
    line: Line, hand: Hand, token: str
) -> None:
    line.emulator.world.inboxes[11].enable_auto_assignment = True

    hand.off(token=token, team_id=None)

    # an agent's self-assignment comes after auto-assignment and replaces it: that is Chatwoot's doing
    assignee = line.emulator.conversation(84)["meta"].get("assignee")
    assert (assignee["id"] if assignee else None) == (None if token == "agent" else 21)


def test_before_4_14_2_a_bot_hands_off_without_looking(line: Line, hand: Hand) -> None:
    line.emulator.api._bot_may -= {"get_conversation"}

    hand.off()

    assert hand.done == [NOTE, WORD, STATUS, TEAM]
    assert line.emulator.conversation(84)["status"] == "open"


def test_a_team_that_does_not_exist_is_logged_and_the_conversation_open(
    line: Line, hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    hand.off(team_id=99)

    assert line.emulator.conversation(84)["status"] == "open"
    assert "team does not exist" in caplog.text


@pytest.mark.parametrize("token", ["bot", "user"])
def test_an_answer_that_does_not_say_open_is_no_open_conversation(line: Line, hand: Hand, token: str) -> None:
    line.emulator.faults.add(Fault("toggle_status", status=200, body="{}"))
    with pytest.raises(ChatwootDown):
        hand.off(token=token)
    assert hand.done == [NOTE, WORD]
    hand.off(NOTE, WORD, token=token)
    assert line.emulator.conversation(84)["status"] == "open"


def test_a_conversation_that_opened_behind_a_garbled_answer_is_handed_off(line: Line, hand: Hand) -> None:
    line.emulator.faults.add(Fault("toggle_status", status=200, body="{}", after_effect=True))
    hand.off()
    assert hand.done == [NOTE, WORD, STATUS, TEAM]
