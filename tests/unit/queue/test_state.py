"""Turn state: the lease, what survives, what is fenced off."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

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
from metta.queue.state import ITEM_BYTES, LEASE_SECONDS, TRIES_FORGOTTEN_SECONDS, TurnStates
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
    assert busy.value.after_seconds == 5
    clock.now += LEASE_SECONDS - 12
    with pytest.raises(ConversationBusy) as busy:
        states.acquire(KEY)
    assert busy.value.after_seconds == pytest.approx(2)


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


class Lossy:
    """Passes writes on and loses the answer to one of them, after which botocore asks again as it does."""

    def __init__(self, client: Any, lost: int) -> None:
        self._client = client
        self._lost = lost
        self.calls = 0

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        self.calls += 1
        answer: dict[str, Any] = self._client.update_item(**kwargs)
        if self.calls == self._lost:
            answer = self._client.update_item(**kwargs)
        return answer


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_write_whose_answer_was_lost_is_no_lost_lease(dynamodb: Any, lost: int) -> None:
    states = TurnStates(Lossy(dynamodb, lost), "state-table")
    with states.held(KEY) as state:
        state.cover([5001])
        states.save(state)
    with TurnStates(dynamodb, "state-table").held(KEY) as state:
        assert state.is_covered(5001)
        assert state.tries == 2


def test_an_answer_that_cannot_be_read_is_a_retry() -> None:
    class Garbled:
        def update_item(self, **_: Any) -> dict[str, Any]:
            return {"Attributes": {"tries": {"N": "1"}}}

    with pytest.raises(StateDown):
        TurnStates(Garbled(), "state-table").acquire(KEY)


def test_a_parser_error_of_the_library_is_a_retry() -> None:
    class Broken:
        def update_item(self, **_: Any) -> dict[str, Any]:
            raise ResponseParserError("not JSON")

    with pytest.raises(StateDown):
        TurnStates(Broken(), "state-table").acquire(KEY)


@pytest.mark.parametrize("write", ["renew", "save"])
def test_a_lease_that_is_renewed_or_saved_holds_on(dynamodb: Any, write: str) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    state = states.acquire(KEY)
    for _ in range(4):
        clock.now += LEASE_SECONDS - 5
        getattr(states, write)(state)
        assert state.lease_left == LEASE_SECONDS
        with pytest.raises(ConversationBusy):
            states.acquire(KEY)
    clock.now += LEASE_SECONDS + 1
    with pytest.raises(ConversationBusy):
        states.renew(state)
    states.acquire(KEY)


def watched(dynamodb: Any) -> dict[str, Any]:
    item: dict[str, Any] = dynamodb.get_item(TableName="state-table", Key={"id": {"S": "turn#3:84"}})["Item"]
    return {name: item[name] for name in ("watch", "since") if name in item}


def test_a_waiting_customer_is_seen_from_the_first_moment_until_the_end(dynamodb: Any) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    states.acquire(KEY, waiting=True)  # and killed
    assert watched(dynamodb)["since"] == {"N": repr(clock.now)}
    clock.now += 60
    with states.held(KEY, waiting=True) as state:
        assert watched(dynamodb) == {"watch": {"S": "w4"}, "since": {"N": repr(clock.now - 60)}}
        state.waiting = False
    assert watched(dynamodb) == {}


@pytest.mark.parametrize("unfinished", ["hand", "outbox"])
def test_a_turn_or_an_audit_row_that_waits_is_seen_too(dynamodb: Any, unfinished: str) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    with states.held(KEY) as state:
        if unfinished == "hand":
            state.hand = a_turn()
        else:
            state.outbox.append(a_turn())
    assert watched(dynamodb)["since"] == {"N": repr(clock.now)}
    with states.held(KEY) as state:
        state.hand, state.outbox = None, []
    assert watched(dynamodb) == {}


def test_tries_count_anew_for_a_message_that_was_away_from_the_queue(dynamodb: Any) -> None:
    clock = Clock()
    states = TurnStates(dynamodb, "state-table", now=clock)
    for _ in range(7):
        with pytest.raises(ModelDown), states.held(KEY):
            raise ModelDown("500")
        clock.now += TRIES_FORGOTTEN_SECONDS
    with states.held(KEY) as state:
        assert state.tries == 8
    clock.now += TRIES_FORGOTTEN_SECONDS + 1
    with states.held(KEY) as state:
        assert state.tries == 1


def test_recent_turns_are_kept(dynamodb: Any) -> None:
    states = TurnStates(dynamodb, "state-table")
    with states.held(KEY) as state:
        state.recent.append((12.5, "abc"))
    with states.held(KEY) as state:
        assert state.recent == [(12.5, "abc")]
