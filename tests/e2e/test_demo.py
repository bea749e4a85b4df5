"""``metta demo`` as a newcomer runs it: every conversation goes from webhook to audit row and ends as it has to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

Json = dict[str, Any]


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "metta_local.cli", "demo", "--json"],
        env=clean,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert time.monotonic() - began < 180
    return done


@pytest.fixture(scope="module")
def document(demo: subprocess.CompletedProcess[str]) -> Json:
    assert demo.returncode == 0, demo.stderr
    assert demo.stderr == ""
    shown: Json = json.loads(demo.stdout)
    return shown


@pytest.fixture(scope="module")
def conversations(document: Json) -> dict[str, Json]:
    return {one["name"]: one for one in document["conversations"]}


def only_turn(conversation: Json) -> Json:
    (turn,) = conversation["turns"]
    return dict(turn)


def rows(conversation: Json, table: str) -> list[Json]:
    return [row for row in conversation["audit"] if row["table"] == table]


def public_replies(conversation: Json) -> list[str]:
    return [one["text"] for one in conversation["messages"] if one["from"] == "metta" and not one["private"]]


def test_stdout_is_one_json_document_that_says_what_is_emulated(document: Json) -> None:
    assert document["ok"] is True
    assert {name: facts["emulated"] for name, facts in document["emulated"].items()} == {
        "aws": True,
        "chatwoot": True,
        "odoo": True,
        "model": True,
        "database": False,
    }
    assert len(document["conversations"]) == 12


def test_every_conversation_ends_with_one_turn_and_one_word_to_the_customer(conversations: dict[str, Json]) -> None:
    for name, conversation in conversations.items():
        assert conversation["problems"] == [], name
        assert only_turn(conversation)["outcome"] in ("answered", "handed_off"), name
        assert len(public_replies(conversation)) == 1, name


def test_every_turn_can_be_explained_from_postgresql(conversations: dict[str, Json]) -> None:
    for name, conversation in conversations.items():
        turn = only_turn(conversation)
        (row,) = rows(conversation, "turns")
        assert (row["id"], row["outcome"]) == (turn["id"], turn["outcome"]), name
        asked = [one["id"] for one in conversation["messages"] if one["from"] == "customer"]
        assert [one["message_id"] for one in rows(conversation, "incoming_messages")] == asked, name
        assert any(one["direction"] == "input" for one in rows(conversation, "verdicts")), name
        sent = [one["text"] for one in rows(conversation, "outgoing_messages") if not one["private"]]
        assert sent == public_replies(conversation), name


def test_a_customer_whose_phone_proves_her_hears_about_her_order(conversations: dict[str, Json]) -> None:
    turn = only_turn(conversations["order status"])
    assert turn["identity"] == "verified"
    assert [(call["name"], call["arguments"]) for call in turn["tool_calls"]] == [
        ("getOrder", {"orderNumber": "S00042"})
    ]
    assert "PX0042LENA" in turn["reply"]


def test_an_order_of_somebody_else_looks_like_one_that_does_not_exist(conversations: dict[str, Json]) -> None:
    strangers = only_turn(conversations["another customer's order"])
    unknown = only_turn(conversations["unknown order"])
    assert strangers["reply"].replace("S00043", "S99999") == unknown["reply"]
    assert strangers["tool_calls"][0]["result"] == unknown["tool_calls"][0]["result"]


@pytest.mark.parametrize(("name", "check"), [("injection attempt", "injection"), ("abusive message", "toxicity")])
def test_an_attack_reaches_no_model_and_no_tool(conversations: dict[str, Json], name: str, check: str) -> None:
    turn = only_turn(conversations[name])
    assert turn["verdicts"][0]["action"] == "block"
    assert check in {finding["check"] for finding in turn["verdicts"][0]["findings"]}
    assert turn["model_calls"] == 0
    assert turn["tool_calls"] == []


def test_a_card_number_is_in_no_row_of_the_audit(conversations: dict[str, Json]) -> None:
    conversation = conversations["card number in the chat"]
    assert "4111 1111 1111 1111" in conversation["messages"][0]["text"], "the customer did type it"
    kept = json.dumps([conversation["turns"], conversation["audit"]])
    assert "4111" not in kept
    assert only_turn(conversation)["verdicts"][0]["action"] == "redact"


def test_who_asks_for_a_person_gets_one(conversations: dict[str, Json]) -> None:
    conversation = conversations["I want a human"]
    turn = only_turn(conversation)
    assert turn["outcome"] == "handed_off"
    assert conversation["status"] == "open"
    assert turn["handoff"]["word"] in public_replies(conversation)
    assert [one["text"] for one in conversation["messages"] if one["private"]] == [turn["handoff"]["note"]]


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [("German customer", "de", "auf Lager"), ("Spanish customer", "es", "Número de seguimiento")],
)
def test_customers_are_answered_in_their_language(
    conversations: dict[str, Json], name: str, language: str, words: str
) -> None:
    turn = only_turn(conversations[name])
    assert turn["language"] == language
    assert words in turn["reply"]


def test_a_burst_gets_one_reply_to_both_messages(conversations: dict[str, Json]) -> None:
    turn = only_turn(conversations["burst of two messages"])
    assert turn["messages"] == ["Hello!", "Do you sell wool blankets?"]
    assert "Wool Blanket" in turn["reply"]


def test_a_photo_without_words_gets_a_polite_answer(conversations: dict[str, Json]) -> None:
    turn = only_turn(conversations["attachment without text"])
    assert turn["model_calls"] == 0
    assert "describe" in turn["reply"]
