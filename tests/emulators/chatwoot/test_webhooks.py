"""Contract 1.1 and 2: who hears of what, signatures, retries, and what a failure does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from metta.integrations.chatwoot.signature import verify
from metta_local.chatwoot import ChatwootEmulator
from metta_local.serving import LoopbackServer

Chat = Any
Start = Callable[..., Chat]
FAILED_TEXT = "Conversation was marked open by system due to an error with the agent bot."


def test_a_bot_hears_of_messages_and_changes_but_not_of_creation_and_typing(chat: Chat) -> None:
    chat.call("POST", "/toggle_typing_status", json={"typing_status": "on"})
    chat.emulator.set_status(84, "open")
    chat.emulator.set_status(84, "resolved")

    assert chat.events() == [
        "message_created",
        "conversation_status_changed",
        "conversation_opened",
        "conversation_updated",
        "conversation_status_changed",
        "conversation_resolved",
        "conversation_updated",
    ]


def test_an_account_webhook_hears_of_creation_and_typing_but_not_of_opened_and_resolved(start: Start) -> None:
    chat = start(path="account")
    chat.call("POST", "/toggle_typing_status", json={"typing_status": "on"})
    chat.emulator.set_status(84, "resolved")

    assert chat.events() == [
        "conversation_created",
        "message_created",
        "conversation_typing_on",
        "conversation_status_changed",
        "conversation_updated",
    ]


def test_before_4_13_a_bot_hears_only_of_opened_and_resolved(start: Start) -> None:
    chat = start(version="4.12.1")
    chat.emulator.set_status(84, "open")

    assert chat.events() == ["message_created", "conversation_opened"]


def test_the_same_url_registered_twice_gets_every_message_twice_with_different_ids(start: Start) -> None:
    chat = start(path="both")
    chat.emulator.customer_writes(901, "Hello?")
    created = [one for one in chat.emulator.deliveries if one.event == "message_created"]

    assert [one.path for one in created] == ["bot", "account"] * 2
    assert len({one.id for one in created}) == 4
    assert chat.events().count("message_created") == 4


def test_activities_are_never_sent_and_private_notes_are(chat: Chat) -> None:
    chat.emulator.private_note(84, "VIP")
    chat.emulator.assign(84)

    chat.settle()
    created = [body for body in chat.arrived.bodies if body["event"] == "message_created"]
    assert [(body["message_type"], body["private"]) for body in created] == [("incoming", False), ("outgoing", True)]


@pytest.mark.parametrize("status", ["open", "resolved", "snoozed"])
def test_there_is_no_filter_by_status(chat: Chat, status: str) -> None:
    chat.emulator.set_status(84, status)
    chat.emulator.agent_writes(84, "Hello")

    assert chat.last("message_created")["content"] == "Hello"


def test_inboxes_of_other_bots_are_not_heard_unless_the_bot_is_the_assignee(start: Start) -> None:
    chat = start(empty=True)
    chat.emulator.world.inboxes[11].bot_id = 6
    chat.emulator.customer_writes(901, "Hi")
    assert chat.events() == []

    chat.assign(assignee_type="AgentBot", assignee_id=5)
    chat.emulator.customer_writes(901, "Hi again")
    assert "message_created" in chat.events()


def test_its_own_replies_come_back_to_the_bot(chat: Chat) -> None:
    chat.reply()

    assert chat.last("message_created")["sender"] == {"id": 5, "name": "Metta", "type": "agent_bot"}


def test_a_bots_webhook_shows_the_state_at_commit_an_accounts_the_state_when_sent(start: Start) -> None:
    statuses = {}
    for path in ("bot", "account"):
        chat = start(empty=True, path=path)
        with chat.emulator.lock:
            chat.emulator.customer_writes(901, "Hi")
            chat.emulator.set_status(84, "open")
        statuses[path] = chat.last("message_created")["conversation"]["status"]

    assert statuses == {"bot": "pending", "account": "open"}


def test_signature_and_delivery_id(chat: Chat) -> None:
    chat.settle()
    _, body, headers = chat.arrived.requests[0]

    assert verify([chat.emulator.webhook_secret], headers, body, window_seconds=60)
    assert headers["X-Chatwoot-Delivery"] == chat.emulator.deliveries[0].id
    assert headers["Content-Type"] == headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("version", "path", "signed"),
    [
        ("4.12.1", "bot", False),
        ("4.13.0", "bot", True),
        ("4.11.1", "account", False),
        ("4.11.2", "account", True),
    ],
)
def test_since_when_webhooks_are_signed(start: Start, version: str, path: str, signed: bool) -> None:
    chat = start(version=version, path=path)

    assert ("X-Chatwoot-Signature" in chat.arrived.requests[-1][2]) == signed


def test_without_a_secret_there_is_no_signature(start: Start) -> None:
    headers = start(signed=False).arrived.requests[0][2]

    assert "X-Chatwoot-Signature" not in headers
    assert "X-Chatwoot-Timestamp" not in headers


def test_the_body_escapes_html_as_rails_does(chat: Chat) -> None:
    chat.emulator.customer_writes(901, "Is <b>A&B</b> ok? Grüße")
    chat.settle()
    body = chat.arrived.requests[-1][1]

    assert "Is \\u003cb\\u003eA\\u0026B\\u003c/b\\u003e ok? Grüße".encode() in body
    assert json.loads(body)["content"] == "Is <b>A&B</b> ok? Grüße"


@pytest.mark.parametrize("status", [429, 500])
def test_a_bot_webhook_is_tried_three_times_with_one_id_and_fresh_signatures(start: Start, status: int) -> None:
    chat = start(empty=True)
    chat.arrived.statuses = [status, status, 200]
    chat.emulator.customer_writes(901, "Hi")
    chat.settle()

    assert chat.emulator.deliveries[0].statuses == [status, status, 200]
    assert len({headers["X-Chatwoot-Delivery"] for _, _, headers in chat.arrived.requests}) == 1
    assert all(verify([chat.emulator.webhook_secret], headers, body) for _, body, headers in chat.arrived.requests)
    assert chat.shown()["status"] == "pending"


@pytest.mark.parametrize("answers", [[500, 500, 500], [404], [502], [503], [504], [0]])
def test_when_a_bot_webhook_fails_for_good_the_conversation_is_opened(start: Start, answers: list[int]) -> None:
    chat = start(empty=True)
    chat.arrived.statuses = list(answers)
    chat.emulator.customer_writes(901, "Hi")
    chat.settle()

    assert chat.emulator.deliveries[0].statuses == answers
    assert chat.shown()["status"] == "open"
    assert chat.emulator.messages(84)[-1]["content"] == FAILED_TEXT


def test_an_account_may_keep_it_pending(start: Start) -> None:
    chat = start(empty=True)
    chat.emulator.world.account.keep_pending_on_bot_failure = True
    chat.arrived.statuses = [503]
    chat.emulator.customer_writes(901, "Hi")
    chat.settle()

    assert chat.shown()["status"] == "pending"


def test_an_account_webhook_is_never_retried_and_its_failure_changes_nothing(start: Start) -> None:
    chat = start(empty=True, path="account")
    chat.arrived.statuses = [500, 500]
    chat.emulator.customer_writes(901, "Hi")
    chat.settle()

    assert [one.statuses for one in chat.emulator.deliveries] == [[500], [500]]
    assert chat.shown()["status"] == "pending"


def test_a_message_dispatched_again_has_a_new_id(chat: Chat) -> None:
    chat.emulator.redeliver(5001)
    chat.settle()

    first, second = chat.emulator.deliveries
    assert first.id != second.id
    assert [body["id"] for body in chat.arrived.bodies] == [5001, 5001]


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Request]]]:
    got: list[Request] = []

    async def take(request: Request) -> Response:
        if request.url.path == "/old":
            return Response(status_code=308, headers={"location": "/new"})
        await request.body()
        got.append(request)
        return Response(status_code=204)

    with LoopbackServer(Starlette(routes=[Route("/{path}", take, methods=["POST"])])) as server:
        yield server.url, got


def test_over_http_any_2xx_will_do_and_redirects_are_followed(receiver: tuple[str, list[Request]]) -> None:
    url, got = receiver
    emulator = ChatwootEmulator(webhook_url=f"{url}/old")
    emulator.customer_writes(901, "Hi")
    assert emulator.drain()
    emulator.stop()

    assert [request.url.path for request in got] == ["/new"]
    assert got[0].headers["x-chatwoot-signature"].startswith("sha256=")
    assert emulator.deliveries[0].statuses == [204]


def test_over_http_nobody_listening_is_a_failure(receiver: tuple[str, list[Request]]) -> None:
    emulator = ChatwootEmulator(webhook_url="http://127.0.0.1:9/none")
    emulator.customer_writes(901, "Hi")
    assert emulator.drain()
    emulator.stop()

    assert emulator.deliveries[0].statuses == [0]
    assert emulator.conversation(84)["status"] == "open"
