"""Contract 1.2 to 1.7: the emulator's webhook bodies have exactly the keys and types of the samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metta.integrations.chatwoot.payload import parse_webhook

Chat = Any
Start = Callable[..., Chat]
Sample = Callable[[str], Any]
FREE = ("additional_attributes", "custom_attributes", "browser")
"""Objects whose keys are data."""


def shape(value: Any, at: str = "") -> Any:
    """Keys and JSON types; null fits anything that may be null, so it is kept as its own type."""
    if isinstance(value, dict):
        return {key: "object" if key in FREE else shape(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        missing = [f"{path}.{key}" for key in ours.keys() ^ theirs.keys()]
        return missing + [
            d for key in ours.keys() & theirs.keys() for d in differences(ours[key], theirs[key], f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        return [d for a, b in zip(ours, theirs, strict=False) for d in differences(a, b, f"{path}[]")]
    return [] if "NoneType" in (ours, theirs) or ours == theirs else [f"{path}: {ours} is not {theirs}"]


def assert_like(body: Any, sample: Any) -> None:
    assert differences(shape(body), shape(sample)) == []
    assert list(body) == list(sample), "in the same order"


def widget(chat: Chat) -> Any:
    return chat.last("message_created")


def test_a_widget_message(chat: Chat, sample: Sample) -> None:
    assert_like(widget(chat), sample("01"))


def test_a_file_without_a_caption(chat: Chat, sample: Sample) -> None:
    chat.emulator.customer_writes(901, None, attachments=[{"file_type": "image", "name": "photo.jpg"}])

    assert_like(widget(chat), sample("02"))
    assert widget(chat)["content"] is None


def test_an_agents_reply(chat: Chat, sample: Sample) -> None:
    chat.emulator.agent_writes(84, "Hello Lena, I am looking into it.")

    assert_like(widget(chat), sample("03"))


def test_a_private_note_comes_with_the_last_public_message(chat: Chat, sample: Sample) -> None:
    chat.emulator.assign(84)
    chat.emulator.agent_writes(84, "Hello")
    chat.emulator.private_note(84, "VIP")

    body = widget(chat)
    assert_like(body, sample("04"))
    assert body["conversation"]["messages"][0]["content"] == "Hello"
    assert body["conversation"]["messages"][0]["id"] != body["id"]


def test_the_bots_own_reply(chat: Chat, sample: Sample) -> None:
    chat.reply(content_attributes={"metta_turn_id": "t-5001"})

    assert_like(widget(chat), sample("06"))


def test_a_message_to_an_assigned_bot(start: Start, sample: Sample) -> None:
    assert_like(widget(start(version="4.16.0")), sample("06b"))


def test_a_whatsapp_message_and_an_answer_from_the_phone(chat: Chat, sample: Sample) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    assert_like(widget(chat), sample("07"))

    chat.emulator.echo_from_phone(85, "Ja")
    echo = widget(chat)
    assert echo["sender"] is None
    assert echo["content_attributes"] == {"external_echo": True}
    assert_like(echo, sample("07b"))


def test_an_automatic_mail(chat: Chat, sample: Sample) -> None:
    chat.emulator.customer_writes(901, "Abwesend", inbox_id=13, auto_reply=True)

    assert_like(widget(chat), sample("08"))


def test_a_greeting(start: Start, sample: Sample) -> None:
    chat = start(empty=True)
    chat.emulator.world.inboxes[11].greeting = "Welcome to Acme!"
    chat.emulator.customer_writes(901, "Hi", language="de")

    assert_like(widget(chat), sample("10"))


def test_a_failed_delivery(chat: Chat, sample: Sample) -> None:
    chat.emulator.customer_writes(901, "Hallo", inbox_id=12)
    chat.now += 25 * 3600
    chat.call("POST", "/messages", conversation_id=85, json={"content": "Hello again"})

    assert_like(chat.last("message_updated"), sample("11"))


def test_a_changed_status_has_no_list_of_changes(chat: Chat, sample: Sample) -> None:
    chat.emulator.assign(84)
    chat.reply(content_attributes={"metta_turn_id": "t-5001"})
    chat.emulator.set_status(84, "open")

    body = chat.last("conversation_status_changed")
    assert_like(body, sample("12"))
    assert body["changed_attributes"] is None


def test_an_assignment_lists_what_changed(chat: Chat, sample: Sample) -> None:
    chat.reply(content_attributes={"metta_turn_id": "t-5001"})
    chat.emulator.assign(84)

    body = chat.last("conversation_updated")
    assert_like(body, sample("13"))
    assert body["changed_attributes"][0] == {"assignee_id": {"previous_value": None, "current_value": 21}}


def test_an_opened_widget(start: Start, sample: Sample) -> None:
    chat = start(empty=True)
    chat.emulator.opens_widget(901)

    assert_like(chat.last("webwidget_triggered"), sample("14"))


def test_typing_and_contacts(start: Start) -> None:
    chat = start(path="account")
    chat.call("POST", "/toggle_typing_status", json={"typing_status": "on"})
    chat.emulator.add_contact("New", email="new@example.org")

    assert list(chat.last("conversation_typing_on")) == ["event", "user", "conversation", "is_private"]
    assert chat.last("contact_created")["email"] == "new@example.org"


def test_before_4_14_2_the_conversation_does_not_name_its_account(start: Start) -> None:
    assert "account" not in widget(start(version="4.14.1"))["conversation"]


@pytest.mark.parametrize(
    "attachment",
    [
        {"file_type": "audio", "name": "voice.ogg", "transcribed_text": "where is it"},
        {"file_type": "file", "name": "invoice.pdf"},
        {"file_type": "location", "name": "Berlin", "coordinates_lat": 52.5, "coordinates_long": 13.4},
    ],
)
def test_every_body_is_one_that_metta_reads(chat: Chat, attachment: Any) -> None:
    chat.emulator.customer_writes(901, "see", attachments=[attachment])
    chat.emulator.agent_writes(84, "Hello")
    chat.emulator.assign(84)
    chat.emulator.set_status(84, "resolved")
    chat.settle()

    assert all(parse_webhook(body).event for _, body, _ in chat.arrived.requests)
