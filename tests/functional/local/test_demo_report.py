"""The demo's judgement: a conversation that does not end as it has to is called wrong."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from metta.messages import ConversationKey, Outcome
from metta_local import demo
from metta_local.demo_report import audit_rows, document, problems, thread
from metta_local.demo_scenes import LENA, SCENES, WHATSAPP, Expected, Played, Said, Scene
from metta_local.demo_view import DemoView
from metta_local.postgres import EmbeddedPostgres
from metta_local.progress import Progress

Json = dict[str, Any]
Change = Callable[[Json], object]

SCENE = Scene(
    "order status",
    "",
    LENA,
    WHATSAPP,
    (Said("Where is S00042? My card is 4111."),),
    Expected(
        Outcome.ANSWERED,
        frozenset({"getOrder"}),
        finding="pii/CARD",
        says=("S00042",),
        never=("4111",),
    ),
)
CARD = {"check": "pii", "kind": "CARD", "start": 0, "end": 4, "score": 0.9}
GOOD: Json = {
    "status": "pending",
    "messages": [
        {"id": 1, "from": "customer", "text": "Where is S00042? My card is 4111.", "private": False},
        {"id": 2, "from": "metta", "text": "S00042 is on its way.", "private": False},
    ],
    "turns": [
        {
            "outcome": "answered",
            "reason": "",
            "reply": "S00042 is on its way.",
            "handoff": None,
            "model_calls": 2,
            "tool_calls": [{"name": "getOrder"}],
            "verdicts": [{"direction": "input", "findings": [CARD]}],
        }
    ],
    "audit": [],
}


def judged(change: Change = lambda _: None, *, settled: bool = True, emulated: bool = True) -> list[str]:
    conversation = copy.deepcopy(GOOD)
    change(conversation)
    return problems(Played(SCENE, settled=settled), conversation, emulated=emulated)


def test_a_conversation_that_ended_as_it_has_to_is_right() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["turns"].clear(), "0 turns"),
        (lambda c: c["turns"].append(c["turns"][0]), "2 turns"),
        (lambda c: c["turns"][0].update(outcome="dropped", reason="stale"), "ended as dropped (stale)"),
        (lambda c: c["messages"].pop(), "0 messages"),
        (lambda c: c["messages"].append(c["messages"][1]), "2 messages"),
        (lambda c: c.update(status="open"), "the conversation is open"),
        (lambda c: c["turns"][0].update(verdicts=[]), "not judged"),
        (lambda c: c["turns"][0]["verdicts"][0].update(findings=[]), "no finding pii/CARD"),
        (lambda c: c["turns"][0].update(tool_calls=[]), "tools called: none"),
        (lambda c: c["turns"][0].update(reply="It is on its way."), "does not say 'S00042'"),
        (lambda c: c["audit"].append({"table": "incoming_messages", "text": "My card is 4111."}), "'4111' was shown"),
        (lambda c: c["messages"][1].update(text="Your card 4111 is fine."), "'4111' was shown"),
    ],
)
def test_whatever_else_happened_is_named(change: Change, words: str) -> None:
    assert any(words in problem for problem in judged(change))


def test_a_conversation_that_does_not_come_to_an_end_is_wrong() -> None:
    assert judged(settled=False) == ["was not settled in time"]


def test_words_are_not_held_against_a_real_model() -> None:
    assert judged(lambda c: c["turns"][0].update(reply="Unterwegs.", tool_calls=[]), emulated=False) == []


def test_a_turn_that_is_written_while_one_looks_is_never_seen_without_its_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def read(connection: psycopg.Connection[Any], _: ConversationKey) -> Json:
        for _ in range(2):
            row = connection.execute("SELECT current_setting('transaction_isolation'), now()").fetchone()
            seen.append(str(row))
        return {"turns": [{"covered": [7]}], "skips": []}

    monkeypatch.setattr(demo, "read_conversation", read)
    played = Played(SCENE, conversation_id=84, message_ids=[7])
    with EmbeddedPostgres() as urls:
        demo.settle([played], urls.database_url, lambda _: None)
    assert played.settled
    assert seen[0] == seen[1], "two statements, two moments"
    assert "repeatable read" in seen[0]


def test_one_wrong_conversation_makes_the_demo_fail() -> None:
    assert document([{"problems": []}, {"problems": []}], {}, 1.0)["ok"] is True
    assert document([{"problems": []}, {"problems": ["x"]}], {}, 1.0)["ok"] is False


def test_the_demo_plays_what_it_promises() -> None:
    names = [scene.name for scene in SCENES]
    assert len(set(names)) == len(names) >= 8
    assert sum(len(scene.said) > 1 for scene in SCENES) == 1


def test_audit_rows_name_their_table_and_turn() -> None:
    turn = {
        "id": "t1",
        "outcome": "answered",
        "verdicts": [{"ordinal": 0, "action": "redact", "findings": [CARD]}],
        "tool_calls": [{"ordinal": 0, "name": "getOrder"}],
    }
    assert audit_rows({"metadata": [], "turns": [turn], "skips": [{"message_id": 9}]}) == [
        {"table": "turns", "id": "t1", "outcome": "answered"},
        {"table": "verdicts", "turn_id": "t1", "ordinal": 0, "action": "redact"},
        {"table": "findings", "turn_id": "t1", "verdict_ordinal": 0, **CARD},
        {"table": "tool_calls", "turn_id": "t1", "ordinal": 0, "name": "getOrder"},
        {"table": "skips", "message_id": 9},
    ]


def test_a_message_without_sender_is_the_systems() -> None:
    activity = {"id": 3, "content": "resolved", "message_type": 2, "private": False, "content_attributes": {}}
    assert thread([activity])[0]["from"] == "system"


@pytest.mark.parametrize(("ok", "leads_on"), [(True, True), (False, False)])
def test_who_has_seen_the_demo_is_told_where_to_write_oneself(*, ok: bool, leads_on: bool) -> None:
    out = io.StringIO()
    document = {"ok": ok, "seconds": 9.5, "conversations": [], "emulated": {"model": {"emulated": True}}}

    DemoView(out, Progress(""), quiet=False).end(document)

    assert ("`make up`" in out.getvalue()) == leads_on
