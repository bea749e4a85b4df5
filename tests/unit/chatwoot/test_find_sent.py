"""After a send with an unknown result: it is found, or surely not there, or that is said not to be known (I2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metta.errors import ChatwootDown, ChatwootRefused
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, OutgoingMessage
from metta_local.chatwoot import Fault

Line = Any
Reply = Callable[..., OutgoingMessage]
KEY = ConversationKey(account_id=3, conversation_id=84)


def find(line: Line, *, last_known_id: int | None = None, **how: Any) -> list[int] | None:
    found = line.run(lambda client: client.find_sent(KEY, "t-1", last_known_id=last_known_id), **how)
    return None if found is None else [message.part for message in found]


def send(line: Line, *messages: OutgoingMessage) -> None:
    async def use(client: ChatwootClient) -> None:
        for message in messages:
            await client.send_message(message)

    line.run(use)


@pytest.mark.parametrize("known", [None, 5001])
def test_a_token_that_may_list_finds_every_part(line: Line, reply: Reply, known: int | None) -> None:
    send(line, reply("one", part=0))
    line.emulator.customer_writes(901, "hurry up")
    send(line, reply("two", part=1), reply("another turn", turn_id="t-2"))

    assert find(line, history="user", last_known_id=known) == [0, 1]


@pytest.mark.parametrize("known", [None, 5001])
def test_a_token_that_may_list_is_sure_when_there_is_none(line: Line, reply: Reply, known: int | None) -> None:
    send(line, reply(turn_id="t-2"))
    line.emulator.agent_writes(84, "Nina here.")

    assert find(line, history="user", last_known_id=known) == []


@pytest.mark.parametrize("known", [None, 5001])
def test_it_is_found_behind_many_newer_messages(line: Line, reply: Reply, known: int | None) -> None:
    send(line, reply("one", part=0))
    for number in range(19):
        line.emulator.customer_writes(901, f"message {number}")
    send(line, reply("two", part=1))
    for number in range(95):
        line.emulator.customer_writes(901, f"message {number}")

    assert find(line, history="user", last_known_id=known) == [0, 1]


def test_a_conversation_too_long_to_read_whole_gives_no_certainty(line: Line) -> None:
    line.emulator.lifecycle.messages_per_minute = 1000
    for number in range(210):
        line.emulator.customer_writes(901, f"message {number}")

    assert find(line, history="user") is None
    assert find(line, history="user", last_known_id=5001) == []


def test_a_bot_finds_its_reply_as_the_last_message(line: Line, reply: Reply) -> None:
    send(line, reply())

    assert find(line) == [0]


def test_a_bot_finds_its_reply_under_an_activity(line: Line, reply: Reply) -> None:
    send(line, reply())
    line.emulator.assign(84)

    assert find(line) == [0]


def test_a_bot_is_sure_when_nothing_is_newer_than_what_was_known(line: Line) -> None:
    assert find(line, last_known_id=5001) == []


def test_a_bot_is_sure_when_only_an_activity_is_newer(line: Line) -> None:
    line.emulator.assign(84)

    assert find(line, last_known_id=5001) == []


def test_a_bot_does_not_know_when_somebody_wrote_meanwhile(line: Line, reply: Reply) -> None:
    send(line, reply())
    line.emulator.customer_writes(901, "hurry up")

    assert find(line, last_known_id=5001) is None


def test_a_bot_does_not_know_without_anything_to_compare_with(line: Line) -> None:
    assert find(line) is None


def test_a_bot_that_may_not_read_conversations_does_not_know(line: Line, reply: Reply) -> None:
    line.emulator.api._bot_may -= {"get_conversation"}
    send(line, reply())

    assert find(line, last_known_id=5001) is None


def test_trouble_while_looking_is_not_taken_for_an_answer(line: Line) -> None:
    line.emulator.faults.add(Fault("get_conversation", status=502))
    with pytest.raises(ChatwootDown):
        find(line, last_known_id=5001)

    line.emulator.faults.add(Fault("list_messages", status=500))
    with pytest.raises(ChatwootDown):
        find(line, history="user")

    line.emulator.world.conversations.clear()
    with pytest.raises(ChatwootRefused):
        find(line)
