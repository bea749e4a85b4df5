"""The emulator's own doors: playing people from another process, and faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from metta_local.chatwoot import ChatwootEmulator, Fault
from metta_local.serving import LoopbackServer

Chat = Any
Start = Callable[..., Chat]


def control(emulator: ChatwootEmulator, name: str, **arguments: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(emulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chatwoot.test") as client:
            return await client.post(f"/emulator/{name}", json=arguments)

    return asyncio.run(send())


def test_people_can_be_played_over_http(start: Start) -> None:
    emulator = start(empty=True).emulator

    written = control(emulator, "customer_writes", contact_id=901, text="Hi", inbox_id=12).json()
    control(emulator, "agent_writes", conversation_id=84, text="Hello")

    assert written["conversation_id"] == 84
    assert [message["content"] for message in control(emulator, "messages", conversation_id=84).json()] == [
        "Hi",
        "Hello",
    ]
    assert control(emulator, "customer_sees", conversation_id=84).json() == ["Hello"]


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("stop", {}, 404),
        ("customer_writes", {}, 422),
        ("conversation", {"conversation_id": 99}, 422),
        ("set_status", {"conversation_id": 84, "status": "closed"}, 422),
    ],
)
def test_what_cannot_be_played_is_refused(chat: Chat, name: str, arguments: Any, status: int) -> None:
    assert control(chat.emulator, name, **arguments).status_code == status


def test_a_contact_of_ones_own(chat: Chat) -> None:
    contact = chat.emulator.add_contact("Ana", email="ana@example.net", phone_number="+34600111222")
    chat.emulator.customer_writes(contact["id"], "Hola", inbox_id=12)
    chat.emulator.customer_writes(contact["id"], "Hola", inbox_id=13)

    whatsapp, mail = (chat.emulator.world.conversations[at].contact_inbox.source_id for at in (85, 86))
    assert (whatsapp, mail) == ("34600111222", "ana@example.net")


def test_a_conversation_goes_on_until_a_new_one_is_wanted(chat: Chat) -> None:
    assert chat.emulator.customer_writes(901, "again")["conversation_id"] == 84
    assert chat.emulator.customer_writes(901, "new", new_conversation=True)["conversation_id"] == 85
    assert [one["id"] for one in chat.emulator.conversations()] == [84, 85]


def test_many_threads_at_once_lose_nothing(chat: Chat) -> None:
    chat.emulator.lifecycle.messages_per_minute = 1000
    threads = [
        threading.Thread(target=lambda: [chat.emulator.customer_writes(901, "x") for _ in range(20)]) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [message["id"] for message in chat.emulator.messages(84)]
    assert ids == list(range(5001, 5102))
    assert chat.events().count("message_created") == 101


def test_a_fault_before_the_effect_leaves_nothing_behind_and_one_after_it_does(chat: Chat) -> None:
    chat.emulator.faults.add(Fault("create_message", status=503))
    assert chat.reply().status_code == 503
    assert chat.emulator.customer_sees(84) == []

    chat.emulator.faults.add(Fault("create_message", status=503, after_effect=True))
    assert chat.reply().status_code == 503
    assert chat.emulator.customer_sees(84) == ["It was shipped."]


def test_a_fault_hits_its_operation_its_count_and_its_bodies_only(chat: Chat) -> None:
    chat.emulator.faults.add(Fault("create_message", status=503, skip=1, times=2, matches=lambda body: b"odd" in body))

    assert [chat.reply(text).status_code for text in ("odd", "even", "odd", "odd", "odd")] == [200, 200, 503, 503, 200]
    assert chat.call("GET").status_code == 200


def test_a_lasting_fault_ends_when_it_is_cleared(chat: Chat) -> None:
    chat.emulator.faults.add(Fault("*", status=500, times=None))
    assert [chat.call("GET").status_code, chat.reply().status_code] == [500, 500]

    chat.emulator.faults.clear()
    assert chat.call("GET").status_code == 200


@pytest.mark.parametrize("after_effect", [True, False])
def test_a_reset_cuts_a_real_connection_before_or_after_the_effect(chat: Chat, after_effect: bool) -> None:
    chat.emulator.faults.add(Fault("create_message", kind="reset", after_effect=after_effect))
    path = "/api/v1/accounts/3/conversations/84/messages"

    with (
        LoopbackServer(chat.emulator.app) as server,
        httpx.Client(trust_env=False) as client,
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
    ):
        client.post(server.url + path, json={"content": "x"}, headers={"api_access_token": "metta-bot-token"})

    assert chat.emulator.customer_sees(84) == (["x"] if after_effect else [])
