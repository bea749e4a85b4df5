"""The recorded answer of Chatwoot's message list is read as it stands."""

from __future__ import annotations

import asyncio

import httpx
from pydantic import SecretStr

from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, ThreadMessage
from metta.settings import ChatwootSettings
from tests_support import PAYLOADS

SETTINGS = ChatwootSettings(
    base_url="http://127.0.0.1:1",
    api_key=SecretStr("token"),
    history_api_key=None,
    account_id=3,
    inbox_ids=frozenset(),
    answer_when="pending",
    send_as="reply",
    handoff_team_id=None,
)


def test_the_recorded_list_holds_the_customers_message_and_the_activity() -> None:
    body = (PAYLOADS / "05b_api_list_messages_response.json").read_bytes()

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/accounts/3/conversations/84/messages"
        return httpx.Response(200, content=body, headers={"content-type": "application/json"})

    async def read() -> tuple[ThreadMessage, ...]:
        client = ChatwootClient(SETTINGS, transport=httpx.MockTransport(answer))
        try:
            return await client.list_messages(ConversationKey(account_id=3, conversation_id=84))
        finally:
            await client.aclose()

    asked, activity = asyncio.run(read())
    assert (asked.id, asked.message_type, asked.sender_type) == (5001, "incoming", "contact")
    assert asked.text == "Hi, where is my order S00042?"
    assert (activity.id, activity.message_type, activity.sender_type) == (5005, "activity", None)
