"""Bodies that are not webhooks are refused with the field's name, and never with another exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metta.errors import MalformedRecord
from metta.integrations.chatwoot.filter import classify
from metta.integrations.chatwoot.payload import parse_webhook
from metta.settings import load

Body = dict[str, Any]
CHATWOOT = load({"CHATWOOT_BASE_URL": "http://c", "CHATWOOT_API_KEY": "k", "CHATWOOT_ACCOUNT_ID": "3"}).chatwoot


def field_of(raw: str | bytes) -> str:
    with pytest.raises(MalformedRecord) as caught:
        parse_webhook(raw)
    return caught.value.field


@pytest.mark.parametrize(
    "raw",
    [
        "",
        b"",
        "not json",
        "[]",
        "null",
        "5",
        '"text"',
        "{",
        b"\xff\xfe",
        b"\x80abc",
        '{"event": "message_created"',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a":' * 100_000,
        "[" * 100_000,
        '{"event": "message_created", "a": ' + "[" * 50_000 + "]" * 50_000 + "}",
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(raw: str | bytes) -> None:
    assert field_of(raw) == "body"


def put(body: Body, path: str, value: object) -> str:
    *parents, last = path.split(".")
    holder: Any = body
    for name in parents:
        holder = holder[int(name)] if name.isdigit() else holder[name]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return json.dumps(body)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("event", ...),
        ("event", None),
        ("event", 5),
        ("event", ""),
        ("id", ...),
        ("id", None),
        ("id", "5001"),
        ("id", True),
        ("id", 5001.0),
        ("id", 0),
        ("id", -1),
        ("id", 2**63),
        ("account", ...),
        ("account", 3),
        ("account.id", ...),
        ("account.id", "3"),
        ("conversation", ...),
        ("conversation", None),
        ("conversation", []),
        ("conversation.id", ...),
        ("conversation.id", True),
        ("conversation.status", ...),
        ("conversation.status", 0),
        ("conversation.can_reply", "yes"),
        ("conversation.meta", []),
        ("conversation.meta.assignee", "Nina"),
        ("conversation.contact_inbox.source_id", 5),
        ("conversation.additional_attributes", []),
        ("message_type", ...),
        ("message_type", 0),
        ("private", "false"),
        ("content", 5),
        ("content", ["x"]),
        ("content_attributes", "x"),
        ("created_at", ...),
        ("created_at", "yesterday"),
        ("created_at", "99999-01-01"),
        ("created_at", 10**30),
        ("created_at", True),
        ("sender", "Lena"),
        ("sender.id", "901"),
        ("sender.blocked", 1),
        ("attachments", {}),
    ],
)
def test_a_wrong_field_is_named(body: Callable[[str], Body], path: str, value: object) -> None:
    assert field_of(put(body("01"), path, value)) == path


def test_a_wrong_attachment_is_named_with_its_place(body: Callable[[str], Body]) -> None:
    assert field_of(put(body("02"), "attachments.0.file_type", 5)) == "attachments.0.file_type"


def test_a_flat_event_names_its_field_without_a_prefix(body: Callable[[str], Body]) -> None:
    assert field_of(put(body("12"), "id", "84")) == "id"
    assert field_of(put(body("12"), "meta.sender", 5)) == "meta.sender"


def test_a_message_without_inbox_or_contact_is_refused(body: Callable[[str], Body]) -> None:
    no_inbox = body("01")
    del no_inbox["inbox"], no_inbox["conversation"]["inbox_id"]
    assert field_of(json.dumps(no_inbox)) == "conversation.inbox_id"

    nobody = body("01") | {"sender": None}
    nobody["conversation"]["meta"]["sender"] = nobody["conversation"]["contact_inbox"] = None
    assert field_of(json.dumps(nobody)) == "sender.id"


def test_a_name_that_occurs_twice_is_refused_wherever_it_is() -> None:
    assert field_of('{"event": "message_created", "event": "message_updated"}') == "event"
    assert field_of('{"event": "x", "a": [0, {"b": {"id": 1, "id": 2}}]}') == "a.1.b.id"
    assert field_of('{"event": "x", "' + "k\\n" * 500 + '": 1, "' + "k\\n" * 500 + '": 2}') == "k?" * 30


def test_errors_show_no_value_of_the_body(body: Callable[[str], Body]) -> None:
    secret = "REDACT-ME-4111111111111111"

    with pytest.raises(MalformedRecord) as caught:
        parse_webhook(json.dumps(body("01") | {"id": secret, "private": secret}))

    assert secret not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("event", "id", "account", "conversation", "message_type", "created_at", "content", "content_attributes"),
        *("sender", "attachments", "inbox", "private", "messages", "meta", "status", "contact_inbox", "assignee_type"),
    ]
)
EVENTS = st.sampled_from(["message_created", "message_updated", "conversation_updated", "conversation_opened", "x"])


def survives(raw: str | bytes) -> None:
    """Parsing gives a payload or a MalformedRecord; any other exception fails the test."""
    try:
        payload = parse_webhook(raw)
    except MalformedRecord:
        return
    decision = classify(payload, CHATWOOT)
    assert (decision.answer is None) != (decision.skip is None)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_is_parsed_or_refused(value: object) -> None:
    survives(json.dumps(value))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(raw: str | bytes) -> None:
    survives(raw)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.lists(st.tuples(st.lists(NAMES, min_size=1, max_size=3), JSON), min_size=1, max_size=3))
def test_any_damage_to_a_real_body_is_parsed_or_refused(event: str, damage: list[tuple[list[str], object]]) -> None:
    whole = {"id": 84, "status": "pending", "inbox_id": 11, "meta": {"sender": {"id": 901}}, "account": {"id": 3}}
    body: Body = {
        "event": event,
        "id": 5001,
        "account": {"id": 3},
        "conversation": dict(whole),
        "message_type": "incoming",
        "created_at": "2026-06-17T10:00:00.387Z",
        "content": "Hi",
        **({} if event.startswith("message") else whole),
    }
    for path, value in damage:
        holder: Any = body
        for name in path[:-1]:
            holder = holder.get(name) if isinstance(holder.get(name), dict) else holder
        holder[path[-1]] = value

    survives(json.dumps(body))
