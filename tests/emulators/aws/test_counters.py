"""The shared counts on the local AWS, with workers that really run at once: the stack keeps the limits, too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from metta.counters import DynamoCounters
from metta_local.aws import MiniStack

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def table() -> Iterator[tuple[Any, str]]:
    with MiniStack() as aws:
        yield aws.client("dynamodb"), aws.create_table("counters")


def test_many_workers_never_take_more_than_the_day_has_nor_count_a_message_twice(table: tuple[Any, str]) -> None:
    client, name = table
    counters = DynamoCounters(client, name)
    reserve, cost, limit = 100, 30, 500
    begun: list[int] = []

    def turn(n: int) -> bool:
        within = counters.add_messages(3, 901, NOW, [n % 15], limit=10)
        if counters.reserve(3, NOW, f"run-{n}", reserve, limit=limit):
            begun.append(n)
            counters.settle(3, NOW, f"run-{n}", cost - reserve)
            counters.settle(3, NOW, f"run-{n}", cost - reserve)
        return within

    with ThreadPoolExecutor(8) as workers:
        within = list(workers.map(turn, range(45)))
    items = {item["id"]["S"]: item for item in client.scan(TableName=name)["Items"]}
    budget, rate = items["budget#3#2026-11-22"], items["rate#3:901:2026-11-22T12"]
    assert int(budget["spent"]["N"]) == len(begun) * cost <= limit
    assert len(begun) >= limit // reserve
    assert "runs" not in budget
    assert len(rate["messages"]["NS"]) == 11
    assert within.count(True) >= 10
    assert not within[-1]


def test_many_workers_look_for_no_more_orders_than_the_limit(table: tuple[Any, str]) -> None:
    client, name = table
    counters, subject = DynamoCounters(client, name), "contact#3:901:2026-11-22"

    def ask(n: int) -> bool:
        taken = counters.take_try(subject, f"order-{n % 15}", limit=6, kept_until=NOW)
        if taken and n % 15 == 0:
            counters.give_back_try(subject, "order-0")
        return taken is not None

    with ThreadPoolExecutor(8) as workers:
        let_through = list(workers.map(ask, range(45)))
    for n in range(1, 15):  # whichever came last may have been given back
        ask(n)
    key = {"id": {"S": f"misses#{subject}"}}
    tries = client.get_item(TableName=name, Key=key, ConsistentRead=True)["Item"]["tries"]["SS"]
    assert len(tries) == 6
    assert "order-0" not in tries
    assert let_through.count(True) >= 6
    assert let_through.count(False) >= 6
