"""The steps of a turn are timed, and whoever runs the worker can watch them with the turn at hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from metta.messages import Contact, ConversationKey, Turn
from metta.timing import timed, watch_steps

Seen = list[tuple[str, str, bool, str, int]]


@pytest.fixture
def turn() -> Turn:
    key = ConversationKey(account_id=3, conversation_id=84)
    return Turn(id="t-1", key=key, inbox_id=11, contact=Contact(id=901), started_at=datetime.now(UTC))


@pytest.fixture
def seen() -> Iterator[Seen]:
    told: Seen = []

    def watch(turn: Turn, step: str, *, over: bool, text: str) -> None:
        told.append((turn.id, step, over, text, len(turn.timings)))

    watch_steps(watch)
    yield told
    watch_steps(None)


def test_a_step_is_seen_as_it_begins_and_when_it_is_over(turn: Turn, seen: Seen) -> None:
    with timed(turn, "guard_output", text="as the model wrote it"):
        assert seen == [("t-1", "guard_output", False, "as the model wrote it", 0)]
    assert seen[1:] == [("t-1", "guard_output", True, "", 1)]


def test_a_step_that_fails_is_seen_to_be_over_too(turn: Turn, seen: Seen) -> None:
    with pytest.raises(ValueError, match="no"), timed(turn, "send"):
        raise ValueError("no")
    assert [over for _, _, over, _, _ in seen] == [False, True]
    assert [one.step for one in turn.timings] == ["send"]


def test_nobody_is_told_who_did_not_ask(turn: Turn, seen: Seen) -> None:
    watch_steps(None)
    with timed(turn, "send"):
        pass
    assert seen == []
    assert [one.step for one in turn.timings] == ["send"]
