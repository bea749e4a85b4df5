"""Contract 3.2 and 4: status, assignment and what happens by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Chat = Any
Start = Callable[..., Chat]


def test_a_new_conversation_in_a_bot_inbox_is_pending(chat: Chat) -> None:
    assert chat.shown()["status"] == "pending"
    assert "assignee" not in chat.shown()["meta"]


def test_without_a_bot_it_is_open_and_for_a_blocked_contact_resolved(start: Start) -> None:
    chat = start(empty=True)
    chat.emulator.world.inboxes[11].bot_id = None
    chat.emulator.customer_writes(901, "Hi")
    assert chat.shown()["status"] == "open"

    blocked = chat.emulator.add_contact("Spam", blocked=True)["id"]
    chat.emulator.world.inboxes[11].bot_id = 5
    conversation = chat.emulator.customer_writes(blocked, "Buy")["conversation_id"]
    chat.emulator.customer_writes(blocked, "Buy more")
    assert chat.emulator.conversation(conversation)["status"] == "resolved"


@pytest.mark.parametrize(
    ("before", "after"), [("resolved", "pending"), ("snoozed", "open"), ("open", "open"), ("pending", "pending")]
)
def test_what_a_customers_message_does_to_the_status(chat: Chat, before: str, after: str) -> None:
    chat.emulator.set_status(84, before)
    chat.emulator.customer_writes(901, "Still there?")

    assert chat.shown()["status"] == after
    assert chat.last("message_created")["conversation"]["status"] == after


def test_a_resolved_conversation_without_a_bot_opens(chat: Chat) -> None:
    chat.emulator.world.inboxes[11].bot_id = None
    chat.emulator.set_status(84, "resolved")
    chat.emulator.customer_writes(901, "Still there?")

    assert chat.shown()["status"] == "open"


def test_a_bot_that_opens_a_pending_conversation_hands_off_with_success_null(chat: Chat) -> None:
    chat.now += 100
    answer = chat.toggle("open")

    assert answer.status_code == 200
    assert answer.json()["payload"] == {
        "success": None,
        "conversation_id": 84,
        "current_status": "open",
        "snoozed_until": None,
    }
    assert chat.shown()["waiting_since"] == int(chat.now)
    assert "assignee" not in chat.shown()["meta"]


def test_other_changes_of_status_say_success_true(chat: Chat) -> None:
    assert chat.toggle("resolved").json()["payload"]["success"] is True
    assert chat.toggle("open").json()["payload"]["success"] is True


def test_without_a_status_it_toggles(chat: Chat) -> None:
    assert [chat.toggle(None, token="user").json()["payload"]["current_status"] for _ in range(3)] == [
        "open",
        "resolved",
        "open",
    ]


def test_an_unknown_status_is_a_500(chat: Chat) -> None:
    assert chat.toggle("closed").status_code == 500


def test_an_agent_who_opens_gets_the_conversation_an_administrator_does_not(chat: Chat) -> None:
    chat.toggle("open", token="user")
    assert "assignee" not in chat.shown()["meta"]

    chat.toggle("open", token="agent")
    assert chat.shown()["meta"]["assignee"]["id"] == 22
    assert chat.shown()["meta"]["assignee_type"] == "User"


def test_auto_assignment_chooses_an_online_member_or_nobody(chat: Chat) -> None:
    chat.emulator.world.inboxes[11].enable_auto_assignment = True
    chat.toggle("open")
    assert chat.shown()["meta"]["assignee"]["id"] == 21

    chat.emulator.assign(84, None)
    chat.emulator.world.users[21].online = False
    chat.toggle("pending")
    chat.toggle("open")
    assert "assignee" not in chat.shown()["meta"]


def test_assigning_a_person_a_team_and_nobody(chat: Chat) -> None:
    assert chat.assign(assignee_id=21).json()["name"] == "Nina Kraus"
    assert chat.assign(team_id=7).json()["id"] == 7
    assert (chat.shown()["meta"]["assignee"]["id"], chat.shown()["meta"]["team"]["id"]) == (21, 7)

    assert chat.assign(assignee_id=None).json() is None
    assert "assignee" not in chat.shown()["meta"]
    assert chat.shown()["meta"]["team"]["id"] == 7


@pytest.mark.parametrize("unknown", [{"assignee_id": 999}, {"assignee_id": "x"}])
def test_an_unknown_assignee_is_200_and_unassigns(chat: Chat, unknown: Any) -> None:
    chat.assign(assignee_id=21)
    answer = chat.assign(**unknown)

    assert (answer.status_code, answer.json()) == (200, None)
    assert "assignee" not in chat.shown()["meta"]


def test_an_unknown_team_is_200_and_takes_the_team_away(chat: Chat) -> None:
    chat.assign(team_id=7)
    answer = chat.assign(team_id=99)

    assert (answer.status_code, answer.json()) == (200, None)
    assert "team" not in chat.shown()["meta"]


def test_the_assignee_wins_over_the_team(chat: Chat) -> None:
    chat.assign(assignee_id=21, team_id=7)

    assert chat.shown()["meta"]["assignee"]["id"] == 21
    assert "team" not in chat.shown()["meta"]


def test_a_bot_can_be_the_assignee(chat: Chat) -> None:
    chat.assign(assignee_type="AgentBot", assignee_id=5)

    assert chat.last("conversation_updated")["meta"]["assignee_type"] == "AgentBot"
    assert chat.shown()["meta"]["assignee"]["type"] == "agent_bot"


def test_labels_and_custom_attributes_are_replaced_whole(chat: Chat) -> None:
    chat.call("POST", "/labels", json={"labels": ["a", "b"]})
    chat.call("POST", "/labels", json={"labels": ["c"]})
    chat.call("POST", "/custom_attributes", json={"custom_attributes": {"a": 1}})
    chat.call("POST", "/custom_attributes", json={"custom_attributes": {"b": 2}})

    assert chat.shown()["labels"] == ["c"]
    assert chat.shown()["custom_attributes"] == {"b": 2}


def test_a_persons_reply_or_assignment_leaves_a_pending_conversation_pending(chat: Chat) -> None:
    chat.emulator.agent_writes(84, "I am looking into it.")
    chat.emulator.assign(84)

    assert chat.shown()["status"] == "pending"


def test_from_4_16_the_bot_owns_new_conversations_and_a_person_who_takes_one_opens_it(start: Start) -> None:
    chat = start(version="4.16.0")
    assert chat.shown()["meta"]["assignee_type"] == "AgentBot"
    chat.emulator.assign(84)
    assert chat.shown()["status"] == "open"

    other = start(version="4.16.0")
    other.toggle("open")
    assert "assignee" not in other.shown()["meta"]


def test_a_greeting_is_sent_as_a_template_also_in_bot_inboxes(start: Start) -> None:
    chat = start(empty=True)
    chat.emulator.world.inboxes[11].greeting = "Welcome to Acme!"
    chat.emulator.customer_writes(901, "Hi")
    chat.emulator.customer_writes(901, "Hello?")

    assert [m["message_type"] for m in chat.emulator.messages(84)] == [0, 3, 0]


def test_resolving_sends_the_survey_where_it_is_enabled(chat: Chat) -> None:
    chat.emulator.world.inboxes[11].csat = True
    chat.toggle("resolved")

    assert chat.last("message_created")["content_type"] == "input_csat"


def test_reading_marks_everything_as_seen(chat: Chat) -> None:
    assert chat.shown()["unread_count"] == 1
    chat.emulator.lifecycle.see(chat.emulator.world.conversations[84])

    assert chat.shown()["unread_count"] == 0


def test_unread_is_capped_at_10(chat: Chat) -> None:
    for _ in range(12):
        chat.emulator.customer_writes(901, "Hello?")

    assert chat.shown()["unread_count"] == 10


def test_the_conversation_shows_its_last_message_and_the_last_that_is_no_activity(chat: Chat) -> None:
    chat.emulator.private_note(84, "VIP")
    chat.emulator.assign(84)
    shown = chat.call("GET").json()

    assert shown["messages"][0]["message_type"] == 2
    assert (shown["last_non_activity_message"]["content"], shown["last_non_activity_message"]["private"]) == (
        "VIP",
        True,
    )
    for name in ("can_reply", "status", "labels", "muted", "uuid", "custom_attributes"):
        assert name in shown


def test_the_whatsapp_window_closes_after_24_hours(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    chat.now += 24 * 3600 - 1
    assert chat.emulator.conversation(85)["can_reply"] is True

    chat.now += 2
    assert chat.emulator.conversation(85)["can_reply"] is False
    assert chat.shown()["can_reply"] is True, "the website has no window"
