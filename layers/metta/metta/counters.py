"""Counts that workers share (``bounds.Counters``, ``ai.misses.Tries``), in DynamoDB: items beside turn state.

Each is changed by a single conditional update that names what it counts (message ids, a reservation, a question), so
that one that is repeated, by boto3 after a lost answer or by a redelivered message, changes nothing. Items expire by
themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from metta.errors import StateDown
from metta.messages import Try

RATE_KEPT = timedelta(days=2)
BUDGET_KEPT = timedelta(days=35)
"""Long enough to look up what the days of the last month cost."""


class DynamoDB(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        """UpdateItem."""
        ...


class DynamoCounters:
    """Counts in the table of turn state.

    Args:
        client: a boto3 DynamoDB client.
        table: the table's name; its key attribute is ``id``.
    """

    def __init__(self, client: DynamoDB, table: str) -> None:
        self._client = client
        self._table = table

    def add_messages(self, account_id: int, contact_id: int, hour: datetime, ids: Iterable[int], *, limit: int) -> bool:
        """Count a contact's messages of an hour, each once; whether there are no more than ``limit`` now.

        The item is ``rate#ACCOUNT:CONTACT:HOUR``; its ``messages`` grow to the limit and one turn more.

        Raises:
            StateDown: DynamoDB cannot be asked.
        """
        item, refused = self._update(
            f"rate#{account_id}:{contact_id}:{hour:%Y-%m-%dT%H}",
            "SET expiration = :ttl ADD #messages :ids",
            "attribute_not_exists(#messages) OR size(#messages) <= :limit",
            names={"#messages": "messages"},
            values={
                ":ids": {"NS": [str(id_) for id_ in sorted(set(ids))]},
                ":limit": {"N": str(limit)},
                ":ttl": _expiry(hour, RATE_KEPT),
            },
        )
        return not refused and len(item.get("messages", {}).get("NS", ())) <= limit

    def reserve(self, account_id: int, day: datetime, reservation: str, amount: int, *, limit: int) -> bool:
        """Take ``amount`` micro-dollars of a day, unless more than ``limit`` would then be taken.

        The item is ``budget#ACCOUNT#DAY``: ``spent`` is what is taken, ``runs`` are the reservations not settled yet.

        Raises:
            StateDown: DynamoDB cannot be asked.
        """
        if amount > limit:
            return False
        item, refused = self._update(
            _budget(account_id, day),
            "SET expiration = :ttl ADD #spent :amount, #runs :these",
            "(attribute_not_exists(#spent) OR #spent <= :room) AND NOT contains(#runs, :this)",
            names={"#spent": "spent", "#runs": "runs"},
            values={
                ":amount": {"N": str(amount)},
                ":room": {"N": str(limit - amount)},
                ":this": {"S": reservation},
                ":these": {"SS": [reservation]},
                ":ttl": _expiry(day, BUDGET_KEPT),
            },
        )
        # refused, but there: the answer to the first call was lost
        return not refused or reservation in item.get("runs", {}).get("SS", ())

    def settle(self, account_id: int, day: datetime, reservation: str, difference: int) -> int | None:
        """Add ``difference`` micro-dollars to what a reservation took, once however often told.

        Returns:
            What is taken of the day then, in micro-dollars; None when the day is not known any more.

        Raises:
            StateDown: DynamoDB cannot be asked.
        """
        item, _ = self._update(
            _budget(account_id, day),
            "ADD #spent :difference DELETE #runs :these",
            "contains(#runs, :this)",
            names={"#spent": "spent", "#runs": "runs"},
            values={
                ":difference": {"N": str(difference)},
                ":this": {"S": reservation},
                ":these": {"SS": [reservation]},
            },
        )
        spent = item.get("spent", {}).get("N")
        return None if spent is None else int(spent)

    def take_try(self, subject: str, name: str, *, limit: int, kept_until: datetime) -> Try | None:
        """Count a try once; None when there are ``limit`` others already.

        The item is ``misses#SUBJECT``; its ``tries`` are those that were in vain or are under way.

        Raises:
            StateDown: DynamoDB cannot be asked.
        """
        item, refused = self._update(
            f"misses#{subject}",
            "SET expiration = :ttl ADD #tries :these",
            "(attribute_not_exists(#tries) OR size(#tries) < :limit) AND NOT contains(#tries, :this)",
            names={"#tries": "tries"},
            values={
                ":limit": {"N": str(limit)},
                ":this": {"S": name},
                ":these": {"SS": [name]},
                ":ttl": {"N": str(int(kept_until.timestamp()))},
            },
        )
        tries = item.get("tries", {}).get("SS", ())
        return Try(new=not refused, count=len(tries)) if name in tries else None

    def give_back_try(self, subject: str, name: str) -> None:
        """Count it no more, once however often told.

        Raises:
            StateDown: DynamoDB cannot be asked.
        """
        self._update(
            f"misses#{subject}",
            "DELETE #tries :these",
            "contains(#tries, :this)",
            names={"#tries": "tries"},
            values={":this": {"S": name}, ":these": {"SS": [name]}},
        )

    def _update(
        self, key: str, expression: str, condition: str, *, names: dict[str, str], values: dict[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """The item after the update, or before it where the condition refused it; and whether it did."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"id": {"S": key}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise StateDown(f"a counter cannot be changed ({type(error).__name__})") from error
            refusal: dict[str, Any] = dict(error.response)
            return refusal.get("Item", {}), True
        except Exception as error:  # botocore's errors about unreadable answers are on no common branch
            raise StateDown(f"a counter cannot be changed ({type(error).__name__})") from error
        if "Attributes" not in answer:
            raise StateDown("a counter's answer cannot be read")
        return answer["Attributes"], False


def _budget(account_id: int, day: datetime) -> str:
    return f"budget#{account_id}#{day:%Y-%m-%d}"


def _expiry(start: datetime, kept: timedelta) -> dict[str, str]:
    return {"N": str(int((start + kept).timestamp()))}
