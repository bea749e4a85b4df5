"""Where a webhook belongs is found at little cost, whatever else its body holds."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from metta.receiving.envelope import MAX_BODY_BYTES, wrap
from metta.receiving.routing import Routing, UnreadableError, routing

IDS = {"id": 5, "account": {"id": 3}, "conversation": {"id": 4}}


def body(**fields: Any) -> bytes:
    return json.dumps({"event": "message_created", **IDS, **fields}).encode()


def filled(part: str) -> bytes:
    """The largest body whose attributes are ``part`` again and again."""
    head = body()[:-1] + b', "custom_attributes": ['
    times = (MAX_BODY_BYTES - len(head) - 2) // (len(part) + 1)
    return head + ",".join([part] * times).encode() + b"]}"


def peak_of_refusing(raw: bytes) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError):
            routing(raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_list_is_refused_without_building_it() -> None:
    assert peak_of_refusing(b"  [" + b"[]," * 340_000 + b"[]]") < 2 * MAX_BODY_BYTES


@pytest.mark.parametrize("part", ["[]", "{}", "1.5", '"a"', '{"a":1}', "[" * 190 + "]" * 190])
def test_what_is_not_asked_for_never_becomes_an_object(part: str) -> None:
    """A receiver that built it all would spend a quarter of a second of CPU, and many times the body's memory."""
    raw = filled(part)
    tracemalloc.start()
    try:
        found = routing(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == Routing("message_created", 5, 3, 4)
    assert peak < 100_000


def test_brackets_without_an_end_are_refused_before_they_are_all_read() -> None:
    for nested in (b'{"a":' + b"[" * 1_000_000, filled("[" * 900 + "]" * 900)):
        with pytest.raises(UnreadableError, match="recursion"):
            routing(nested)


@pytest.mark.parametrize("number", [10**30, -(10**200), 1.5, 5.0, True, "5", None, [5], {"id": 5}])
def test_an_id_that_no_conversation_has_is_unknown(number: object) -> None:
    envelope = wrap(body(id=number, account={"id": number}, conversation={"id": number}))

    assert envelope.group == "unknown:unknown"
    assert envelope.deduplication.startswith("unknown:message_created:unknown:")


@pytest.mark.parametrize(
    ("fields", "conversation"),
    [
        ({"event": "conversation_updated", "id": 84, "account": {"id": 3}}, 84),
        ({"event": "conversation_updated", "id": 84, "conversation": None}, None),
        ({"event": "message_created", "id": 5}, None),
        ({"event": "message_created", "id": 5, "conversation": {"id": 84}}, 84),
        ({"event": "webwidget_triggered", "id": 5, "current_conversation": {"id": 84}}, 84),
        ({"event": "webwidget_triggered", "id": 5, "current_conversation": None}, None),
        ({"event": "message_created", "conversation": [84]}, None),
    ],
)
def test_the_conversation_is_where_the_event_has_it(fields: dict[str, Any], conversation: int | None) -> None:
    assert routing(json.dumps(fields).encode()).conversation == conversation


def test_the_account_is_the_conversations_where_the_event_has_none() -> None:
    inner = {"id": 84, "account": {"id": 3}}
    assert routing(json.dumps({"event": "message_created", "conversation": inner}).encode()).account == 3
    assert routing(json.dumps({"event": "conversation_updated", **inner}).encode()).account == 3


@pytest.mark.parametrize("half", [r"\ud800", r"\uDFFF", r"a\uD83Db", r"\\ud800"])
def test_half_a_character_pair_costs_no_message(half: str) -> None:
    raw = body(content="X").replace(b'"X"', f'"{half}"'.encode())

    assert json.loads(raw)
    assert routing(raw) == Routing("message_created", 5, 3, 4)
    assert wrap(raw).body.encode() == raw
