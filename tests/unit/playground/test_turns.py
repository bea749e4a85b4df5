"""How a turn looks on the page: while it happens, when its worker dies, when it comes back, and in its audit."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.guardrails import Guardrails
from metta.intake import Intake
from metta.messages import (
    Action,
    AgentWork,
    Contact,
    ConversationKey,
    Direction,
    Finding,
    IncomingMessage,
    MessageContext,
    ModelCall,
    Outcome,
    Phase,
    SentMessage,
    ToolCall,
    Turn,
    Verdict,
)
from metta.observability.words import CAUSES
from metta.policy import Policy
from metta_local.playground.live_turn import MOST_SPANS
from metta_local.playground.span_words import comes_back, label
from metta_local.playground.turn_view import rows_of
from metta_local.playground.turns import Turns

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
KEY = ConversationKey(account_id=3, conversation_id=84)
Json = dict[str, Any]


def message(id_: int, text: str) -> IncomingMessage:
    return IncomingMessage(key=KEY, message_id=id_, inbox_id=11, text=text, created_at=AT, contact=Contact(id=901))


def turn(**facts: Any) -> Turn:
    given = {"id": "t-1", "key": KEY, "inbox_id": 11, "channel": "Channel::WebWidget", "contact": Contact(id=901)}
    return Turn(**{**given, "messages": (message(1, "hello"),), "covered": (1,), "started_at": AT, **facts})


def raw(id_: int, text: str) -> Json:
    return {"id": id_, "content": text, "message_type": 0, "created_at": 1_795_000_000, "content_attributes": {}}


class Watched:
    """Turns, and what was shown of them."""

    def __init__(self, *messages: Json, limit: int = 8000) -> None:
        self.shown: dict[str, Json] = {}
        self.turns = Turns(lambda view: self.shown.__setitem__(view["id"], view), lambda _: list(messages), limit)
        self._numbers = itertools.count()

    def tell(self, one: Turn, written: str | None = None) -> Json:
        self.turns.told({"event": "turn", "turn": one.model_dump(mode="json"), "written": written})
        return self.shown[one.id]

    def begin(self, name: str, turn_id: str = "t-1", parent: str | None = None) -> str:
        id_ = f"s{next(self._numbers)}"
        told = {"id": id_, "parent": parent, "turn": turn_id, "name": name, "at": AT.timestamp() + 1, "detail": {}}
        self.turns.told({"event": "span", **told})
        return id_

    def over(self, id_: str, name: str, error: str | None = None, turn_id: str = "t-1") -> Json:
        told = {"id": id_, "turn": turn_id, "name": name, "at": AT.timestamp() + 2, "error": error, "detail": {"n": 1}}
        self.turns.told({"event": "span_over", **told})
        return self.shown[turn_id]


def record(*turns: Turn) -> Json:
    """As the audit log would have them."""
    rows = [rows_of(one) for one in turns]
    return {"metadata": [], "turns": rows, "skips": []}


def test_a_step_is_seen_at_work_and_then_how_long_it_took() -> None:
    watched = Watched()
    watched.begin("turn")
    watched.tell(turn())
    step = watched.begin("validate_input")
    shown = watched.shown["t-1"]
    assert (shown["state"], shown["words"], shown["outcome"]) == ("working", "At work", None)
    [_, at_work] = shown["spans"]
    assert (at_work["start_ms"], at_work["end_ms"], at_work["label"]) == (1000.0, None, "Check the customer's text")
    [_, done] = watched.over(step, "validate_input")["spans"]
    assert (done["end_ms"], done["error"], done["detail"]) == (2000.0, None, {"n": 1})


def test_a_turn_that_ended_says_how_before_its_audit_is_written_and_after() -> None:
    watched = Watched()
    span = watched.begin("turn")
    ended = turn(phase=Phase.SENT, outcome=Outcome.ANSWERED, reply="Hello!", finished_at=AT)
    watched.tell(ended)
    before = watched.over(span, "turn")
    assert (before["state"], before["audit"]) == ("ended", None)
    watched.turns.read(record(ended))
    after = watched.shown["t-1"]
    assert after["state"] == "audited"
    assert {row["table"] for row in after["audit"]} == {"turns", "incoming_messages"}
    assert before["words"] == after["words"] == "Answered by the assistant"
    assert {name: before[name] for name in before if name not in ("state", "audit")} == {
        name: after[name] for name in after if name not in ("state", "audit")
    }, "what is shown of a turn under way is what its audit will say"


def test_a_turn_that_fails_says_why_it_comes_back_and_goes_on() -> None:
    watched = Watched()
    span = watched.begin("turn")
    watched.tell(turn())
    assert watched.over(span, "turn", "OdooDown")["state"] == "retrying"
    assert watched.shown["t-1"]["words"] == "Comes back to the queue: Odoo did not answer as it should"
    watched.begin("turn")
    assert watched.tell(turn(attempt=2))["state"] == "working"


def test_a_turn_that_comes_back_says_when_until_it_is_at_work_again() -> None:
    watched = Watched()
    span = watched.begin("turn")
    watched.tell(turn())
    watched.over(span, "turn", "OdooDown")
    watched.turns.told({"event": "given_back", "conversation": 85, "due": AT.timestamp() + 99})
    assert watched.shown["t-1"]["due"] is None, "another conversation's"
    watched.turns.told({"event": "given_back", "conversation": 84, "due": AT.timestamp() + 12})
    assert watched.shown["t-1"]["due"] == "2026-11-28T12:00:12.000+00:00"
    watched.begin("turn")
    assert watched.shown["t-1"]["due"] is None


def test_a_drop_is_an_end_even_though_its_messages_come_back() -> None:
    watched = Watched()
    span = watched.begin("turn")
    watched.tell(turn(phase=Phase.SENT, outcome=Outcome.DROPPED, reason="overtaken", reply="Hello!"))
    shown = watched.over(span, "turn", "Overtaken")
    assert shown["state"] == "ended"
    assert shown["words"].startswith("Reply not sent: the customer wrote again")


def test_a_killed_worker_leaves_its_turns_interrupted_and_a_later_turn_takes_their_messages_up() -> None:
    watched = Watched()
    watched.begin("turn")
    watched.tell(turn())
    watched.turns.told({"event": "died", "at": AT.timestamp() + 3, "due": AT.timestamp() + 33})
    shown = watched.shown["t-1"]
    assert shown["state"] == "interrupted"
    assert [(span["end_ms"], span["error"]) for span in shown["spans"]] == [(3000.0, "Killed")]
    assert shown["due"] == "2026-11-28T12:00:33.000+00:00"
    watched.turns.read(record(turn(id="t-2", phase=Phase.SENT, outcome=Outcome.ANSWERED, covered=(1, 2))))
    assert watched.shown["t-1"]["taken_up_by"] == "t-2"
    assert "later turn" in watched.shown["t-1"]["words"]
    assert watched.shown["t-1"]["due"] is None


def test_a_killed_worker_takes_nothing_back_that_had_ended() -> None:
    watched = Watched()
    span = watched.begin("turn")
    watched.tell(turn(phase=Phase.SENT, outcome=Outcome.ANSWERED, reply="Hello!"))
    watched.over(span, "turn")
    watched.turns.told({"event": "died", "at": AT.timestamp() + 3, "due": AT.timestamp() + 33})
    assert watched.shown.get("t-1", {})["state"] == "ended"


def verdict(text: str, *findings: Finding, direction: Direction = Direction.INPUT) -> Verdict:
    action = Action.REDACT if findings else Action.ALLOW
    return Verdict(direction=direction, action=action, findings=findings, text=text, reason="", version="rules-1")


@pytest.mark.parametrize(
    ("texts", "marked"),
    [
        (["card 4111 1111 1111 1111 ok"], "4111 1111 1111 1111"),
        (["🙂👩‍👩‍👧 4111 1111 1111 1111"], "4111 1111 1111 1111"),
        (["first", "then 4111 1111 1111 1111"], "4111 1111 1111 1111"),
    ],
)
def test_marks_stand_in_the_customers_own_words(texts: list[str], marked: str) -> None:
    whole = "\n".join(texts)
    start = whole.index(marked)
    card = Finding(check="pii", kind="CARD", start=start, end=start + len(marked), score=1)
    watched = Watched(*(raw(place, text) for place, text in enumerate(texts, 1)))
    messages = tuple(message(place, text) for place, text in enumerate(texts, 1))
    shown = watched.tell(turn(messages=messages, input_verdict=verdict(whole.replace(marked, "[CARD]"), card)))
    [told] = shown["verdicts"]
    assert told["text"] == whole
    [finding] = told["findings"]
    assert told["text"][finding["start"] : finding["end"]] == marked
    assert finding["words"]


def test_where_the_own_words_are_not_at_hand_marks_follow_into_what_was_kept() -> None:
    card = Finding(check="pii", kind="CARD", start=5, end=24, score=1)
    shown = Watched().tell(turn(input_verdict=verdict("card [CARD] ok", card)))
    [told] = shown["verdicts"]
    [finding] = told["findings"]
    assert told["text"][finding["start"] : finding["end"]] == "[CARD]"


class Judges(Guardrails):
    """Remembers what it judged last."""

    text = ""

    def validate_input(self, text: str, context: MessageContext) -> Verdict:
        self.text = text
        return super().validate_input(text, context)


@pytest.mark.parametrize(
    "texts",
    [
        ["short"],
        ["x" * 1000 + " and 4111 1111 1111 1111"],
        ["one", "two 🙂"],
        ["a" * 150, "b" * 150],
        ["a" * 500, "b" * 90, "", "c 4111 1111 1111 1111"],
    ],
    ids=["one", "one too long", "burst", "burst too long together", "burst with one too long"],
)
def test_the_text_that_is_marked_is_the_one_that_was_judged(texts: list[str]) -> None:
    limit = 200
    policy = Policy.model_validate({"limits": {"input_chars": limit}})
    judges = Judges(policy)
    messages = [message(place, text) for place, text in enumerate(texts, 1)]
    one = turn(messages=tuple(messages), covered=tuple(range(1, len(texts) + 1)))
    Intake(judges, policy).judge(one, messages)
    shown = Watched(*(raw(place, text) for place, text in enumerate(texts, 1)), limit=limit).tell(one)
    [told] = shown["verdicts"]
    assert told["text"] == judges.text


def test_a_reply_is_marked_as_the_model_wrote_it() -> None:
    said = "Write to bob@elsewhere.example"
    mail = Finding(check="leak", kind="EMAIL", start=9, end=30, score=1)
    shown = Watched().tell(turn(output_verdict=verdict("Write to [EMAIL]", mail, direction=Direction.OUTPUT)), said)
    [told] = shown["verdicts"]
    assert (told["text"], told["text"][9:30]) == (said, "bob@elsewhere.example")


def test_numbers_are_those_that_the_audit_will_have() -> None:
    call = ModelCall(
        model="m", input_tokens=10, cached_tokens=4, output_tokens=5, cost_usd=0.25, started_at=AT, duration_ms=7
    )
    tool = ToolCall(name="getOrder", arguments={"orderNumber": "S1"}, withheld=("note",), started_at=AT, duration_ms=3)
    work = AgentWork(model_calls=[call, call], tool_calls=[tool])
    sent = SentMessage(kind="reply", message_id=9, text="Hello!")
    shown = Watched().tell(
        turn(work=work, sent=(sent,), phase=Phase.SENT, outcome=Outcome.ANSWERED, finished_at=AT, reply="Hello!")
    )
    assert (shown["tokens"], shown["cost_usd"], shown["model"], shown["latency_ms"]) == (30, 0.5, "m", 0.0)
    assert [one["cached_tokens"] for one in shown["model_calls"]] == [4, 4]
    assert shown["tool_calls"][0]["withheld"] == ["note"]
    assert shown["sent"] == [{"kind": "reply", "message_id": 9, "private": False}]


def test_a_model_that_refuses_the_key_is_told_with_what_to_do() -> None:
    failed = ModelCall(model="m", started_at=AT, duration_ms=7, error="AuthenticationError")
    fine = ModelCall(model="m", started_at=AT, duration_ms=7)
    shown = Watched().tell(turn(work=AgentWork(model_calls=[failed, fine])))
    assert [one["words"] for one in shown["model_calls"]] == ["it refused the key: check OPENAI_API_KEY", ""]


def test_a_hand_off_shows_note_and_word() -> None:
    sent = (
        SentMessage(kind="handoff_note", message_id=9, text="For the team", private=True),
        SentMessage(kind="handoff_word", message_id=10, text="A person comes"),
    )
    shown = Watched().tell(
        turn(
            outcome=Outcome.HANDED_OFF,
            reason="requested",
            phase=Phase.SENT,
            sent=sent,
            handoff_done=("note", "word", "status"),
        )
    )
    assert shown["handoff"] == {"note": "For the team", "word": "A person comes", "status": "open"}


def test_a_turn_that_nobody_watched_has_the_steps_that_were_written_down() -> None:
    call = ModelCall(model="m", started_at=AT, duration_ms=7)
    ended = turn(phase=Phase.SENT, outcome=Outcome.ANSWERED, work=AgentWork(model_calls=[call]))
    watched = Watched()
    watched.turns.read(record(ended))
    assert [(one["name"], one["start_ms"], one["end_ms"]) for one in watched.shown["t-1"]["spans"]] == [
        ("model", 0.0, 7.0)
    ]


def test_the_spans_of_a_turn_are_bounded() -> None:
    watched = Watched()
    watched.tell(turn())
    for _ in range(MOST_SPANS + 5):
        watched.begin("model")
    assert len(watched.shown["t-1"]["spans"]) == MOST_SPANS


@pytest.mark.parametrize("cause", sorted(CAUSES - {"QuietWindow"}))
def test_every_reason_to_come_back_has_words(cause: str) -> None:
    assert cause not in comes_back(cause)


def test_every_step_has_words() -> None:
    steps = "turn context validate_input bounds second_opinion agent run model validate_output recheck send audit"
    for step in (*steps.split(), "agent loop", "model turn"):
        assert label(step) != step
    assert label("tool getOrder") == "Tool getOrder: order"
    assert label("tool other") == "Tool other"
