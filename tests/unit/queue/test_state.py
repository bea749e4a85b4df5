"""Turn state: the lease, what survives, what is fenced off."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from metta.errors import ConversationBusy, ModelDown, Overtaken, StateDown
from metta.messages import (
    Action,
    Contact,
    ConversationKey,
    Direction,
    IncomingMessage,
    Outcome,
    Phase,
    Turn,
    Verdict,
)
from metta.queue.state import ITEM_BYTES, TurnStates
from metta.state import KEEP_COVERED

KEY = ConversationKey(account_id=3, conversation_id=84)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def a_turn(text: str = "Where is my order?") -> Turn:
    message = IncomingMessage(
        key=KEY,
        message_id=5001,
        inbox_id=11,
        text=text,
        created_at=datetime(2026, 6, 17, 10, tzinfo=UTC),
        contact=Contact(id=901, name="Lena"),
    )
    return Turn(
        id="t-1",
        key=KEY,
        phase=Phase.PREPARED,
        inbox_id=11,
        contact=message.contact,
        messages=(message,),
        covered=(5001,),
        outcome=Outcome.ANSWERED,
        reply="It was shipped.",
        input_verdict=Verdict(direction=Direction.INPUT, action=Action.ALLOW, text=text),
        started_at=datetime(2026, 6, 17, 10, tzinfo=UTC),
    )


def test_a_second_worker_does_not_get_a_held_conversation(dynamodb: Any) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    states.acquire(KEY)
    clock.now += 10
    with pytest.raises(ConversationBusy) as busy:
        states.acquire(KEY)
    assert busy.value.after_seconds == pytest.approx(15)


def test_conversations_do_not_hold_each_other(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    states.acquire(KEY)
    states.acquire(ConversationKey(account_id=3, conversation_id=85))
    states.acquire(ConversationKey(account_id=4, conversation_id=84))


def test_what_a_killed_worker_wrote_is_there_when_its_lease_ends(dynamodb: Any) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    state = states.acquire(KEY)
    state.hand = a_turn()
    state.cover([4999])
    state.takeover = "human"
    state.resolved_through, state.changed_at = 4000, 123.5
    states.save(state)
    clock.now += 31
    again = states.acquire(KEY)
    assert again.hand == a_turn()
    assert again.is_covered(4999)
    assert not again.is_covered(5001)
    assert (again.takeover, again.resolved_through, again.changed_at) == ("human", 4000, 123.5)
    assert again.tries == 2


def test_a_worker_that_lost_its_lease_is_fenced_off(dynamodb: Any) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    slow = states.acquire(KEY)
    clock.now += 31
    with pytest.raises(ConversationBusy):
        states.save(slow)
    fast = states.acquire(KEY)
    with pytest.raises(ConversationBusy):
        states.save(slow)
    states.save(fast)


def test_a_released_conversation_is_free_at_once_and_keeps_its_state(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    with states.held(KEY) as state:
        state.cover([1, 2])
        state.tries = 0
    with states.held(KEY) as state:
        assert state.is_covered(2)
        assert state.tries == 1


def test_a_failed_try_counts_and_what_it_did_is_kept(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")

    def fail() -> None:
        with states.held(KEY) as state:
            state.hand = a_turn()
            raise ModelDown("429")

    with pytest.raises(ModelDown):
        fail()
    with states.held(KEY) as state:
        assert state.tries == 2
        assert state.hand == a_turn()


def test_not_yet_is_no_try(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    for _ in range(3):
        with pytest.raises(Overtaken), states.held(KEY):
            raise Overtaken("newer message")
    with states.held(KEY) as state:
        assert state.tries == 1


def test_ended_turns_wait_in_the_outbox_and_leave_it(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    with states.held(KEY) as state:
        state.outbox.append(a_turn())
    with states.held(KEY) as state:
        assert [turn.id for turn in state.outbox] == ["t-1"]
        state.outbox.clear()
    item = dynamodb.get_item(TableName="state-table", Key={"id": {"S": "turn#3:84"}})["Item"]
    assert "turns" not in item
    assert "lease_owner" not in item
    assert int(item["expiration"]["N"]) > 28 * 86400


def test_covered_ids_stay_bounded_and_old_ones_stay_covered(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    with states.held(KEY) as state:
        state.cover(range(1, KEEP_COVERED + 101))
    with states.held(KEY) as state:
        assert len(state.covered) == KEEP_COVERED
        assert state.is_covered(1)
        assert state.is_covered(KEEP_COVERED + 100)
        assert not state.is_covered(KEEP_COVERED + 101)


def test_a_turn_of_incompressible_text_still_fits_an_item(dynamodb: Any) -> None:
    rng = random.Random(7)
    noise = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(150_000))
    states = TurnStates(dynamodb, "state-table")
    with states.held(KEY) as state:
        state.outbox.append(a_turn(noise))
    item = dynamodb.get_item(TableName="state-table", Key={"id": {"S": "turn#3:84"}})["Item"]
    assert len(item["turns"]["B"]) <= ITEM_BYTES
    with states.held(KEY) as state:
        assert "characters not kept]" in state.outbox[0].messages[0].text
        assert state.outbox[0].reply == "It was shipped."


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://dynamodb"),
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem"),
    ],
)
def test_dynamodb_down_is_a_retry(error: Exception) -> None:
    class Down:
        def update_item(self, **_: Any) -> dict[str, Any]:
            raise error

    with pytest.raises(StateDown):
        TurnStates(Down(), "state-table").acquire(KEY)
