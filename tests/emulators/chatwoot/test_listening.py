"""Whoever listens to the emulated Chatwoot hears of everything that happens, whether or not a webhook goes anywhere."""

from __future__ import annotations

import asyncio

import httpx

from metta_local.chatwoot import ChatwootEmulator

Heard = list[tuple[str, int | None]]


def test_messages_status_assignee_and_typing_are_heard_without_any_webhook() -> None:
    chatwoot = ChatwootEmulator()
    heard: Heard = []
    chatwoot.listen(lambda event, conversation: heard.append((event, conversation)))

    chatwoot.add_contact("Emma Brown")
    conversation = chatwoot.customer_writes(901, "hello")["conversation_id"]
    chatwoot.assign(conversation)
    chatwoot.set_status(conversation, "resolved")

    assert heard[0] == ("contact_created", None)
    assert {event for event, where in heard if where == conversation} >= {
        "conversation_created",
        "message_created",
        "conversation_updated",
        "conversation_status_changed",
    }


async def _typing(chatwoot: ChatwootEmulator, conversation: int) -> int:
    headers = {"api_access_token": chatwoot.bot_token}
    transport = httpx.ASGITransport(app=chatwoot.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://chatwoot", headers=headers) as client:
        path = f"/api/v1/accounts/{chatwoot.account_id}/conversations/{conversation}/toggle_typing_status"
        return (await client.post(path, json={"typing_status": "on"})).status_code


def test_typing_is_heard() -> None:
    chatwoot = ChatwootEmulator()
    conversation = chatwoot.customer_writes(901, "hello")["conversation_id"]
    heard: Heard = []
    chatwoot.listen(lambda event, where: heard.append((event, where)))
    assert asyncio.run(_typing(chatwoot, conversation)) == 200
    assert heard == [("conversation_typing_on", conversation)]
