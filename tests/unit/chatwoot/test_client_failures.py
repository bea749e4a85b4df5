"""Each way a call can fail becomes the branch of the error tree that does the right thing about it."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from metta.errors import ChatwootDown, ChatwootRefused, SendUnknown
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, OutgoingMessage
from metta.settings import ChatwootSettings
from metta_local.chatwoot import Fault

Line = Any
Reply = Callable[..., OutgoingMessage]
Make = Callable[..., ChatwootSettings]
KEY = ConversationKey(account_id=3, conversation_id=84)


def outcome(line: Line, use: Any, **how: Any) -> ChatwootDown | ChatwootRefused:
    with pytest.raises((ChatwootDown, ChatwootRefused)) as caught:
        line.run(use, **how)
    return caught.value


def sends(reply: Reply) -> Any:
    return lambda client: client.send_message(reply())


def replies(line: Line) -> int:
    return sum(1 for message in line.emulator.messages(84) if message["message_type"] == 1)


@pytest.mark.parametrize("kind", ["reset", "answer"])
@pytest.mark.parametrize("after_effect", [True, False])
def test_a_send_cut_off_or_failed_by_the_server_is_unknown(
    line: Line, server: str, reply: Reply, kind: Any, after_effect: bool
) -> None:
    line.emulator.faults.add(Fault("create_message", kind=kind, after_effect=after_effect))

    error = outcome(line, sends(reply), server=server)

    assert type(error) is SendUnknown
    assert error.after_seconds is not None
    assert error.after_seconds > 15, "a lookup before Chatwoot's own time limit may miss the message"
    assert replies(line) == after_effect


def test_a_send_that_takes_too_long_is_unknown(line: Line, server: str, reply: Reply) -> None:
    line.emulator.faults.add(Fault("create_message", kind="delay", after_effect=True, delay_seconds=3))

    error = outcome(line, sends(reply), server=server, timeout_seconds=0.2)

    assert type(error) is SendUnknown
    assert replies(line) == 1


def test_a_send_that_never_left_may_simply_be_tried_again(line: Line, reply: Reply) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"

    error = outcome(line, sends(reply), server=nobody)

    assert type(error) is ChatwootDown


@pytest.mark.parametrize("fault", [Fault("get_conversation", status=503), Fault("get_conversation", kind="reset")])
def test_reading_fails_for_now(line: Line, server: str, fault: Fault) -> None:
    line.emulator.faults.add(fault)

    error = outcome(line, lambda client: client.get_conversation(KEY), server=server)

    assert type(error) is ChatwootDown


def test_throttling_is_waited_out_and_nothing_was_sent(line: Line, reply: Reply) -> None:
    line.emulator.api.requests_per_minute = 0

    error = outcome(line, sends(reply))

    assert type(error) is ChatwootDown
    assert error.after_seconds is None


def answered(make: Make, use: Any, status: int, content: bytes = b"", **headers: str) -> Any:
    """What a client makes of an answer that no emulator gives."""

    async def session() -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(status, content=content, headers=headers))
        client = ChatwootClient(make(), transport=transport)
        try:
            return await use(client)
        finally:
            await client.aclose()

    try:
        return asyncio.run(session())
    except (ChatwootDown, ChatwootRefused) as error:
        return error


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("99999999999", 900), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("-5", None)],
)
def test_retry_after_is_honoured_within_reason(settings: Make, reply: Reply, value: str, seconds: float | None) -> None:
    error = answered(settings, sends(reply), 429, **{"Retry-After": value})

    assert type(error) is ChatwootDown
    assert error.after_seconds == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Validation failed: Content is too long (maximum is 150000 characters)", ChatwootRefused),
        ("Validation failed: Content attributes Items at least one is required.", ChatwootRefused),
        ("Validation failed: Too many messages", ChatwootDown),
        ("PG::ConnectionBad: connection to server failed", SendUnknown),
        ("Redis::CannotConnectError", SendUnknown),
        ("", SendUnknown),
    ],
)
def test_a_422_on_sending_means_what_its_text_says(
    settings: Make, reply: Reply, text: str, expected: type[Exception]
) -> None:
    error = answered(settings, sends(reply), 422, json.dumps({"error": text}).encode())

    assert isinstance(error, expected)
    assert isinstance(error, SendUnknown) == (expected is SendUnknown)


def test_too_many_messages_in_a_conversation_waits_for_its_minute(line: Line, reply: Reply) -> None:
    line.emulator.lifecycle.messages_per_minute = 1

    error = outcome(line, sends(reply))

    assert type(error) is ChatwootDown
    assert error.after_seconds == 60


def test_a_text_beyond_chatwoots_own_limit_is_refused(line: Line, reply: Reply) -> None:
    note = reply("x" * 150_001, private=True)

    error = outcome(line, lambda client: client.send_message(note))

    assert isinstance(error, ChatwootRefused)
    assert error.status == 422


@pytest.mark.parametrize("token", ["wrong", "bot"])
def test_missing_rights_are_final(line: Line, reply: Reply, token: str) -> None:
    line.emulator.world.account.suspended = True

    error = outcome(line, sends(reply), token=token)

    assert isinstance(error, ChatwootRefused)
    assert error.status == 401


def test_an_unknown_conversation_is_final(line: Line, reply: Reply) -> None:
    error = outcome(line, lambda client: client.send_message(reply(key=KEY.model_copy(update={"conversation_id": 9}))))

    assert isinstance(error, ChatwootRefused)
    assert error.status == 404


@pytest.mark.parametrize("status", [301, 400, 402, 403, 405, 413])
def test_other_refusals_are_final(settings: Make, reply: Reply, status: int) -> None:
    error = answered(settings, sends(reply), status)

    assert isinstance(error, ChatwootRefused)
    assert error.status == status


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"id": null}', b'{"id": true}', b"[" * 100_000])
def test_an_accepted_send_with_an_answer_that_makes_no_sense_is_unknown(
    settings: Make, reply: Reply, content: bytes
) -> None:
    assert type(answered(settings, sends(reply), 200, content)) is SendUnknown


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"inbox_id": 11, "status": "open", "messages": [{}]}']
)
def test_a_page_that_is_no_conversation_is_trouble_not_data(settings: Make, content: bytes) -> None:
    error = answered(settings, lambda client: client.get_conversation(KEY), 200, content)

    assert type(error) is ChatwootDown


def test_neither_tokens_nor_server_texts_reach_errors_and_logs(
    settings: Make, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    leaky = json.dumps({"error": "PG::Error: Failing row contains (lena@example.org, metta-bot-token)"}).encode()

    async def everything(client: ChatwootClient) -> None:
        await client.set_typing(KEY, on=True)
        await client.send_message(reply())

    with caplog.at_level(logging.DEBUG):
        for status in (401, 422, 500):
            error = answered(settings, everything, status, leaky)
            assert "lena" not in str(error)
            assert "metta-bot-token" not in str(error)
    assert "metta-bot-token" not in caplog.text
    assert "lena" not in caplog.text
    assert all("metta-bot-token" not in str(record.__dict__) for record in caplog.records)


def test_connections_are_shared_and_survive_a_change_of_loop(line: Line, server: str, settings: Make) -> None:
    client = ChatwootClient(settings(CHATWOOT_BASE_URL=server))

    async def use() -> None:
        await asyncio.gather(*(client.get_conversation(KEY) for _ in range(5)))
        await client.get_conversation(KEY)
        await client.aclose()

    asyncio.run(use())
    asyncio.run(use())


@pytest.mark.parametrize("body", ["{}", "[]", '{"payload": null}', '{"payload": {}}', '"hello"'])
def test_an_answer_without_a_list_is_not_an_empty_conversation(line: Line, body: str) -> None:
    line.emulator.faults.add(Fault("list_messages", status=200, body=body))

    async def use(client: ChatwootClient) -> None:
        with pytest.raises(ChatwootDown):
            await client.find_sent(KEY, "t-1", last_known_id=1)

    line.run(use, token="user")
