"""Reading the index of unfinished business: all of it, oldest first, and not more than a run can use."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from metta.errors import SettingsError, StateDown
from metta.queue.unfinished import MOST, UnfinishedIndex


def entry(conversation: int, since: float) -> dict[str, Any]:
    return {"id": {"S": f"turn#3:{conversation}"}, "watch": {"S": "w0"}, "since": {"N": repr(since)}}


class Paged:
    """A shard ``w0`` in pages; the other shards are empty."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def query(self, **kwargs: Any) -> dict[str, Any]:
        self.asked.append(kwargs)
        if kwargs["ExpressionAttributeValues"][":shard"] != {"S": "w0"}:
            return {"Items": []}
        number = int(kwargs.get("ExclusiveStartKey", {}).get("page", 0))
        more = {"LastEvaluatedKey": {"page": number + 1}} if number + 1 < len(self.pages) else {}
        return {"Items": self.pages[number]} | more


class Failing:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def query(self, **kwargs: Any) -> dict[str, Any]:
        raise self.error


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Query")


def test_every_page_is_read() -> None:
    client = Paged([entry(1, 10.0)], [], [entry(2, 20.0)])

    found = UnfinishedIndex(client, "state").older_than(100.0)

    assert [(one.key.conversation_id, one.since) for one in found] == [(1, 10.0), (2, 20.0)]
    assert {call["IndexName"] for call in client.asked} == {"watch"}


def test_what_there_is_too_much_of_is_left_to_a_later_look() -> None:
    pages = [[entry(n, float(n)) for n in range(start, start + 120)] for start in range(0, 1200, 120)]
    client = Paged(*pages)

    found = UnfinishedIndex(client, "state").older_than(1e9)

    assert [one.key.conversation_id for one in found] == list(range(MOST)), "the oldest ones"
    assert len(client.asked) == 5 + 7, "it goes on reading what it will not use"


def test_an_item_that_is_no_conversation_is_passed_over() -> None:
    client = Paged([entry(1, 10.0) | {"id": {"S": "message#abc"}}, entry(2, 20.0)])

    assert [one.key.conversation_id for one in UnfinishedIndex(client, "state").older_than(100.0)] == [2]


@pytest.mark.parametrize(
    "error",
    [
        refusal("ValidationException", "The table does not have the specified index: watch"),
        refusal("ValidationException", "Cannot read from backfilling global secondary index: watch"),
    ],
)
def test_an_index_that_is_not_there_or_not_built_yet_is_named(error: ClientError) -> None:
    with pytest.raises(SettingsError, match=r"IDEMPOTENCY_TABLE: the table state has no index 'watch'"):
        UnfinishedIndex(Failing(error), "state").older_than(100.0)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException", "slow down"),
        refusal("ResourceNotFoundException", "Requested resource not found"),
        EndpointConnectionError(endpoint_url="nowhere"),
        ValueError("unreadable answer"),
    ],
)
def test_any_other_trouble_may_pass(error: Exception) -> None:
    with pytest.raises(StateDown):
        UnfinishedIndex(Failing(error), "state").older_than(100.0)
