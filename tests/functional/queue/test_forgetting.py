"""Turn state keeps what a turn cost and did, and no word of a person who was forgotten."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from functional.persistence.forgetting import WORDS, told_turn
from functional.persistence.samples import new_key
from metta.errors import ConversationBusy
from metta.messages import ConversationKey, Phase, Turn
from metta.queue.forgetting import DAYS_BACK, Forgotten, TurnStateForgetting, stripped
from metta.queue.state import TurnStates
from tests_support.table import state_table

TABLE = "state-table"


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield state_table()


def left(table: Any, key: ConversationKey, *, hand: Turn | None = None, outbox: tuple[Turn, ...] = ()) -> None:
    """A worker left the conversation so."""
    with TurnStates(table, TABLE).held(key) as state:
        state.hand, state.outbox, state.takeover = hand, list(outbox), "human"
        state.recent = [(datetime.now(UTC).timestamp(), "0123456789abcdef")]
        state.disclosed = {"ai_assistant"}
        state.cover([5001])


def item(table: Any, key: ConversationKey) -> dict[str, Any]:
    found: dict[str, Any] = table.get_item(TableName=TABLE, Key={"id": {"S": f"turn#{key}"}}).get("Item", {})
    return found


def test_turns_that_wait_for_their_row_lose_what_was_said_and_keep_their_numbers(table: Any) -> None:
    key = new_key()
    turn = told_turn(key)
    left(table, key, outbox=(turn,))

    assert TurnStateForgetting(table, TABLE).forget(key, [7]) == Forgotten(turns=1, digests=1)

    text = gzip.decompress(bytes(item(table, key)["turns"]["B"])).decode()
    assert [word for word in WORDS if word in text] == []
    [kept] = [Turn.model_validate(one) for one in json.loads(text)["outbox"]]
    same = ("id", "outcome", "reason", "covered", "attempt", "timings", "handoff_done", "started_at", "finished_at")
    assert [getattr(kept, name) for name in same] == [getattr(turn, name) for name in same]
    assert (kept.work.model_calls, kept.contact.id) == (turn.work.model_calls, 7)
    assert [call.name for call in kept.work.tool_calls] == [call.name for call in turn.work.tool_calls]
    assert stripped(kept) == kept


def test_what_the_next_turn_must_know_stays(table: Any) -> None:
    key = new_key()
    left(table, key)
    before = item(table, key)
    TurnStateForgetting(table, TABLE).forget(key, [7])
    after = item(table, key)
    assert "recent" not in after
    assert {name: after[name] for name in ("covered", "takeover", "disclosed", "tries")} == {
        name: before[name] for name in ("covered", "takeover", "disclosed", "tries")
    }
    assert "lease_until" not in after


@pytest.mark.parametrize("phase", [Phase.STARTED, Phase.PREPARED, Phase.SENDING])
def test_a_turn_under_way_is_not_touched(table: Any, phase: Phase) -> None:
    key = new_key()
    left(table, key, hand=told_turn(key, phase=phase), outbox=(told_turn(key),))
    before = item(table, key)
    forgetting = TurnStateForgetting(table, TABLE)
    with pytest.raises(ConversationBusy):
        forgetting.forget(key, [7])
    assert forgetting.look(key) is None
    after = item(table, key)
    assert {name: after[name] for name in ("turns", "recent", "tries")} == {
        name: before[name] for name in ("turns", "recent", "tries")
    }
    assert "lease_until" not in after


def test_a_conversation_that_a_worker_holds_is_not_touched(table: Any) -> None:
    key, states = new_key(), TurnStates(table, TABLE)
    left(table, key, outbox=(told_turn(key),))
    held = states.acquire(key)
    forgetting = TurnStateForgetting(table, TABLE)
    with pytest.raises(ConversationBusy):
        forgetting.forget(key, [7])
    assert forgetting.look(key) is None
    states.release(held)
    assert forgetting.look(key) == Forgotten(turns=1, digests=1)


def test_a_conversation_without_turn_state_gets_none(table: Any) -> None:
    key = new_key()
    assert TurnStateForgetting(table, TABLE).forget(key, [7]) == Forgotten()
    assert item(table, key) == {}


def test_conversations_are_found_by_the_contact_of_turns_that_are_in_no_log_yet(table: Any) -> None:
    waiting, under_way, other, elsewhere = (new_key() for _ in range(4))
    left(table, waiting, outbox=(told_turn(waiting),))
    left(table, under_way, hand=told_turn(under_way, phase=Phase.SENDING))
    left(table, other, outbox=(told_turn(other, 8),))
    left(table, ConversationKey(account_id=33, conversation_id=elsewhere.conversation_id),
         outbox=(told_turn(elsewhere),))  # fmt: skip
    forgetting = TurnStateForgetting(table, TABLE)
    assert forgetting.conversations_of(3, 7) == {waiting, under_way}
    assert (forgetting.contacts_of(waiting), forgetting.contacts_of(new_key())) == ({7}, set())


def test_counts_of_vain_questions_go_for_each_day_that_may_still_be_there(table: Any) -> None:
    key, now = new_key(), datetime(2026, 11, 28, 23, 59, tzinfo=UTC)
    days = [now - timedelta(days=back) for back in range(-1, DAYS_BACK + 1)]
    names = [f"misses#conversation#{key}", *(f"misses#contact#3:7:{day:%Y-%m-%d}" for day in days)]
    for name in (*names, "rate#3:7:2026-11-28T23"):
        table.put_item(TableName=TABLE, Item={"id": {"S": name}})
    done = TurnStateForgetting(table, TABLE, now=lambda: now).forget(key, [7])
    assert done.tries == len(names)
    assert [one["id"]["S"] for one in table.scan(TableName=TABLE)["Items"]] == ["rate#3:7:2026-11-28T23"]
