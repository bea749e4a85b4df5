"""Every shape of webhook that Chatwoot sends is understood."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.integrations.chatwoot.incoming import to_incoming
from metta.integrations.chatwoot.payload import ChatwootWebhookPayload, parse_webhook
from metta.messages import IncomingMessage

Body = dict[str, Any]


def parsed(body: Body) -> ChatwootWebhookPayload:
    return parse_webhook(json.dumps(body))


def incoming(body: Body) -> IncomingMessage:
    payload = parsed(body)
    assert payload.message is not None
    return to_incoming(payload, payload.message)


def test_a_widget_message_becomes_an_incoming_message(body: Callable[[str], Body]) -> None:
    message = incoming(body("01"))

    assert str(message.key) == "3:84"
    assert message.message_id == 5001
    assert message.inbox_id == 11
    assert message.text == "Hi, where is my order S00042?"
    assert message.channel == "Channel::WebWidget"
    assert message.created_at == datetime(2026, 6, 17, 10, 0, 0, 387000, UTC)
    assert message.contact.id == 901
    assert message.contact.email == "lena@example.org"
    assert message.contact.phone == "+4915112345678"
    assert message.contact_source_id == "b1f5c2f0-7a0d-4b35-9a53-2b8f3f3c9e10"
    assert message.hmac_verified is False
    assert message.language_hint == "de"
    assert message.attachments == ()


def test_a_file_without_a_caption_has_empty_text_and_a_name_without_its_url(body: Callable[[str], Body]) -> None:
    message = incoming(body("02"))

    assert message.text == ""
    assert [(one.file_type, one.name) for one in message.attachments] == [("image", "photo.jpg")]
    assert "http" not in message.model_dump_json()


def test_no_attachments_key_null_and_empty_list_mean_the_same(body: Callable[[str], Body]) -> None:
    for attachments in (None, []):
        assert incoming(body("01") | {"attachments": attachments}).attachments == ()


def test_audio_brings_its_transcript_and_a_location_its_title(body: Callable[[str], Body]) -> None:
    attachments = [
        {"id": 1, "file_type": "audio", "data_url": "", "transcribed_text": "where is my lamp"},
        {"id": 2, "file_type": "location", "fallback_title": "Berlin", "coordinates_lat": 1.5, "data_url": None},
    ]

    first, second = incoming(body("02") | {"attachments": attachments}).attachments

    assert (first.file_type, first.name, first.transcript) == ("audio", "", "where is my lamp")
    assert (second.file_type, second.name) == ("location", "Berlin")


def test_the_pubsub_token_is_nowhere_in_what_is_kept(body: Callable[[str], Body]) -> None:
    payload = parsed(body("01"))

    assert "REDACT-ME" not in payload.model_dump_json()
    assert "REDACT-ME" not in repr(payload)


def test_of_an_email_only_the_reply_is_read(body: Callable[[str], Body]) -> None:
    mail = body("08")
    mail["content"] = "New text\n\nOn Tuesday Acme wrote:\n> old"
    mail["content_attributes"]["email"]["text_content"]["reply"] = "New text"

    assert incoming(mail).text == "New text"


@pytest.mark.parametrize("parts", [None, {}, {"reply": ""}, {"reply": None}, {"reply": 5}, "x"])
def test_an_email_without_a_reply_part_is_read_whole(body: Callable[[str], Body], parts: object) -> None:
    mail = body("08")
    mail["content_attributes"]["email"]["text_content"] = parts

    assert incoming(mail).text == "Ich bin bis 30.06. nicht im Büro."


def test_a_customer_without_sender_is_found_in_meta_and_then_in_the_contact_inbox(body: Callable[[str], Body]) -> None:
    no_sender = body("01") | {"sender": None}
    assert incoming(no_sender).contact.email == "lena@example.org"

    no_sender["conversation"]["meta"]["sender"] = None
    assert incoming(no_sender).contact.id == 901
    assert incoming(no_sender).contact.email is None


def test_a_sender_who_is_not_the_contact_is_not_taken_for_the_customer(body: Callable[[str], Body]) -> None:
    by_user = body("01") | {"sender": {"id": 21, "name": "Nina Kraus", "email": "nina@acme.example", "type": "user"}}

    assert incoming(by_user).contact.id == 901


def test_keys_of_later_versions_are_ignored(body: Callable[[str], Body]) -> None:
    later = body("01") | {"uuid": "x", "status": {"new": [1]}}
    later["conversation"]["ai_assignee"] = {"id": "not-a-number"}
    later["sender"]["company_id"] = "none"

    assert incoming(later).message_id == 5001


def test_nul_and_lone_surrogates_are_taken_out_of_every_text(body: Callable[[str], Body]) -> None:
    dirty = body("02") | {"content": "a\x00b\ud800c 😀"}
    dirty["sender"]["name"] = "Le\udfffna\x00"
    dirty["attachments"][0]["fallback_title"] = "x\ud83dy\x00"

    message = incoming(dirty)

    assert message.text == "abc 😀"
    assert message.contact.name == "Lena"
    assert message.attachments[0].name == "xy"
    message.model_dump_json().encode()


def test_flat_conversation_events_have_the_key(body: Callable[[str], Body]) -> None:
    for name in ("12", "13"):
        payload = parsed(body(name))
        assert str(payload.key) == "3:84"
        assert payload.message is None
        assert payload.inbox_id == 11


def test_a_flat_event_before_4_14_2_finds_its_account_in_the_last_message(body: Callable[[str], Body]) -> None:
    old = body("12")
    del old["account"]
    assert parsed(old).account_id == 3

    old["messages"] = []
    assert parsed(old).key is None


@pytest.mark.parametrize(
    "event",
    [
        {"event": "conversation_typing_on", "user": {"id": 21}, "conversation": {"id": 84}, "is_private": False},
        {"event": "contact_updated", "id": "anything", "changed_attributes": 5},
        {"event": "inbox_created", "id": 11, "channel": {"secret": "x"}},
        {"event": "automation_event.conversation_created", "id": 84, "status": "open"},
        {"event": "macro.executed"},
        {"event": "call_started", "id": None, "conversation": "later"},
    ],
)
def test_events_that_are_not_about_messages_pass(event: Body) -> None:
    assert parsed(event).event == event["event"]


def test_a_mebibyte_and_the_longest_message_are_read_quickly(body: Callable[[str], Body]) -> None:
    long = body("01") | {"content": "ä" * 150_000, "padding": [{"x": 1.5}] * 100_000}
    raw = json.dumps(long).encode()
    assert len(raw) > 2**20

    started = time.process_time()
    payload = parse_webhook(raw)

    assert time.process_time() - started < 1
    assert payload.message is not None
    assert len(payload.message.content or "") == 150_000
