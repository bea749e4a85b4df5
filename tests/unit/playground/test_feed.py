"""What the worker's process tells, and that a kill which waits for a step strikes exactly there."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.messages import Contact, ConversationKey, SentMessage, Turn
from metta.observability import span
from metta_local.playground.feed import FedTracing, Feed

Json = dict[str, Any]


class Pipe:
    """A feed, and what it told."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.feed = Feed(self.writer)

    def told(self) -> list[Json]:
        try:
            return [json.loads(line) for line in os.read(self.reader, 10**6).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    one = Pipe()
    yield one
    os.close(one.reader)
    os.close(one.writer)


@pytest.fixture
def struck(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Signals that this process would have got."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    monkeypatch.setattr(signal, "pause", lambda: None)
    return sent


def turn(**facts: Any) -> Turn:
    key = ConversationKey(account_id=3, conversation_id=84)
    return Turn(id="t-1", key=key, inbox_id=11, contact=Contact(id=901), started_at=datetime.now(UTC), **facts)


def test_only_what_belongs_to_a_turn_is_told_with_its_place_in_it(pipe: Pipe) -> None:
    with FedTracing(pipe.feed).span("batch", records=1), span("conversation"):
        assert pipe.told() == []
        with span("turn", turn="t-1", attempt=1), span("context"):
            pass
    events = pipe.told()
    assert [(one["event"], one.get("name")) for one in events] == [
        ("span", "turn"),
        ("span", "context"),
        ("span_over", "context"),
        ("span_over", "turn"),
        ("batch_over", None),
    ]
    begun, inside = events[:2]
    assert (begun["parent"], begun["turn"], begun["detail"]) == (None, "t-1", {"attempt": 1})
    assert (inside["parent"], inside["turn"]) == (begun["id"], "t-1")


def test_what_is_given_back_to_the_queue_is_told_with_when_it_is_due(pipe: Pipe) -> None:
    before = time.time()
    with FedTracing(pipe.feed).span("batch"), span("give_back", conversation="3:84", seconds=20):
        pass
    told = pipe.told()[0]
    assert (told["event"], told["conversation"]) == ("given_back", 84)
    assert before + 20 <= told["due"] <= time.time() + 20


def test_a_failure_is_told_by_its_class(pipe: Pipe) -> None:
    with (
        pytest.raises(ValueError, match="secret"),
        FedTracing(pipe.feed).span("batch"),
        span("turn", turn="t-1"),
    ):
        raise ValueError("secret")
    over = pipe.told()[-2]
    assert (over["event"], over["error"]) == ("span_over", "ValueError")


@pytest.mark.parametrize(
    ("armed", "sent", "over", "strikes"),
    [
        ("send", (), False, True),
        ("send", (), True, False),
        ("sent", (), True, False),
        ("sent", (SentMessage(kind="reply", message_id=1, text="x"),), True, True),
        ("sent", (SentMessage(kind="reply", message_id=1, text="x"),), False, False),
        ("model", (), False, False),
        (None, (), False, False),
    ],
)
def test_a_kill_strikes_at_its_step_alone(
    pipe: Pipe, struck: list[int], armed: str | None, sent: tuple[SentMessage, ...], over: bool, strikes: bool
) -> None:
    pipe.feed.armed = armed
    pipe.feed.step(turn(sent=sent), "send", over=over, text="")
    assert struck == ([signal.SIGKILL] if strikes else [])
    told = [one["event"] for one in pipe.told()]
    assert told == (["turn", "struck"] if strikes else ["turn"]), "what it was doing is told before it dies"


def test_a_kill_that_waits_for_the_model_strikes_as_it_is_asked(pipe: Pipe, struck: list[int]) -> None:
    pipe.feed.armed = "model"
    with FedTracing(pipe.feed).span("batch"), span("turn", turn="t-1"), span("agent"):
        assert struck == []
        with span("model"):
            assert struck == [signal.SIGKILL]


def test_a_reader_that_is_gone_does_not_disturb_a_turn(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.feed.step(turn(), "context", over=False, text="")
    pipe.reader = os.open(os.devnull, os.O_RDONLY)
