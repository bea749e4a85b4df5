"""Finds conversations whose business is unfinished for too long, through the sparse index over turn state."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from metta.errors import SettingsError, StateDown
from metta.messages import ConversationKey
from metta.queue.state import WATCH_INDEX, WATCH_SHARDS

MOST = 500
"""Conversations that one search gives, the oldest ones; a later search finds the others."""
_ITEM_ID = re.compile(r"turn#(\d+):(\d+)")


class DynamoDBIndex(Protocol):
    """The part of boto3's DynamoDB client that reads an index."""

    def query(self, **kwargs: Any) -> dict[str, Any]:
        """Query."""
        ...


@dataclass(frozen=True)
class Unfinished:
    """A conversation with something unfinished, as the index shows it, which may be a moment old."""

    key: ConversationKey
    since: float
    """Unix seconds."""


class UnfinishedIndex:
    """Reads the index.

    Args:
        client: a boto3 DynamoDB client.
        table: the table of turn state.
    """

    def __init__(self, client: DynamoDBIndex, table: str) -> None:
        self._client = client
        self._table = table

    def older_than(self, moment: float) -> list[Unfinished]:
        """What is unfinished since before ``moment`` (Unix seconds), oldest first, at most ``MOST``.

        Raises:
            SettingsError: the table has no such index.
            StateDown: DynamoDB cannot be asked.
        """
        shards = [self._shard(f"w{number}", moment) for number in range(WATCH_SHARDS)]
        return list(heapq.merge(*shards, key=lambda one: one.since))[:MOST]

    def _shard(self, shard: str, moment: float) -> list[Unfinished]:
        found: list[Unfinished] = []
        start: dict[str, Any] = {}
        while len(found) < MOST:
            answer = self._query(shard, moment, start)
            found += [one for item in answer.get("Items", ()) if (one := _read(item)) is not None]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    def _query(self, shard: str, moment: float, start: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._client.query(
                TableName=self._table,
                IndexName=WATCH_INDEX,
                KeyConditionExpression="watch = :shard AND since < :moment",
                ExpressionAttributeValues={":shard": {"S": shard}, ":moment": {"N": repr(moment)}},
                **start,
            )
        except ClientError as error:
            code, said = (str(error.response.get("Error", {}).get(name)) for name in ("Code", "Message"))
            if code in ("ValidationException", "ResourceNotFoundException") and "index" in said:
                raise SettingsError(
                    f"IDEMPOTENCY_TABLE: the table {self._table} has no index {WATCH_INDEX!r} that can be read (hash "
                    "watch, range since): deploy the newest template, or wait until the index is built"
                ) from error
            raise StateDown(f"unfinished conversations cannot be read ({code})") from error
        except Exception as error:  # botocore's errors about unreadable answers are on no common branch
            raise StateDown(f"unfinished conversations cannot be read ({type(error).__name__})") from error


def _read(item: dict[str, Any]) -> Unfinished | None:
    match = _ITEM_ID.fullmatch(item["id"]["S"])
    if match is None:
        return None
    key = ConversationKey(account_id=int(match[1]), conversation_id=int(match[2]))
    return Unfinished(key, float(item["since"]["N"]))
