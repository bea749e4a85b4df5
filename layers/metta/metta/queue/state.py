"""Turn state: one DynamoDB item per conversation that makes a reply happen once, whatever is retried or killed.

The item carries a lease (turns of a conversation never overlap), the covered message ids, the turn in hand, turns that
still wait for their audit row, takeover and the count of real tries. Keys are Chatwoot's ids, never SQS's. Every write
after ``acquire`` is conditional on still holding the lease, so a worker that was too slow is fenced off before it
sends.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from metta.errors import ConversationBusy, NotYet, StateDown
from metta.messages import ConversationKey, Turn
from metta.state import ConversationState

KEEP_SECONDS = 35 * 86400
"""Longer than queue plus dead-letter retention (14 + 14 days), so that a late redrive still finds its turn."""
ITEM_BYTES = 350_000
"""DynamoDB takes 400 KB an item; above this, texts in turns are shortened."""


class DynamoDB(Protocol):
    """The part of boto3's DynamoDB client that turn state uses."""

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        """UpdateItem."""
        ...


def _pack(value: Any) -> bytes:
    return gzip.compress(json.dumps(value, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def _unpack(value: Any) -> Any:
    return json.loads(gzip.decompress(bytes(value)))


def _shorten(turn: Turn, limit: int) -> Turn:
    def cut(text: str) -> str:
        return text if len(text) <= limit else f"{text[:limit]} [... {len(text) - limit} characters not kept]"

    messages = tuple(m.model_copy(update={"text": cut(m.text)}) for m in turn.messages)
    verdict = turn.input_verdict and turn.input_verdict.model_copy(update={"text": cut(turn.input_verdict.text)})
    return turn.model_copy(update={"messages": messages, "input_verdict": verdict})


def _pack_turns(hand: Turn | None, outbox: list[Turn]) -> bytes:
    def pack(limit: int | None) -> bytes:
        def dump(turn: Turn) -> Any:
            return (turn if limit is None else _shorten(turn, limit)).model_dump(mode="json")

        return _pack({"hand": hand and dump(hand), "outbox": [dump(turn) for turn in outbox]})

    packed = pack(None)
    limit = 8000
    while len(packed) > ITEM_BYTES and limit > 100:
        packed, limit = pack(limit), limit // 2
    return packed


class TurnStates:
    """Reads and writes turn state.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name; its key attribute is ``id`` as Powertools' idempotency has it.
        now: clock, seconds since the epoch.
    """

    def __init__(self, client: DynamoDB, table: str, *, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._now = now

    def _key(self, key: ConversationKey) -> dict[str, Any]:
        return {"id": {"S": f"turn#{key}"}}

    def acquire(self, key: ConversationKey, seconds: float) -> ConversationState:
        """Take the conversation's lease and read its state; counts one try.

        Args:
            key: the conversation.
            seconds: how long the lease holds if nobody releases it.

        Raises:
            ConversationBusy: somebody else holds it; ``after_seconds`` says for how long at most.
            StateDown: DynamoDB cannot be asked.
        """
        now, owner = self._now(), uuid.uuid4().hex
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=self._key(key),
                UpdateExpression="SET lease_owner = :me, lease_until = :until, expiration = :ttl ADD tries :one",
                ConditionExpression="attribute_not_exists(lease_until) OR lease_until < :now",
                ExpressionAttributeValues={
                    ":me": {"S": owner},
                    ":until": {"N": repr(now + seconds)},
                    ":now": {"N": repr(now)},
                    ":ttl": {"N": str(int(now) + KEEP_SECONDS)},
                    ":one": {"N": "1"},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise StateDown(f"turn state cannot be read ({type(error).__name__})") from error
            refusal: dict[str, Any] = dict(error.response)
            held = refusal.get("Item", {}).get("lease_until", {}).get("N", now + 5)
            raise ConversationBusy("another worker holds it", after_seconds=max(1.0, float(held) - now)) from None
        except BotoCoreError as error:
            raise StateDown(f"turn state cannot be read ({type(error).__name__})") from error
        return self._read(key, owner, now + seconds, answer["Attributes"])

    def _read(self, key: ConversationKey, owner: str, until: float, item: dict[str, Any]) -> ConversationState:
        turns = _unpack(item["turns"]["B"]) if "turns" in item else {"hand": None, "outbox": []}
        return ConversationState(
            key=key,
            owner=owner,
            lease_until=until,
            tries=int(item["tries"]["N"]),
            covered=set(_unpack(item["covered"]["B"])) if "covered" in item else set(),
            floor=int(item.get("floor", {}).get("N", 0)),
            takeover=item.get("takeover", {}).get("S"),
            changed_at=float(item.get("changed_at", {}).get("N", 0)),
            resolved_through=int(item.get("resolved_through", {}).get("N", 0)),
            hand=Turn.model_validate(turns["hand"]) if turns["hand"] else None,
            outbox=[Turn.model_validate(turn) for turn in turns["outbox"]],
        )

    def save(self, state: ConversationState) -> None:
        """Write the state, still holding the lease.

        Raises:
            ConversationBusy: the lease was lost; nothing may be sent any more.
            StateDown: DynamoDB cannot be asked.
        """
        self._write(state, release=False)

    def release(self, state: ConversationState) -> None:
        """Write the state and give the lease back. Raises as ``save`` does."""
        self._write(state, release=True)

    def _write(self, state: ConversationState, *, release: bool) -> None:
        now = self._now()
        sets = {
            "tries": {"N": str(max(0, state.tries))},
            "covered": {"B": _pack(sorted(state.covered))},
            "floor": {"N": str(state.floor)},
            "changed_at": {"N": repr(state.changed_at)},
            "resolved_through": {"N": str(state.resolved_through)},
            "expiration": {"N": str(int(now) + KEEP_SECONDS)},
        }
        removes = []
        if state.takeover:
            sets["takeover"] = {"S": state.takeover}
        else:
            removes.append("takeover")
        if state.hand or state.outbox:
            sets["turns"] = {"B": _pack_turns(state.hand, state.outbox)}
        else:
            removes.append("turns")
        if release:
            removes += ["lease_owner", "lease_until"]
        names = {f"#{name}": name for name in (*sets, *removes)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        if removes:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removes)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key(state.key),
                UpdateExpression=update,
                ConditionExpression="lease_owner = :me AND lease_until > :now",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={
                    ":me": {"S": state.owner},
                    ":now": {"N": repr(now)},
                    **{f":{name}": value for name, value in sets.items()},
                },
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                raise ConversationBusy("the lease was lost") from None
            raise StateDown(f"turn state cannot be written ({type(error).__name__})") from error
        except BotoCoreError as error:
            raise StateDown(f"turn state cannot be written ({type(error).__name__})") from error

    @contextmanager
    def held(self, key: ConversationKey, seconds: float) -> Iterator[ConversationState]:
        """Hold the conversation for a block; what the block left in the state is written at its end, also on errors.

        A ``NotYet`` takes its try back. An error of the block is raised even if the release fails too; the lease then
        ends by itself.
        """
        state = self.acquire(key, seconds)
        try:
            yield state
        except BaseException as error:
            if isinstance(error, NotYet):
                state.tries -= 1
            try:
                self.release(state)
            except (ConversationBusy, StateDown) as lost:
                error.add_note(f"and the lease was not released: {lost}")
            raise
        self.release(state)
