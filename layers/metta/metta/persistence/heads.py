"""Where each conversation's chain ends, kept outside the database: what a cut-off tail or a lost conversation shows by.

One DynamoDB item per conversation in the table of turn state, ``audit#ACCOUNT:CONVERSATION``, written after each entry
and never moved back. It does not expire: it is all that is left to tell of a conversation that was removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from botocore.exceptions import ClientError

from metta.errors import AuditDown
from metta.messages import ConversationKey
from metta.persistence.chain import Head

PREFIX = "audit#"


class Heads(Protocol):
    """Keeps heads."""

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
        try:
            answer = self._client.get_item(TableName=self._table, Key=_id(key), ConsistentRead=True)
            return _head(answer.get("Item"))
        except Exception as error:  # botocore's errors have no common branch, and an item may be anything
            raise AuditDown(f"the audit chain's head cannot be read ({type(error).__name__})") from error

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

    def get(self, key: ConversationKey) -> Head:
        """As ``Heads.get``."""
        return self.heads.get(key, Head())

    def advance(self, key: ConversationKey, head: Head) -> None:
        """As ``Heads.advance``."""
        if head.number > self.get(key).number:
            self.heads[key] = head


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
        FilterExpression="begins_with(id, :prefix)",
        ExpressionAttributeValues={":prefix": {"S": PREFIX}},
        ConsistentRead=True,
    )
    try:
        for page in pages:
            for item in page.get("Items", ()):
                account, _, conversation = item["id"]["S"].removeprefix(PREFIX).partition(":")
                yield ConversationKey(account_id=int(account), conversation_id=int(conversation)), _head(item)
    except Exception as error:
        raise AuditDown(f"the audit chain's heads cannot be read ({type(error).__name__})") from error


def _id(key: ConversationKey) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"{PREFIX}{key.account_id}:{key.conversation_id}"}}


def _head(item: dict[str, Any] | None) -> Head:
    return Head(int(item["number"]["N"]), bytes(item["mac"]["B"])) if item else Head()
