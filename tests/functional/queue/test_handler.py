"""The handler on whole batches: every body Chatwoot sends, every bad input, conversations side by side."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from office import Office

from metta.errors import ChatwootDown, ModelDown
from tests_support import PAYLOADS, payload, record

EXPECTED: dict[str, str] = {
    "01_incoming_text_webwidget.json": "answered",
    "02_incoming_attachment_null_content.json": "answered: attachment_only",
    "03_outgoing_by_agent_still_pending.json": "outgoing",
    "04_private_note.json": "private",
    "05_activity_SYNTHETIC_not_emitted.json": "activity",
    "06_agent_bot_own_reply.json": "own_message",
    "06b_agent_bot_delivery_bot_assigned.json": "answered",
    "07_incoming_whatsapp.json": "answered",
    "07b_outgoing_whatsapp_native_app_echo.json": "outgoing",
    "08_incoming_email_auto_reply.json": "auto_reply",
    "09_message_updated_csat.json": "csat",
    "10_template_greeting.json": "template",
    "11_message_updated_delivery_failed.json": "other_event",
    "12_conversation_status_changed.json": "other_event",
    "13_conversation_updated_assignee.json": "other_event",
    "14_webwidget_triggered.json": "other_event",
    "15_outgoing_by_captain_assistant.json": "other_bot",
}
TAKEOVERS = {
    "03_outgoing_by_agent_still_pending.json",
    "07b_outgoing_whatsapp_native_app_echo.json",
    "12_conversation_status_changed.json",
    "13_conversation_updated_assignee.json",
}


def with_thread(office: Office, body: dict[str, Any]) -> dict[str, Any]:
    """The record of a message event, its message being in the conversation's thread as it would be."""
    conversation = body.get("conversation", {})
    if body.get("message_type") == "incoming" and conversation:
        office.chatwoot[conversation["id"]].add(body["content"] or "", id=body["id"])
    return record(body, n=body.get("id", 1))


def taken_over(office: Office, conversation: int) -> bool:
    item = office.client.get_item(TableName="state-table", Key={"id": {"S": f"turn#3:{conversation}"}}).get("Item", {})
    return "takeover" in item


def test_every_payload_has_an_expected_outcome() -> None:
    others = {"05b_api_list_messages_response.json", "16_wire_body.raw", "16_wire_headers.json"}
    assert {path.name for path in PAYLOADS.iterdir()} == set(EXPECTED) | others


@pytest.mark.parametrize("name", EXPECTED)
def test_each_body_chatwoot_sends_has_its_outcome(office: Office, name: str) -> None:
    body = payload(name)
    assert office.handle(with_thread(office, body)) == []
    if EXPECTED[name].startswith("answered"):
        (turn,) = office.ended
        assert f"{turn.outcome}: {turn.reason}".rstrip(": ") == EXPECTED[name]
        assert len(office.chatwoot[body["conversation"]["id"]].replies) == 1
    else:
        assert office.ended == []
        assert any(line.get("reason") == EXPECTED[name] for line in office.lines)
    conversation = body.get("conversation", body).get("id", 0)
    assert taken_over(office, conversation) is (name in TAKEOVERS)


def test_the_signed_wire_body_is_answered(make_office: Callable[..., Office]) -> None:
    vector = json.loads((PAYLOADS / "16_wire_headers.json").read_text())
    office = make_office(CHATWOOT_WEBHOOK_SECRET=vector["secret"])
    raw = (PAYLOADS / "16_wire_body.raw").read_bytes().decode()
    headers = {name: {"stringValue": value, "dataType": "String"} for name, value in vector["headers"].items()}
    assert office.handle(record(raw, messageAttributes=headers)) == []
    assert len(office.ended) == 1


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


BAD_BODIES = {
    "not json": "hello",
    "not an object": "[1, 2]",
    "a number": "7",
    "null": "null",
    "wrong types": json.dumps(payload("01_incoming_text_webwidget.json", id="abc")),
    "conversation is text": json.dumps(payload("01_incoming_text_webwidget.json", conversation="84")),
    "a boolean id": json.dumps(payload("01_incoming_text_webwidget.json", id=True)),
    "no event": json.dumps({k: v for k, v in payload("01_incoming_text_webwidget.json").items() if k != "event"}),
    "NaN": '{"event": NaN}',
    "deep nesting": deep(100_000),
    "1 MiB of nothing": "x" * 1_048_576,
}


@pytest.mark.parametrize("kind", BAD_BODIES)
def test_a_bad_body_reaches_the_dead_letter_queue_unchanged_and_the_batch_goes_on(office: Office, kind: str) -> None:
    good = with_thread(office, payload("01_incoming_text_webwidget.json"))
    bad = record(BAD_BODIES[kind], n=666)
    assert office.handle(bad, good) == []
    (letter,) = office.sqs.sent
    assert letter["MessageBody"] == BAD_BODIES[kind]
    field = letter["MessageAttributes"]["metta_reason"]["StringValue"].split(":")[0]
    (line,) = [line for line in office.lines if line["level"] == "ERROR"]
    assert line["message_id"] == "m-666"
    assert field in line["message"]
    assert len(office.ended) == 1


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("hello \x00\x07\x1b there", "answered"),
        ("hello \ud800 there", "answered"),
        ("where is it? " * 11_538, "answered"),
        ("<script>alert(1)</script> '; DROP TABLE turns; --", "answered"),
    ],
)
def test_strange_texts_are_answered_or_skipped_with_a_reason(office: Office, content: str, outcome: str) -> None:
    body = payload("01_incoming_text_webwidget.json", content=content)
    body["conversation"]["messages"] = []
    assert office.handle(record(json.dumps(body))) == []
    if outcome == "empty":
        assert office.audit.skips == [(5001, "empty")]
    else:
        assert [str(turn.outcome) for turn in office.ended] == [outcome]
        office.ended[0].model_dump_json().encode("utf-8")


def test_a_record_without_attributes_is_answered(office: Office) -> None:
    raw = with_thread(office, payload("01_incoming_text_webwidget.json"))
    del raw["attributes"], raw["messageAttributes"]
    assert office.handle(raw) == []
    assert len(office.ended) == 1


def a_message(office: Office, conversation: int, message: int, text: str = "Where is it?", **kwargs: Any) -> Any:
    office.chatwoot[conversation].add(text, id=message)
    body = payload("01_incoming_text_webwidget.json", id=message, content=text, conversation__id=conversation)
    return record(body, n=message, **kwargs)


def test_a_failing_conversation_comes_back_whole_and_no_other_notices(office: Office) -> None:
    original = office.agent.run

    async def run(messages: Any, context: Any, work: Any, *, seconds: float) -> Any:
        if context.key.conversation_id == 2:
            raise ModelDown("429", after_seconds=7)
        return await original(messages, context, work, seconds=seconds)

    office.agent.run = run  # type: ignore[method-assign]
    failed = office.handle(
        a_message(office, 1, 101), a_message(office, 2, 201), a_message(office, 3, 301), a_message(office, 2, 202)
    )
    assert failed == ["m-201", "m-202"]
    assert office.sqs.visibility == {"r-201": 7, "r-202": 7}
    assert [len(office.chatwoot[n].replies) for n in (1, 2, 3)] == [1, 0, 1]
    (line,) = [line for line in office.lines if line["level"] == "WARNING"]
    assert (line["conversation"], line["error"]) == ("3:2", "ModelDown")


def test_an_unexpected_error_in_one_conversation_fails_that_one_only(office: Office) -> None:
    office.chatwoot[2].on_get.append(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert office.handle(a_message(office, 1, 101), a_message(office, 2, 201)) == ["m-201"]
    assert office.handle(a_message(office, 2, 201)) == []


def test_an_unexpected_error_is_logged_with_its_place_and_without_what_it_quotes(office: Office) -> None:
    def quote() -> None:
        raise ValueError("input_value='my card is secret', lena@example.org")

    office.chatwoot[1].on_get.append(quote)
    assert office.handle(a_message(office, 1, 101)) == ["m-101"]
    (line,) = [line for line in office.lines if line["level"] == "ERROR"]
    assert line["error"] == "ValueError"
    assert line["frames"][-1].endswith(" quote")
    assert "secret" not in office.log.getvalue()
    assert "lena" not in office.log.getvalue()


def test_a_clock_behind_the_queues_does_not_stretch_the_quiet_window(office: Office) -> None:
    assert office.handle(a_message(office, 1, 101, sent=time.time() + 60)) == ["m-101"]
    assert office.sqs.visibility["r-101"] <= 3


def test_conversations_of_a_batch_run_at_the_same_time(office: Office) -> None:
    running: set[int] = set()
    most = 0
    original = office.agent.run

    async def run(messages: Any, context: Any, work: Any, *, seconds: float) -> Any:
        nonlocal most
        running.add(context.key.conversation_id)
        for _ in range(500):
            most = max(most, len(running))
            if most == 10:
                break
            await asyncio.sleep(0.01)
        return await original(messages, context, work, seconds=seconds)

    office.agent.run = run  # type: ignore[method-assign]
    assert office.handle(*(a_message(office, n, 100 + n) for n in range(1, 11))) == []
    assert most == 10


def test_a_settled_message_is_known_by_its_own_id_after_a_redrive(office: Office) -> None:
    office.handle(a_message(office, 1, 101))
    again = a_message(office, 1, 101) | {"messageId": "other", "receiptHandle": "other"}
    assert office.handle(again) == []
    assert len(office.chatwoot[1].replies) == 1
    stored = json.dumps(office.client.scan(TableName="state-table"), default=str)
    assert "Where is it" not in stored
    assert "lena@example.org" not in stored


def test_the_first_message_of_a_burst_waits_for_its_followers_without_a_try(office: Office) -> None:
    now = time.time()
    one = a_message(office, 1, 101, "Hello", sent=now - 1)
    assert office.handle(one) == ["m-101"]
    assert office.sqs.visibility["r-101"] in (2, 3)
    assert office.agent.runs == []
    one = a_message(office, 1, 101, "Hello", sent=now - 5, receives=2)
    two = a_message(office, 1, 102, "where is my parcel?", sent=now - 4)
    assert office.handle(one, two) == []
    assert len(office.chatwoot[1].replies) == 1
    assert office.ended[0].attempt == 1


def test_a_customer_who_keeps_writing_does_not_wait_for_ever(office: Office) -> None:
    now = time.time()
    old, new = a_message(office, 1, 101, sent=now - 25), a_message(office, 1, 102, sent=now)
    assert office.handle(old, new) == []


def test_what_cannot_be_started_in_time_goes_straight_back_uncounted(office: Office) -> None:
    assert office.handle(a_message(office, 1, 101), seconds=12) == ["m-101"]
    assert office.sqs.visibility == {"r-101": 1}
    office.handle(a_message(office, 1, 101))
    assert office.ended[0].attempt == 1


def test_records_of_a_crashed_function_come_back_long_before_the_queues_own_time(
    make_office: Callable[..., Office],
) -> None:
    office = make_office(SQS_VISIBILITY_TIMEOUT="360")
    office.handle(a_message(office, 1, 101), {"messageId": "m-1", "receiptHandle": "r-1", "body": "not JSON"})
    assert office.sqs.visibility == {"r-101": 70, "r-1": 70}, "a minute for the function, ten seconds to delete them"


def test_a_worker_that_extends_the_visibility_itself_is_left_alone(office: Office) -> None:
    office.handle(a_message(office, 1, 101))
    assert office.sqs.visibility == {}


def test_log_lines_carry_their_own_conversation_and_no_customer_text(office: Office) -> None:
    records = [a_message(office, n, 100 + n, f"Secret words {n} lena@example.org") for n in range(1, 6)]
    office.handle(*records)
    ended = [line for line in office.lines if line["message"].startswith("turn ended")]
    assert {line["conversation"] for line in ended} == {f"3:{n}" for n in range(1, 6)}
    by_turn = {turn.id: str(turn.key) for turn in office.ended}
    assert all(by_turn[line["turn"]] == line["conversation"] for line in ended)
    assert all(line["function_request_id"] == "request-1" for line in office.lines)
    written = office.log.getvalue()
    assert "Secret words" not in written
    assert "example.org" not in written


def test_a_group_that_fails_twice_is_answered_once_when_chatwoot_is_back(office: Office) -> None:
    office.steps.fail("get", ChatwootDown("502"))
    office.steps.fail("get", ChatwootDown("502"))
    raw = a_message(office, 1, 101)
    assert [office.handle(raw) for _ in range(3)] == [["m-101"], ["m-101"], []]
    assert len(office.chatwoot[1].replies) == 1


def test_a_body_of_nearly_a_mebibyte_is_answered(office: Office) -> None:
    body = payload("01_incoming_text_webwidget.json")
    body["content_attributes"]["padding"] = "y" * 1_000_000
    assert office.handle(with_thread(office, body)) == []
    assert len(office.ended) == 1
