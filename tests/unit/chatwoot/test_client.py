"""The client against the emulated Chatwoot: what it reads, sends and finds, and what a bot's token cannot do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metta.errors import ChatwootRefused
from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, OutgoingKind, OutgoingMessage
from metta.ports import Chatwoot

Line = Any
Reply = Callable[..., OutgoingMessage]
KEY = ConversationKey(account_id=3, conversation_id=84)


def test_the_client_is_what_a_turn_asks_for(line: Line) -> None:
    async def use(client: ChatwootClient) -> None:
        port: Chatwoot = client
        assert port.may_list

    line.run(use)


def test_a_conversation_is_read_as_it_is_now(line: Line) -> None:
    line.emulator.assign(84)
    line.emulator.private_note(84, "VIP")
    line.emulator.set_status(84, "open")

    view = line.run(lambda client: client.get_conversation(KEY))

    assert (view.inbox_id, view.status, view.can_reply, view.channel) == (11, "open", True, "Channel::WebWidget")
    assert (view.assignee_type, view.assignee_id, view.human_assigned) == ("User", 21, True)
    assert view.contact.email == "lena@example.org"
    assert view.contact_source_id
    assert view.language_hint == "de"
    assert view.last_message.message_type == "activity"
    assert (view.last_public_message.text, view.last_public_message.private) == ("VIP", True)


def test_whatsapp_shows_the_phone_and_a_closed_window(line: Line) -> None:
    now = [1_781_690_400.0]
    line.emulator.lifecycle._now = lambda: now[0]
    line.emulator.shapes._now = lambda: now[0]
    line.emulator.customer_writes(901, "Hallo", inbox_id=12)
    key = ConversationKey(account_id=3, conversation_id=85)
    assert line.run(lambda client: client.get_conversation(key)).can_reply

    now[0] += 24 * 3600 + 1
    view = line.run(lambda client: client.get_conversation(key))

    assert not view.can_reply
    assert view.contact_source_id == "4915112345678"


def test_messages_come_oldest_first_with_who_wrote_them(line: Line, reply: Reply) -> None:
    line.run(lambda client: client.send_message(reply()))
    line.emulator.agent_writes(84, "Nina here.")
    line.emulator.private_note(84, "VIP")
    line.emulator.echo_from_phone(84, "From my phone")
    line.emulator.set_status(84, "resolved")

    messages = line.run(lambda client: client.list_messages(KEY), history="user")

    assert [(one.message_type, one.sender_type, one.private) for one in messages] == [
        ("incoming", "contact", False),
        ("outgoing", "agent_bot", False),
        ("outgoing", "user", False),
        ("outgoing", "user", True),
        ("outgoing", None, False),
        ("activity", None, False),
    ]
    assert [one.turn_id for one in messages] == [None, "t-1", None, None, None, None]
    assert messages[4].external_echo
    assert [one.id for one in messages] == sorted(one.id for one in messages)


def test_a_deleted_and_a_failed_message_are_marked(line: Line, reply: Reply) -> None:
    line.emulator.lifecycle.delivery_failures.append("provider said no")
    line.run(lambda client: client.send_message(reply()))
    first, second = line.run(lambda client: client.list_messages(KEY), token="user")
    assert (second.status, second.external_error) == ("failed", "provider said no")
    line.emulator.lifecycle.delete_message(line.emulator.world.conversations[84].messages[0])

    first, second = line.run(lambda client: client.list_messages(KEY), token="user")

    assert first.deleted


def test_a_listed_mail_is_read_as_its_webhook_is(line: Line) -> None:
    line.emulator.customer_writes(901, "New text\n> old", inbox_id=13, mail_from="Eve@evil.example")
    stored = line.emulator.world.conversations[85].messages[0]
    stored.content_attributes["email"]["text_content"]["reply"] = "New text"
    key = ConversationKey(account_id=3, conversation_id=85)

    (mail,) = line.run(lambda client: client.list_messages(key), token="user")

    assert (mail.text, mail.mail_from) == ("New text", ("eve@evil.example",))


def test_pages_before_and_after(line: Line) -> None:
    for number in range(30):
        line.emulator.customer_writes(901, f"message {number}")

    async def use(client: ChatwootClient) -> tuple[int, ...]:
        latest = await client.list_messages(KEY)
        older = await client.list_messages(KEY, before=latest[0].id)
        newer = await client.list_messages(KEY, after=5001)
        between = await client.list_messages(KEY, before=5010, after=5005)
        assert older[-1].id == latest[0].id - 1
        return len(latest), len(older), len(newer), len(between)

    assert line.run(use, token="user") == (20, 11, 30, 5)


def test_a_bot_may_not_list_and_is_not_asked_again(line: Line) -> None:
    async def use(client: ChatwootClient) -> None:
        assert client.may_list
        for _ in range(2):
            with pytest.raises(ChatwootRefused) as caught:
                await client.list_messages(KEY)
            assert caught.value.status == 401
        assert not client.may_list

    line.emulator.faults.add(never := fault("list_messages", skip=1, times=None))
    line.run(use)
    assert never.skip == 0, "the second call must not reach Chatwoot"


def fault(operation: str, **fields: Any) -> Any:
    from metta_local.chatwoot import Fault

    return Fault(operation, **fields)


def test_a_missing_inbox_membership_does_not_end_listing_elsewhere(line: Line) -> None:
    line.emulator.world.inboxes[11].members.discard(22)

    async def use(client: ChatwootClient) -> bool:
        with pytest.raises(ChatwootRefused):
            await client.list_messages(KEY)
        return client.may_list

    assert line.run(use, history="agent")


def test_before_4_14_2_a_bot_reads_the_conversation_with_the_history_token(line: Line) -> None:
    line.emulator.api._bot_may -= {"get_conversation"}

    assert line.run(lambda client: client.get_conversation(KEY), history="user").status == "pending"
    with pytest.raises(ChatwootRefused):
        line.run(lambda client: client.get_conversation(KEY))


def test_a_sent_message_carries_the_turn_and_no_source_id(line: Line, reply: Reply) -> None:
    sent = line.run(lambda client: client.send_message(reply(part=1)))

    stored = line.emulator.messages(84)[-1]
    assert sent.message_id == stored["id"]
    assert stored["content"] == sent.text == "It was shipped today."
    assert stored["content_attributes"] == {"metta_turn_id": "t-1", "metta_kind": "reply", "metta_part": 1}
    assert stored["source_id"] is None
    assert line.emulator.customer_sees(84) == ["It was shipped today."]


def test_a_note_is_private(line: Line, reply: Reply) -> None:
    line.run(lambda client: client.send_message(reply("Draft", kind=OutgoingKind.NOTE, private=True)))

    assert line.emulator.messages(84)[-1]["private"] is True
    assert line.emulator.customer_sees(84) == []


@pytest.mark.parametrize(
    "text",
    [
        "{{contact.email}} and {{ contact.phone_number }}",
        "{% if true %}x{% endif %}{{ conversation.recent_messages }}",
        "{{{contact.email}}} {%raw%}",
        "`{{contact.email}}` {{contact.email}}",
    ],
)
def test_template_code_in_a_reply_reaches_the_customer_as_it_was_written(line: Line, reply: Reply, text: str) -> None:
    line.run(lambda client: client.send_message(reply(text)))

    (seen,) = line.emulator.customer_sees(84)
    assert seen.replace("\u200b", "") == text
    assert "lena@example.org" not in seen


def test_a_text_longer_than_its_channel_is_shortened_rather_than_lost(line: Line, reply: Reply) -> None:
    line.emulator.customer_writes(901, "Hallo", inbox_id=12)
    key = ConversationKey(account_id=3, conversation_id=85)
    long = reply("A sentence to be counted. " * 400, key=key, channel="Channel::Whatsapp")

    sent = line.run(lambda client: client.send_message(long))

    assert len(sent.text) <= 4096
    assert line.emulator.customer_sees(85) == [sent.text]


def test_reading_marks_only_with_a_users_token(line: Line) -> None:
    assert line.run(lambda client: client.mark_as_read(KEY)) is False
    assert line.emulator.conversation(84)["unread_count"] == 1

    assert line.run(lambda client: client.mark_as_read(KEY), history="user") is True
    assert line.emulator.conversation(84)["unread_count"] == 0


@pytest.mark.parametrize(("before", "after"), [(None, "high"), ("low", "high"), ("high", "high"), ("urgent", "urgent")])
def test_a_priority_is_raised_and_never_lowered(line: Line, before: str | None, after: str) -> None:
    line.emulator.world.conversations[84].priority = before
    line.run(lambda client: client.raise_priority(KEY, "high"))
    assert line.emulator.world.conversations[84].priority == after


def test_the_typing_sign_goes_on_and_off(line: Line) -> None:
    async def use(client: ChatwootClient) -> list[str]:
        seen = []
        for on in (True, False):
            await client.set_typing(KEY, on=on)
            seen.append(line.emulator.world.conversations[84].typing)
        return seen

    assert line.run(use) == ["on", "off"]


def test_a_typing_sign_that_fails_disturbs_nobody(line: Line) -> None:
    line.emulator.faults.add(fault("toggle_typing_status", status=500))
    line.run(lambda client: client.set_typing(KEY, on=True))
    line.run(lambda client: client.set_typing(KEY, on=True), token="wrong")
