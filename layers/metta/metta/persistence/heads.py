"""Where each conversation's chain ends, kept outside the database: what a cut-off tail or a lost conversation shows by.

One DynamoDB item per conversation in the table of turn state, ``audit#ACCOUNT:CONVERSATION``, written after each entry
and never moved back. It does not expire: it is all that is left to tell of a conversation that was removed. The same
item keeps when the conversation was last erased, and the key of its contents where the policy has them encrypted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from metta.errors import AuditDown
from metta.messages import ConversationKey
from metta.persistence.chain import Head

PREFIX = "audit#"
_BATCH_TRIES = 8
_BATCH_PAUSE_SECONDS = 0.05
"""Before another try for what a batch left out, doubled each time."""


@dataclass(frozen=True)
class Known:
    """What is kept of a conversation outside the database.

    Attributes:
        head: where its chain ends.
        wrapped: key of its contents, itself encrypted; None when there is none, or it was destroyed.
        erased_at: what is older than this is written without contents; None when nothing was erased.
    """

    head: Head = field(default_factory=Head)
    wrapped: bytes | None = None
    erased_at: datetime | None = None


class Heads(Protocol):
    """Keeps heads, and what else an erasure must be sure of."""

    def get(self, key: ConversationKey) -> Head:
        """Where the chain ends as far as is known here; ``Head()`` when nothing is.

        Raises:
            AuditDown: it cannot be asked.
        """
        ...

    def advance(self, key: ConversationKey, head: Head) -> None:
        """Remember the head, unless a later one is known.

        Raises:
            AuditDown: it cannot be told.
        """
        ...

    def look(self, key: ConversationKey) -> Known:
        """All that is kept of the conversation. Raises as ``get`` does."""
        ...

    def agree(self, key: ConversationKey, wrapped: bytes) -> bytes:
        """Keep this key of the contents unless there is one; the one that is kept then. Raises as ``advance`` does."""
        ...

    def forget(self, key: ConversationKey, at: datetime) -> None:
        """Destroy the contents' key, and have what is older than ``at`` written without. Raises as ``advance``."""
        ...


class DynamoDB(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    def get_item(self, **kwargs: Any) -> dict[str, Any]:
        """GetItem."""
        ...

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        """UpdateItem."""
        ...


class DynamoHeads:
    """``Heads`` in the table of turn state.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name; its key attribute is ``id``.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: ConversationKey) -> Head:
        """As ``Heads.get``; a consistent read."""
        return self.look(key).head

    def look(self, key: ConversationKey) -> Known:
        """As ``Heads.look``; one consistent read."""
        try:
            answer = self._client.get_item(TableName=self._table, Key=_id(key), ConsistentRead=True)
            return _known(answer.get("Item") or {})
        except Exception as error:  # botocore's errors have no common branch, and an item may be anything
            raise AuditDown(f"the audit chain's head cannot be read ({type(error).__name__})") from error

    def agree(self, key: ConversationKey, wrapped: bytes) -> bytes:
        """As ``Heads.agree``; one update, which leaves a key that is there as it is."""
        answer = self._update(
            key, "SET #wrapped = if_not_exists(#wrapped, :wrapped)", {"wrapped": {"B": wrapped}}, ReturnValues="ALL_NEW"
        )
        return bytes(answer["Attributes"]["wrapped"]["B"])

    def forget(self, key: ConversationKey, at: datetime) -> None:
        """As ``Heads.forget``; one update."""
        moment = {"S": at.astimezone(UTC).isoformat()}
        self._update(key, "SET #erased_at = :erased_at REMOVE #wrapped", {"erased_at": moment}, names=("wrapped",))

    def _update(
        self, key: ConversationKey, expression: str, values: dict[str, Any], names: tuple[str, ...] = (), **more: Any
    ) -> dict[str, Any]:
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_id(key),
                UpdateExpression=expression,
                ExpressionAttributeNames={f"#{name}": name for name in (*values, *names)},
                ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
                **more,
            )
        except Exception as error:
            raise AuditDown(f"the audit chain's head cannot be written ({type(error).__name__})") from error
        return answer

    def advance(self, key: ConversationKey, head: Head) -> None:
        """As ``Heads.advance``: one conditional update."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_id(key),
                UpdateExpression="SET #number = :number, #mac = :mac",
                ConditionExpression="attribute_not_exists(#number) OR #number < :number",
                ExpressionAttributeNames={"#number": "number", "#mac": "mac"},
                ExpressionAttributeValues={":number": {"N": str(head.number)}, ":mac": {"B": head.mac}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise AuditDown(f"the audit chain's head cannot be written ({type(error).__name__})") from error
        except Exception as error:
            raise AuditDown(f"the audit chain's head cannot be written ({type(error).__name__})") from error


class MemoryHeads:
    """``Heads`` of one process, where nothing outlives it: the console's simulations, and tests."""

    def __init__(self) -> None:
        self.heads: dict[ConversationKey, Head] = {}
        self.wrapped: dict[ConversationKey, bytes] = {}
        self.erased: dict[ConversationKey, datetime] = {}

    def get(self, key: ConversationKey) -> Head:
        """As ``Heads.get``."""
        return self.heads.get(key, Head())

    def advance(self, key: ConversationKey, head: Head) -> None:
        """As ``Heads.advance``."""
        if head.number > self.get(key).number:
            self.heads[key] = head

    def look(self, key: ConversationKey) -> Known:
        """As ``Heads.look``."""
        return Known(self.get(key), self.wrapped.get(key), self.erased.get(key))

    def agree(self, key: ConversationKey, wrapped: bytes) -> bytes:
        """As ``Heads.agree``."""
        return self.wrapped.setdefault(key, wrapped)

    def forget(self, key: ConversationKey, at: datetime) -> None:
        """As ``Heads.forget``."""
        self.wrapped.pop(key, None)
        self.erased[key] = at


def all_heads(client: Any, table: str) -> Iterator[tuple[ConversationKey, Head]]:
    """Every head in the table, in no order. Reads the whole table: for ``metta audit verify``, not for a function.

    Args:
        client: a boto3 DynamoDB client whose credentials may scan.
        table: the table's name.

    Raises:
        AuditDown: the table cannot be read.
    """
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="begins_with(id, :prefix) AND attribute_exists(#number)",
        ExpressionAttributeNames={"#number": "number"},
        ExpressionAttributeValues={":prefix": {"S": PREFIX}},
        ConsistentRead=True,
    )
    try:
        for page in pages:
            for item in page.get("Items", ()):
                yield _key(item), _known(item).head
    except Exception as error:
        raise AuditDown(f"the audit chain's heads cannot be read ({type(error).__name__})") from error


def heads_of(client: Any, table: str, keys: Sequence[ConversationKey]) -> dict[ConversationKey, Head]:
    """The heads of at most 100 conversations at once; ``Head()`` where none is known.

    Raises:
        AuditDown: the table cannot be read.
    """
    found = dict.fromkeys(keys, Head())
    asked = {table: {"Keys": [_id(key) for key in found], "ConsistentRead": True}} if found else {}
    try:
        for tried in range(_BATCH_TRIES):
            if not asked:
                return found
            if tried:
                time.sleep(_BATCH_PAUSE_SECONDS * 2**tried)
            answer = client.batch_get_item(RequestItems=asked)
            for item in answer["Responses"].get(table, ()):
                found[_key(item)] = _known(item).head
            asked = answer.get("UnprocessedKeys") or {}
    except Exception as error:
        raise AuditDown(f"the audit chain's heads cannot be read ({type(error).__name__})") from error
    raise AuditDown("the audit chain's heads cannot be read (the table answers a part of them only)")


def _key(item: dict[str, Any]) -> ConversationKey:
    account, _, conversation = item["id"]["S"].removeprefix(PREFIX).partition(":")
    return ConversationKey(account_id=int(account), conversation_id=int(conversation))


def _id(key: ConversationKey) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"{PREFIX}{key.account_id}:{key.conversation_id}"}}


def _known(item: dict[str, Any]) -> Known:
    return Known(
        head=Head(int(item["number"]["N"]), bytes(item["mac"]["B"])) if "number" in item else Head(),
        wrapped=bytes(item["wrapped"]["B"]) if "wrapped" in item else None,
        erased_at=datetime.fromisoformat(item["erased_at"]["S"]) if "erased_at" in item else None,
    )
