"""Turn state: one DynamoDB item per conversation that makes a reply happen once, whatever is retried or killed.

The item carries a lease (turns of a conversation never overlap), the covered message ids, the turn in hand, turns that
still wait for their audit row, takeover and the count of real tries. Keys are Chatwoot's ids, never SQS's. Every write
after ``acquire`` is conditional on still holding the lease, so a worker that was too slow is fenced off before it
sends. What is unfinished shows in a sparse index, where the watchdog finds it.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import ClientError

from metta.errors import ConversationBusy, NotYet, Retry, StateDown
from metta.messages import ConversationKey, Turn
from metta.state import ConversationState

KEEP_SECONDS = 35 * 86400
"""Longer than queue plus dead-letter retention (14 + 14 days), so that a late redrive still finds its turn."""
ITEM_BYTES = 350_000
"""DynamoDB takes 400 KB an item; above this, texts in turns are shortened."""
LEASE_SECONDS = 25.0
"""How long a lease holds from each write on: a killed worker's conversation is free again after this.

More than the 16 s after which a message that was being sent must be visible (``transport.SETTLED_AFTER_SECONDS``) plus
the time between two renewals.
"""
BUSY_SECONDS = 5.0
"""When a record of a held conversation is looked at again at the latest: most turns are over by then."""
TRIES_FORGOTTEN_SECONDS = 3600
"""No record stays away that long between two tries: after it, tries count anew, as for a message redriven by hand."""
WATCH_INDEX = "watch"
"""Global secondary index over what is unfinished: hash ``watch`` (a shard), range ``since`` (unix seconds)."""
WATCH_SHARDS = 8


def watch_shard(key: ConversationKey) -> str:
    """The shard of the index under which a conversation's unfinished business is kept."""
    return f"w{key.conversation_id % WATCH_SHARDS}"


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


def _number(item: dict[str, Any], name: str) -> float | None:
    return float(item[name]["N"]) if name in item else None


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

    def acquire(self, key: ConversationKey, *, waiting: bool = False) -> ConversationState:
        """Take the conversation's lease and read its state; counts one try.

        Args:
            key: the conversation.
            waiting: whether a customer waits, which the watchdog shall know of from now on.

        Raises:
            ConversationBusy: somebody else holds it.
            StateDown: DynamoDB cannot be asked.
        """
        now, owner = self._now(), uuid.uuid4().hex
        update = "SET lease_owner = :me, lease_until = :until, expiration = :ttl"
        values: dict[str, Any] = {
            ":me": {"S": owner},
            ":until": {"N": repr(now + LEASE_SECONDS)},
            ":now": {"N": repr(now)},
            ":ttl": {"N": str(int(now) + KEEP_SECONDS)},
            ":one": {"N": "1"},
        }
        if waiting:
            update += ", watch = :shard, since = if_not_exists(since, :now), waiting = :yes"
            values |= {":shard": {"S": watch_shard(key)}, ":yes": {"BOOL": True}}
        refusal: dict[str, Any] = {}
        item = self._update(
            key,
            refusal,
            UpdateExpression=f"{update} ADD tries :one",
            ConditionExpression="attribute_not_exists(lease_until) OR lease_until < :now",
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        if item is None:
            item = refusal
            if item.get("lease_owner", {}).get("S") != owner:  # else it is ours: the answer to the first call was lost
                held = _number(item, "lease_until") or now + 5
                raise ConversationBusy("another worker holds it", after_seconds=min(BUSY_SECONDS, max(1.0, held - now)))
        try:
            return self._read(key, owner, item)
        except (LookupError, TypeError, ValueError, OSError) as error:
            raise StateDown(f"turn state cannot be understood ({type(error).__name__})") from error

    def _read(self, key: ConversationKey, owner: str, item: dict[str, Any]) -> ConversationState:
        turns = _unpack(item["turns"]["B"]) if "turns" in item else {"hand": None, "outbox": []}
        tries, tried_at = int(item["tries"]["N"]), _number(item, "tried_at")
        if tried_at is not None and self._now() - tried_at > TRIES_FORGOTTEN_SECONDS:
            tries = 1
        return ConversationState(
            key=key,
            owner=owner,
            lease_until=float(item["lease_until"]["N"]),
            tries=tries,
            covered=set(_unpack(item["covered"]["B"])) if "covered" in item else set(),
            floor=int(item.get("floor", {}).get("N", 0)),
            takeover=item.get("takeover", {}).get("S"),
            changed_at=_number(item, "changed_at") or 0.0,
            resolved_through=int(item.get("resolved_through", {}).get("N", 0)),
            hand=Turn.model_validate(turns["hand"]) if turns["hand"] else None,
            outbox=[Turn.model_validate(turn) for turn in turns["outbox"]],
            recent=[(float(at), str(digest)) for at, digest in json.loads(item["recent"]["S"])]
            if "recent" in item
            else [],
            disclosed=set(json.loads(item["disclosed"]["S"])) if "disclosed" in item else set(),
            unwritten=int(item.get("unwritten", {}).get("N", 0)),
            waiting="waiting" in item,
            since=_number(item, "since"),
            clock=self._now,
        )

    def renew(self, state: ConversationState) -> None:
        """Hold the lease for another ``LEASE_SECONDS``. Raises as ``save`` does."""
        now = self._now()
        kept = self._update(
            state.key,
            {},
            UpdateExpression="SET lease_until = :until",
            ConditionExpression="lease_owner = :me AND lease_until > :now",
            ExpressionAttributeValues={
                ":me": {"S": state.owner},
                ":now": {"N": repr(now)},
                ":until": {"N": repr(now + LEASE_SECONDS)},
            },
        )
        if kept is None:
            raise ConversationBusy("the lease was lost")
        state.lease_until = max(state.lease_until, now + LEASE_SECONDS)

    def save(self, state: ConversationState) -> None:
        """Write the state, still holding the lease, and hold it on.

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
        sets: dict[str, Any] = {
            "tries": {"N": str(max(0, state.tries))},
            "tried_at": {"N": repr(now)},
            "covered": {"B": _pack(sorted(state.covered))},
            "floor": {"N": str(state.floor)},
            "changed_at": {"N": repr(state.changed_at)},
            "resolved_through": {"N": str(state.resolved_through)},
            "expiration": {"N": str(int(now) + KEEP_SECONDS)},
        }
        optional: dict[str, dict[str, Any] | None] = {
            "takeover": {"S": state.takeover} if state.takeover else None,
            "turns": {"B": _pack_turns(state.hand, state.outbox)} if state.hand or state.outbox else None,
            "recent": {"S": json.dumps(state.recent)} if state.recent else None,
            "disclosed": {"S": json.dumps(sorted(state.disclosed))} if state.disclosed else None,
            "unwritten": {"N": str(state.unwritten)} if state.unwritten else None,
            "waiting": {"BOOL": True} if state.waiting else None,
            "watch": {"S": watch_shard(state.key)} if state.unfinished else None,
            "since": {"N": repr(state.since or now)} if state.unfinished else None,
            "lease_owner": None if release else {"S": state.owner},
            "lease_until": None if release else {"N": repr(now + LEASE_SECONDS)},
            "released_by": {"S": state.owner} if release else None,
        }
        sets |= {name: value for name, value in optional.items() if value is not None}
        removes = [name for name, value in optional.items() if value is None]
        names = {f"#{name}": name for name in (*sets, *removes)}
        refusal: dict[str, Any] = {}
        kept = self._update(
            state.key,
            refusal,
            UpdateExpression="SET "
            + ", ".join(f"#{name} = :{name}" for name in sets)
            + " REMOVE "
            + ", ".join(f"#{name}" for name in removes),
            ConditionExpression="#lease_owner = :me AND #lease_until > :now",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":me": {"S": state.owner},
                ":now": {"N": repr(now)},
                **{f":{name}": value for name, value in sets.items()},
            },
        )
        if kept is None and refusal.get("released_by", {}).get("S") != state.owner:
            raise ConversationBusy("the lease was lost")
        state.since = (state.since or now) if state.unfinished else None
        if not release:
            state.lease_until = now + LEASE_SECONDS

    def _update(self, key: ConversationKey, refusal: dict[str, Any], **request: Any) -> dict[str, Any] | None:
        """One conditional write; None when the condition did not hold, with the item as it is in ``refusal``."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": f"turn#{key}"}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **request,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise StateDown(f"turn state cannot be reached ({type(error).__name__})") from error
            refused: dict[str, Any] = dict(error.response)
            refusal.update(refused.get("Item", {}))
            return None
        except Exception as error:  # botocore's errors about unreadable answers are on no common branch
            raise StateDown(f"turn state cannot be reached ({type(error).__name__})") from error
        attributes: dict[str, Any] = answer.get("Attributes", {})
        return attributes

    @contextmanager
    def held(self, key: ConversationKey, *, waiting: bool = False) -> Iterator[ConversationState]:
        """Hold the conversation for a block; what the block left in the state is written at its end, also on errors.

        A ``NotYet`` takes its try back. An error of the block is raised even if the release fails too; the lease then
        ends by itself.
        """
        state = self.acquire(key, waiting=waiting)
        try:
            yield state
        except BaseException as error:
            if isinstance(error, NotYet):
                state.tries -= 1
            if isinstance(error, Retry) and error.tries is None:
                error.tries = state.tries
            try:
                self.release(state)
            except (ConversationBusy, StateDown) as lost:
                error.add_note(f"and the lease was not released: {lost}")
            raise
        self.release(state)
