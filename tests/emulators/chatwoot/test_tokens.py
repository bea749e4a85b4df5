"""Contract 3.1 and 3.3: who may do what, and the bodies of refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Chat = Any
Start = Callable[..., Chat]
BOTS = {"error": "Access to this endpoint is not authorized for bots"}


@pytest.mark.parametrize(
    ("method", "below", "json"),
    [
        ("GET", "", None),
        ("POST", "/messages", {"content": "Hi"}),
        ("POST", "/toggle_status", {"status": "open"}),
        ("POST", "/toggle_typing_status", {"typing_status": "on"}),
        ("POST", "/toggle_priority", {"priority": "high"}),
        ("PATCH", "", {"priority": "low"}),
        ("POST", "/custom_attributes", {"custom_attributes": {"a": 1}}),
        ("POST", "/assignments", {"team_id": 7}),
        ("GET", "/labels", None),
        ("POST", "/labels", {"labels": ["bot"]}),
    ],
)
def test_a_bot_may(chat: Chat, method: str, below: str, json: Any) -> None:
    assert chat.call(method, below, json=json).status_code == 200


@pytest.mark.parametrize(
    ("method", "below"),
    [
        ("GET", "/messages"),
        ("POST", "/update_last_seen"),
        ("DELETE", "/messages/5001"),
        ("POST", "/messages/5001/retry"),
        ("POST", "/mute"),
        ("POST", "/transcript"),
    ],
)
def test_a_bot_may_not(chat: Chat, method: str, below: str) -> None:
    answer = chat.call(method, below)

    assert (answer.status_code, answer.json()) == (401, BOTS)


def test_before_4_14_2_a_bot_may_not_read_the_conversation_or_its_labels(start: Start) -> None:
    old = start(version="4.14.1")

    assert old.call("GET").json() == BOTS
    assert old.call("GET", "/labels").json() == BOTS
    assert old.reply().status_code == 200


def test_before_4_11_2_a_bot_may_not_show_that_it_types(start: Start) -> None:
    assert start(version="4.11.1").call("POST", "/toggle_typing_status").json() == BOTS


def test_a_wrong_token_and_no_token(chat: Chat) -> None:
    assert (chat.call("GET", token="wrong").status_code, chat.call("GET", token="wrong").json()) == (
        401,
        {"error": "Invalid Access Token"},
    )
    nobody = chat.call("GET", token=None)
    assert nobody.status_code == 401
    assert nobody.json() == {"errors": ["You need to sign in or sign up before continuing."]}


def test_the_hyphen_form_of_the_header_is_the_same(chat: Chat) -> None:
    assert chat.call("GET", header="api-access-token").status_code == 200


def test_another_account(chat: Chat) -> None:
    assert chat.call("GET", account_id=4).json() == {"error": "Bot is not authorized to access this account"}
    assert chat.call("GET", account_id=4, token="user").json() == {
        "error": "You are not authorized to access this account"
    }


def test_a_suspended_account(chat: Chat) -> None:
    chat.emulator.world.account.suspended = True

    assert (chat.reply().status_code, chat.reply().json()) == (401, {"error": "Account is suspended"})


def test_missing_rights_are_401_not_403(chat: Chat) -> None:
    chat.emulator.world.inboxes[11].members.discard(22)
    answer = chat.call("GET", token="agent")

    assert (answer.status_code, answer.json()) == (401, {"error": "You are not authorized to do this action"})
    assert chat.call("GET", token="user").status_code == 200, "an administrator needs no membership"


def test_an_unknown_conversation(chat: Chat) -> None:
    answer = chat.call("GET", conversation_id=99)

    assert (answer.status_code, answer.json()) == (404, {"error": "Resource could not be found"})


def test_a_bot_sees_every_conversation_of_the_account(chat: Chat) -> None:
    chat.emulator.world.inboxes[11].bot_id = None

    assert chat.call("GET").status_code == 200


def test_throttling_is_plain_text_without_retry_after(chat: Chat) -> None:
    chat.emulator.api.requests_per_minute = 1
    assert chat.call("GET").status_code == 200
    answer = chat.call("GET")

    assert answer.status_code == 429
    assert answer.text == "Retry later\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert "retry-after" not in answer.headers
