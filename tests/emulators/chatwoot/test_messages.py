"""Contract 3.2 and 3.4: creating and listing messages."""

from __future__ import annotations

from typing import Any

import pytest

Chat = Any


def ids(answer: Any) -> list[int]:
    return [message["id"] for message in answer.json()["payload"]]


def test_a_created_message_is_answered_with_numbers_for_type_and_time(chat: Chat) -> None:
    answer = chat.reply(echo_id="e-1", content_attributes={"metta_turn_id": "t-1", "free": [1]}).json()

    assert answer["message_type"] == 1
    assert answer["created_at"] == int(chat.now)
    assert (answer["echo_id"], answer["status"], answer["source_id"]) == ("e-1", "sent", None)
    assert answer["conversation_id"] == 84
    assert answer["content_attributes"] == {"metta_turn_id": "t-1", "free": [1]}
    assert answer["sender"]["type"] == "agent_bot"
    assert "attachments" not in answer


def test_free_attributes_are_stored_and_shown_in_webhook_and_list_but_the_echo_id_is_not(chat: Chat) -> None:
    chat.reply(echo_id="e-1", content_attributes={"metta_turn_id": "t-1"})

    listed = chat.call("GET", "/messages", token="user").json()["payload"][-1]
    assert listed["content_attributes"] == {"metta_turn_id": "t-1"}
    assert "echo_id" not in listed
    assert chat.last("message_created")["content_attributes"] == {"metta_turn_id": "t-1"}


def test_creating_is_not_idempotent(chat: Chat) -> None:
    chat.reply(echo_id="same")
    chat.reply(echo_id="same")

    assert chat.emulator.customer_sees(84) == ["It was shipped."] * 2


def test_attributes_may_come_as_text(chat: Chat) -> None:
    assert chat.reply(content_attributes='{"a": 1}').json()["content_attributes"] == {"a": 1}


def test_a_user_token_posts_as_a_person_and_counts_as_first_reply(chat: Chat) -> None:
    assert chat.reply(token="user").json()["sender"]["type"] == "user"
    assert chat.shown()["first_reply_created_at"]
    assert chat.shown()["waiting_since"] == 0


def test_a_bots_reply_does_not_count_as_first_reply(chat: Chat) -> None:
    chat.reply()

    assert not chat.shown()["first_reply_created_at"]
    assert chat.shown()["waiting_since"]


def test_a_user_token_can_post_as_the_bot(chat: Chat) -> None:
    answer = chat.reply(token="user", sender_type="AgentBot", sender_id=5).json()

    assert (answer["sender"]["type"], answer["sender"]["id"]) == ("agent_bot", 5)


def test_a_source_id_keeps_a_message_from_the_customer(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    chat.call("POST", "/messages", conversation_id=85, json={"content": "marked", "source_id": "mine"})
    chat.call("POST", "/messages", conversation_id=85, json={"content": "plain"})

    assert chat.emulator.customer_sees(85) == ["plain"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"message_type": "incoming"}, "Incoming messages are only allowed in Api inboxes"),
        ({"message_type": "activity"}, "'activity' is not a valid message_type"),
        ({"content": "x" * 150_001}, "Validation failed: Content is too long (maximum is 150000 characters)"),
        ({"content_type": "input_select"}, "Validation failed: Content attributes Items at least one is required."),
    ],
)
def test_a_message_that_cannot_be_created_is_422_with_an_error_text(chat: Chat, fields: Any, error: str) -> None:
    answer = chat.call("POST", "/messages", json={"content": "Hi", **fields})

    assert (answer.status_code, answer.json()) == (422, {"error": error})


def test_the_longest_message_is_accepted(chat: Chat) -> None:
    assert chat.reply("x" * 150_000).status_code == 200


def test_200_messages_a_minute_and_conversation(chat: Chat) -> None:
    for _ in range(199):
        assert chat.emulator.private_note(84, "note")
    answer = chat.reply()
    assert (answer.status_code, answer.json()) == (422, {"error": "Validation failed: Too many messages"})

    chat.now += 61
    assert chat.reply().status_code == 200


def test_the_list_is_the_last_20_oldest_first(chat: Chat) -> None:
    for number in range(30):
        chat.emulator.customer_writes(901, str(number))

    assert ids(chat.call("GET", "/messages", token="user")) == list(range(5012, 5032))


def test_before_gives_20_older_after_100_newer_and_both_what_is_between(chat: Chat) -> None:
    for number in range(130):
        chat.emulator.customer_writes(901, str(number))

    def page(**params: int) -> list[int]:
        return ids(chat.call("GET", "/messages", token="user", params=params))

    assert page(before=5025) == list(range(5005, 5025))
    assert page(after=5001) == list(range(5002, 5102))
    assert page(after=5003, before=5008) == [5003, 5004, 5005, 5006, 5007]


def test_internal_messages_can_be_left_out(chat: Chat) -> None:
    chat.emulator.private_note(84, "VIP")
    chat.emulator.set_status(84, "open")
    everything = chat.call("GET", "/messages", token="user").json()
    public = chat.call("GET", "/messages", token="user", params={"filter_internal_messages": "true"}).json()

    assert [message["message_type"] for message in everything["payload"]] == [0, 1, 2]
    assert [message["message_type"] for message in public["payload"]] == [0]


def test_a_list_looks_as_the_sample_does(chat: Chat, sample: Any) -> None:
    chat.emulator.set_status(84, "resolved")
    listed = chat.call("GET", "/messages", token="user").json()

    wanted = sample("05b")
    assert listed.keys() == wanted.keys()
    assert listed["meta"].keys() == wanted["meta"].keys()
    assert [set(message) for message in listed["payload"]] == [set(message) for message in wanted["payload"]]


def test_a_deleted_message_loses_text_and_attributes(chat: Chat) -> None:
    identity = chat.reply(content_attributes={"metta_turn_id": "t-1"}).json()["id"]
    chat.call("DELETE", f"/messages/{identity}", token="user")

    updated = chat.last("message_updated")
    assert updated["content"] == "This message was deleted"
    assert updated["content_attributes"] == {"deleted": True}


def test_liquid_in_a_reply_is_rendered_before_it_is_saved(chat: Chat) -> None:
    answer = chat.reply("Hi {{contact.first_name}}, is {{contact.email}} yours? {{unknown}}").json()

    assert answer["content"] == "Hi Lena, is lena@example.org yours? "
    assert chat.last("message_created")["content"] == answer["content"]


def test_liquid_in_a_customers_message_is_not_rendered(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "{{contact.email}}")

    assert chat.emulator.messages(84)[-1]["content"] == "{{contact.email}}"


def test_a_message_that_whatsapp_refuses_is_accepted_first_and_updated_then(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    chat.now += 24 * 3600 + 1

    answer = chat.call("POST", "/messages", conversation_id=85, json={"content": "late"})

    assert (answer.status_code, answer.json()["status"]) == (200, "sent")
    updated = chat.last("message_updated")
    assert updated["content_attributes"]["external_error"] == "Template not found or invalid template name"
    assert updated["conversation"]["messages"][0]["status"] == "failed"
    assert chat.emulator.customer_sees(85) == []


def test_a_whatsapp_reply_is_followed_by_updates_that_do_not_say_what_changed(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    chat.call("POST", "/messages", conversation_id=85, json={"content": "in time"})

    chat.settle()
    updates = [body for body in chat.arrived.bodies if body["event"] == "message_updated"]
    assert len(updates) == 2
    assert all("changed_attributes" not in body and "status" not in body for body in updates)
    assert updates[-1]["source_id"].startswith("wamid.")


def test_a_text_too_long_for_whatsapp_fails_in_the_channel(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    assert chat.call("POST", "/messages", conversation_id=85, json={"content": "x" * 4097}).status_code == 200

    assert chat.last("message_updated")["content_attributes"]["external_error"]
