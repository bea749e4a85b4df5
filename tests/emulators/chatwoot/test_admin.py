"""The API above conversations: who is shown what, in the shapes of Chatwoot's views, by the rights of its policies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Chat = Any
Start = Callable[..., Chat]
BOTS = {"error": "Access to this endpoint is not authorized for bots"}
NOT_FOUND = {"error": "Resource could not be found"}
NO_RIGHT = {"error": "You are not authorized to do this action"}


def get(chat: Chat, path: str, token: str | None = "user", *, method: str = "GET") -> httpx.Response:
    """A call with one of the emulator's tokens, by name, or another."""
    given = (
        chat.emulator.world.platform_token if token == "platform" else getattr(chat.emulator, f"{token}_token", token)
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(chat.emulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chatwoot.test") as client:
            return await client.request(method, path, headers={"api_access_token": given} if given else {})

    return asyncio.run(send())


@pytest.fixture
def empty(start: Start) -> Chat:
    return start(empty=True)


def test_the_version_is_told_to_everybody(start: Start) -> None:
    told = get(start(version="4.14.1", empty=True), "/api", token=None).json()

    assert (told["version"], told["queue_services"], told["data_services"]) == ("4.14.1", "ok", "ok")


def test_a_profile_names_the_accounts_and_the_role_there(empty: Chat) -> None:
    admin, agent = get(empty, "/api/v1/profile").json(), get(empty, "/api/v1/profile", "agent").json()

    assert admin["accounts"] == [{"id": 3, "name": "Acme Retail", "status": "active", "role": "administrator"}]
    assert (agent["id"], agent["accounts"][0]["role"]) == (22, "agent")


@pytest.mark.parametrize("token", ["bot", "platform"])
@pytest.mark.parametrize("path", ["/api/v1/profile", "/api/v1/accounts/3/inboxes", "/api/v1/accounts/3/webhooks"])
def test_only_users_have_a_profile_and_see_settings(empty: Chat, token: str, path: str) -> None:
    answer = get(empty, path, token)

    assert (answer.status_code, answer.json()) == (401, BOTS)


def test_a_platform_token_lists_its_bots_and_is_nobody_elsewhere(chat: Chat) -> None:
    assert get(chat, "/platform/api/v1/agent_bots", "platform").json() == []
    for token in ("bot", "user", None):
        answer = get(chat, "/platform/api/v1/agent_bots", token)
        assert (answer.status_code, answer.json()) == (401, {"error": "Invalid access_token"})
    assert get(chat, "/api/v1/accounts/3/conversations/0", "platform").json() == NOT_FOUND, "as for a bot"


@pytest.mark.parametrize("token", ["bot", "user"])
def test_an_account_that_is_not_there_is_told_from_one_of_others(empty: Chat, token: str) -> None:
    assert get(empty, "/api/v1/accounts/99/conversations/0", token).json() == NOT_FOUND
    assert get(empty, "/api/v1/accounts/4/conversations/0", token).status_code == 401


def test_an_administrator_sees_all_inboxes_and_an_agent_its_own(empty: Chat) -> None:
    empty.emulator.world.inboxes[12].members.discard(22)

    seen = {token: get(empty, "/api/v1/accounts/3/inboxes", token).json()["payload"] for token in ("user", "agent")}

    assert [inbox["id"] for inbox in seen["user"]] == [11, 12, 13]
    assert [inbox["id"] for inbox in seen["agent"]] == [11, 13]
    assert {"channel_type", "enable_auto_assignment", "lock_to_single_conversation"} <= set(seen["user"][0])


def test_the_bot_of_an_inbox_and_an_empty_object_for_none(empty: Chat) -> None:
    empty.emulator.world.inboxes[12].bot_id = None
    bots = {number: get(empty, f"/api/v1/accounts/3/inboxes/{number}/agent_bot") for number in (11, 12, 99)}

    assert bots[11].json()["agent_bot"]["id"] == 5
    assert bots[11].json()["agent_bot"]["outgoing_url"] == "http://metta.test/webhook"
    assert bots[12].json() == {"agent_bot": {}}
    assert bots[99].json() == NOT_FOUND


def test_an_agent_may_not_ask_for_the_bot_of_an_inbox_it_is_no_member_of(empty: Chat) -> None:
    empty.emulator.world.inboxes[12].members.discard(22)
    answer = get(empty, "/api/v1/accounts/3/inboxes/12/agent_bot", "agent")

    assert (answer.status_code, answer.json()) == (401, NO_RIGHT)


def test_tokens_and_secrets_of_bots_are_for_administrators(empty: Chat) -> None:
    admin, agent = (get(empty, "/api/v1/accounts/3/agent_bots", token).json() for token in ("user", "agent"))

    assert [bot["id"] for bot in admin] == [bot["id"] for bot in agent] == [5, 6]
    assert admin[0]["access_token"]["token"] == empty.emulator.bot_token
    assert admin[0]["secret"] == empty.emulator.webhook_secret
    assert not {"access_token", "secret"} & set(agent[0])


def test_address_and_secret_of_a_bot_of_the_whole_installation_are_shown_to_nobody(empty: Chat) -> None:
    empty.emulator.world.bots[5].account_id = None
    bot = get(empty, "/api/v1/accounts/3/agent_bots").json()[0]

    assert (bot["id"], bot["system_bot"]) == (5, True)
    assert not {"outgoing_url", "secret"} & set(bot)


def test_before_signatures_there_are_no_secrets(start: Start) -> None:
    old = start(version="4.11.1", path="both", empty=True)

    assert "secret" not in get(old, "/api/v1/accounts/3/agent_bots").json()[0]
    assert "secret" not in get(old, "/api/v1/accounts/3/webhooks").json()["payload"]["webhooks"][0]


def test_webhooks_are_for_administrators(start: Start) -> None:
    chat = start(path="account", empty=True)
    (webhook,) = get(chat, "/api/v1/accounts/3/webhooks").json()["payload"]["webhooks"]

    assert webhook["url"] == "http://metta.test/webhook"
    assert "message_created" in webhook["subscriptions"]
    assert webhook["secret"] == chat.emulator.webhook_secret
    assert get(chat, "/api/v1/accounts/3/webhooks", "agent").json() == NO_RIGHT
    assert get(chat, "/api/v1/accounts/3/agent_bots").json()[0]["outgoing_url"] is None


@pytest.mark.parametrize("path", ["/api/v1/profile", "/api/v1/accounts/3/webhooks", "/api/v1/accounts/3"])
def test_nothing_of_it_can_be_changed_here(empty: Chat, path: str) -> None:
    assert get(empty, path, method="POST").json() == NOT_FOUND


def test_teams_are_for_every_user(empty: Chat) -> None:
    assert [team["id"] for team in get(empty, "/api/v1/accounts/3/teams", "agent").json()] == [7, 8]


def test_an_account_is_shown_to_its_members_and_missing_to_others(empty: Chat) -> None:
    shown = get(empty, "/api/v1/accounts/3", "agent").json()

    assert (shown["id"], shown["name"], shown["status"]) == (3, "Acme Retail", "active")
    assert get(empty, "/api/v1/accounts/4").json() == NOT_FOUND


def test_a_suspended_account_still_has_a_profile_that_says_so(empty: Chat) -> None:
    empty.emulator.world.account.suspended = True

    assert get(empty, "/api/v1/profile").json()["accounts"][0]["status"] == "suspended"
    assert get(empty, "/api/v1/accounts/3").json()["status"] == "suspended"
    assert get(empty, "/api/v1/accounts/3/inboxes").json() == {"error": "Account is suspended"}


def test_a_second_account_webhook_gets_every_event_too(start: Start) -> None:
    chat = start(path="account", empty=True)
    chat.emulator.add_webhook("http://metta.test/webhook/", ["message_created"])

    chat.emulator.customer_writes(901, "Hi")
    chat.settle()

    urls = [url for url, body, _ in chat.arrived.requests if b'"event":"message_created"' in body]
    assert urls == ["http://metta.test/webhook", "http://metta.test/webhook/"]


def test_another_bot_gets_the_events_of_the_inboxes_it_is_attached_to(start: Start) -> None:
    chat = start(empty=True)
    chat.emulator.world.bots[6].outgoing_url = "http://other.test/hook"
    chat.emulator.world.inboxes[11].bot_id = 6

    chat.emulator.customer_writes(901, "Hi", inbox_id=11)
    chat.emulator.customer_writes(901, "Hi", inbox_id=12)
    chat.settle()

    heard = {url for url, body, _ in chat.arrived.requests if b'"inbox_id":11' in body}
    assert heard == {"http://other.test/hook"}
    assert {url for url, _, _ in chat.arrived.requests} == {"http://other.test/hook", "http://metta.test/webhook"}
