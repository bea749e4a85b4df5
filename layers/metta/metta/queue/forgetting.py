"""Takes a person's words out of the table of turn state, where an erasure of the audit log would leave them.

Ended turns that still wait for their audit row keep their numbers and lose what was said: the row then says so, and
nothing has to be written before a person can be forgotten. A turn that is under way is left alone, since its reply
may be on its way: whoever erases is told to come back. Digests of what a customer wrote or asked for go too.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from metta.errors import ConversationBusy, StateDown
from metta.messages import AgentWork, Contact, ConversationKey, Identity, JsonObject, Turn
from metta.queue.state import TurnStates

ERASED = "[erased]"
DAYS_BACK = 4
"""How long a day's count of tries may still be in the table: two days, and two until DynamoDB removes it."""
_PREFIX = "turn#"


class DynamoDB(Protocol):
    """The part of boto3's DynamoDB client that is used here, beside what ``TurnStates`` uses."""

    def get_item(self, **kwargs: Any) -> dict[str, Any]:
        """GetItem."""
        ...

    def delete_item(self, **kwargs: Any) -> dict[str, Any]:
        """DeleteItem."""
        ...

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        """UpdateItem."""
        ...

    def get_paginator(self, name: str, /) -> Any:
        """A paginator."""
        ...


@dataclass(frozen=True)
class Forgotten:
    """What was taken out of the table for one conversation."""

    turns: int = 0
    """Ended turns whose audit row is not written yet, now without contents."""
    digests: int = 0
    """Digests of the customer's latest texts."""
    tries: int = 0
    """Counts of orders that were looked for in vain; they hold digests of the customer's address."""


class TurnStateForgetting:
    """Empties turn state.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name.
        now: clock.
    """

    def __init__(
        self, client: DynamoDB, table: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._states = TurnStates(client, table, now=lambda: now().timestamp())

    def conversations_of(self, account_id: int, contact_id: int) -> set[ConversationKey]:
        """Conversations with a turn of the contact that is in no audit log yet. Reads the whole table.

        Raises:
            StateDown: it cannot be read.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(id, :prefix) AND attribute_exists(turns)",
            ExpressionAttributeValues={":prefix": {"S": f"{_PREFIX}{account_id}:"}},
            ProjectionExpression="id, turns",
            ConsistentRead=True,
        )
        try:
            return {_key(item) for page in pages for item in page.get("Items", ()) if contact_id in _contacts(item)}
        except Exception as error:  # botocore's errors have no common branch, and an item may be anything
            raise StateDown(f"turn state cannot be read ({type(error).__name__})") from error

    def contacts_of(self, key: ConversationKey) -> set[int]:
        """Contacts that the conversation's turns name which are in no audit log yet.

        Raises:
            StateDown: the table cannot be read.
        """
        return _contacts(self._item(key))

    def look(self, key: ConversationKey) -> Forgotten | None:
        """What ``forget`` would take out; None when a turn is under way. Counts of tries are not looked at.

        Raises:
            StateDown: the table cannot be read.
        """
        item = self._item(key)
        turns = _turns(item)
        if turns["hand"] or ("lease_until" in item and float(item["lease_until"]["N"]) > self._now().timestamp()):
            return None
        return Forgotten(len(turns["outbox"]), len(json.loads(item["recent"]["S"])) if "recent" in item else 0)

    def forget(self, key: ConversationKey, contact_ids: Iterable[int]) -> Forgotten:
        """Take the words out; safe to repeat.

        Args:
            key: the conversation.
            contact_ids: whose conversation it is or was.

        Raises:
            ConversationBusy: a turn is under way; nothing was changed.
            StateDown: the table cannot be read or written.
        """
        turns = digests = 0
        if self._item(key):
            with self._states.held(key) as state:
                if state.hand is not None:
                    raise ConversationBusy("a turn is under way")
                state.tries -= 1
                turns, digests = sum(turn != stripped(turn) for turn in state.outbox), len(state.recent)
                state.outbox = [stripped(turn) for turn in state.outbox]
                state.recent = []
        return Forgotten(turns, digests, self._forget_tries(key, contact_ids))

    def _forget_tries(self, key: ConversationKey, contact_ids: Iterable[int]) -> int:
        today = self._now().astimezone(UTC)
        days = [f"{today - timedelta(days=back):%Y-%m-%d}" for back in range(-1, DAYS_BACK + 1)]
        subjects = [f"conversation#{key}"]
        subjects += [
            f"contact#{key.account_id}:{contact}:{day}" for contact in sorted(set(contact_ids)) for day in days
        ]
        return sum(self._delete(f"misses#{subject}") for subject in subjects)

    def _delete(self, name: str) -> bool:
        try:
            answer = self._client.delete_item(TableName=self._table, Key={"id": {"S": name}}, ReturnValues="ALL_OLD")
        except Exception as error:
            raise StateDown(f"turn state cannot be written ({type(error).__name__})") from error
        return bool(answer.get("Attributes"))

    def _item(self, key: ConversationKey) -> dict[str, Any]:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"id": {"S": f"{_PREFIX}{key}"}}, ConsistentRead=True
            )
        except Exception as error:
            raise StateDown(f"turn state cannot be read ({type(error).__name__})") from error
        item: dict[str, Any] = answer.get("Item") or {}
        return item


def stripped(turn: Turn) -> Turn:
    """The turn with its numbers, steps and verdicts, and nothing of what was said or by whom."""
    nobody = Contact(id=turn.contact.id, blocked=turn.contact.blocked)
    gone = {"text": ERASED, "attachments": (), "contact_source_id": "", "contact": nobody, "mail_from": ()}
    messages = tuple(message.model_copy(update=gone) for message in turn.messages)
    verdicts = {
        name: verdict and verdict.model_copy(update={"text": ERASED})
        for name, verdict in (("input_verdict", turn.input_verdict), ("output_verdict", turn.output_verdict))
    }
    calls = [call.model_copy(update={"arguments": {}, "result": {}}) for call in turn.work.tool_calls]
    work: AgentWork = turn.work.model_copy(update={"tool_calls": calls, "opinions": []})
    return turn.model_copy(
        update={
            "contact": nobody,
            "identity": Identity(level=turn.identity.level),
            "messages": messages,
            "work": work,
            "reply": None if turn.reply is None else ERASED,
            "sent": tuple(sent.model_copy(update={"text": ERASED}) for sent in turn.sent),
            **verdicts,
        }
    )


def _turns(item: dict[str, Any]) -> JsonObject:
    if "turns" not in item:
        return {"hand": None, "outbox": []}
    try:
        turns: JsonObject = json.loads(gzip.decompress(bytes(item["turns"]["B"])))
    except (LookupError, TypeError, ValueError, OSError) as error:
        raise StateDown(f"turn state cannot be understood ({type(error).__name__})") from error
    return turns


def _contacts(item: dict[str, Any]) -> set[int]:
    turns = _turns(item)
    every = [turn for turn in (turns["hand"], *turns["outbox"]) if turn]
    return {int(turn["contact"]["id"]) for turn in every} | {
        int(message["contact"]["id"]) for turn in every for message in turn["messages"]
    }


def _key(item: dict[str, Any]) -> ConversationKey:
    account, _, conversation = item["id"]["S"].removeprefix(_PREFIX).partition(":")
    return ConversationKey(account_id=int(account), conversation_id=int(conversation))
