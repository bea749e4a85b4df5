"""Mails that a machine wrote are not answered: not when their event comes, not when they are found by reading."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from metta.conversation import is_customers
from metta.integrations.chatwoot.filter import Decision, SkipReason, classify
from metta.integrations.chatwoot.machines import written_by_machine
from metta.integrations.chatwoot.payload import parse_webhook
from metta.integrations.chatwoot.thread import to_message
from metta.settings import ChatwootSettings

Read = Callable[[str], dict[str, Any]]

MACHINES: list[dict[str, Any]] = [
    {"auto_reply": True},
    {"from": ["mailer-daemon@mx.example"]},
    {"from": ["shop-noreply@shop.example"]},
    {"from": ["orders.do-not-reply+7@shop.example"]},
    {"from": ["auto-reply@shop.example"]},
    {"from": ["autoresponder@shop.example"]},
    {"content_type": 'Multipart/Report; report-type=delivery-status; boundary="x"'},
    {"from": ["Support@acme.example"], "to": ["support@acme.example"]},
]
PEOPLE: list[dict[str, Any]] = [
    {},
    {"from": ["lena.noreply.fan@example.org"]},
    {"from": ["otto.reply@example.org"]},
    {"from": ["nobody.else@example.org", "bouncer@example.org"]},
    {"from": ["lena@example.org"], "to": ["support@acme.example", "lena@example.org"]},
    {"from": "lena@example.org", "to": None},
    {"from": [None, 5], "to": [], "content_type": 7},
]


def mail(body: Read, changes: dict[str, Any]) -> dict[str, Any]:
    written = body("08")
    written["conversation"]["additional_attributes"]["auto_reply"] = False
    written["content_attributes"]["email"] |= {"auto_reply": False, **changes}
    return written


@pytest.fixture
def decide(settings: Callable[..., ChatwootSettings]) -> Callable[[dict[str, Any]], Decision]:
    return lambda body: classify(parse_webhook(json.dumps(body)), settings())


@pytest.mark.parametrize("changes", MACHINES)
def test_a_machines_mail_is_not_answered(body: Read, decide: Any, changes: dict[str, Any]) -> None:
    written = mail(body, changes)
    assert decide(written).skip == SkipReason.AUTO_REPLY
    listed = written | {"message_type": 0, "created_at": 1781690531}
    assert not is_customers(to_message(listed)), "it would be answered once the conversation is given back"


@pytest.mark.parametrize("changes", PEOPLE)
def test_a_persons_mail_is_answered(body: Read, decide: Any, changes: dict[str, Any]) -> None:
    written = mail(body, changes)
    assert decide(written).answer is not None
    assert is_customers(to_message(written | {"message_type": 0, "created_at": 1781690531}))


@pytest.mark.parametrize("writer", ["agent_bot", "captain_assistant"])
def test_what_another_bot_writes_as_a_contact_is_not_answered(body: Read, decide: Any, writer: str) -> None:
    written = body("01")
    written["sender"] = {"id": 7, "name": "Other bot", "type": writer}
    assert decide(written).skip == SkipReason.OTHER_BOT


def test_what_chatwoot_cannot_show_is_nobodys_question(body: Read) -> None:
    shown = body("01") | {"message_type": 0, "content_attributes": {"is_unsupported": True}}
    assert not is_customers(to_message(shown))


@pytest.mark.parametrize("attributes", [{}, {"email": None}, {"email": "x"}, {"email": {"from": {"a": 1}, "to": "a"}}])
def test_attributes_of_any_shape_are_a_persons(attributes: dict[str, Any]) -> None:
    assert not written_by_machine(attributes)
