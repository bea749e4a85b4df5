"""The counts that all workers share: exact with many at once, and unchanged by an update that is repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.parsers import ResponseParserError
from moto import mock_aws

from metta.counters import DynamoCounters
from metta.errors import StateDown
from tests_support.table import state_table

NOW = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)
LOST = ReadTimeoutError(endpoint_url="http://127.0.0.1:1")


class Table:
    """The table, one update at a time as DynamoDB has it for an item, and with answers that can get lost."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.lock = threading.Lock()
        self.answers_lost = 0
        self.highest = 0

    def update_item(self, **kwargs: Any) -> dict[str, Any]:
        with self.lock:
            answer: dict[str, Any] = self.client.update_item(**kwargs)
            self.highest = max(self.highest, int(answer["Attributes"].get("spent", {}).get("N", 0)))
            if self.answers_lost:
                self.answers_lost -= 1
                raise LOST
        return answer

    def item(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_item(TableName="t", Key={"id": {"S": key}}).get("Item", {})
        return found


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        client = state_table("t")
        yield Table(client)


@pytest.fixture
def counters(table: Table) -> DynamoCounters:
    return DynamoCounters(table, "t")


def test_many_runs_at_once_never_take_more_than_the_day_has(table: Table, counters: DynamoCounters) -> None:
    reserve, cost, limit = 100, 30, 1000
    begun: list[int] = []

    def run(n: int) -> None:
        if counters.reserve(3, NOW, f"run-{n}", reserve, limit=limit):
            begun.append(n)
            counters.settle(3, NOW, f"run-{n}", cost - reserve)

    with ThreadPoolExecutor(16) as workers:
        list(workers.map(run, range(60)))
    item = table.item("budget#3#2026-11-22")
    assert int(item["spent"]["N"]) == len(begun) * cost
    assert table.highest <= limit
    assert len(begun) >= limit // reserve
    assert "runs" not in item


def test_runs_that_are_killed_leave_what_they_took(table: Table, counters: DynamoCounters) -> None:
    taken = [counters.reserve(3, NOW, f"run-{n}", 300, limit=1000) for n in range(5)]
    assert taken == [True, True, True, False, False]
    assert table.item("budget#3#2026-11-22")["spent"]["N"] == "900"


def test_the_first_run_of_a_day_may_not_take_more_than_the_day_has(table: Table, counters: DynamoCounters) -> None:
    assert not counters.reserve(3, NOW, "run", 1001, limit=1000)
    assert table.item("budget#3#2026-11-22") == {}


def test_a_reservation_whose_answer_was_lost_is_found_again(table: Table, counters: DynamoCounters) -> None:
    table.answers_lost = 1
    with pytest.raises(StateDown):
        counters.reserve(3, NOW, "run", 600, limit=1000)
    assert counters.reserve(3, NOW, "run", 600, limit=1000)
    assert table.item("budget#3#2026-11-22")["spent"]["N"] == "600"


def test_a_settlement_told_twice_gives_back_once(table: Table, counters: DynamoCounters) -> None:
    counters.reserve(3, NOW, "other", 500, limit=2000)
    counters.reserve(3, NOW, "run", 600, limit=2000)
    table.answers_lost = 1
    with pytest.raises(StateDown):
        counters.settle(3, NOW, "run", -590)
    counters.settle(3, NOW, "run", -590)
    assert table.item("budget#3#2026-11-22")["spent"]["N"] == "510"


def test_accounts_and_days_are_counted_apart(counters: DynamoCounters) -> None:
    days = (NOW, NOW + timedelta(minutes=1))
    for account in (3, 4):
        for day in days:
            assert counters.reserve(account, day, "run", 1000, limit=1000)


def test_messages_counted_at_once_by_many_are_all_counted(table: Table, counters: DynamoCounters) -> None:
    def count(n: int) -> bool:
        return counters.add_messages(3, 901, NOW, [n], limit=20)

    with ThreadPoolExecutor(16) as workers:
        within = list(workers.map(count, range(60)))
    assert within.count(True) == 20
    assert len(table.item("rate#3:901:2026-11-22T23")["messages"]["NS"]) == 21, "it need not grow further"


def test_a_message_is_in_the_count_once(table: Table, counters: DynamoCounters) -> None:
    table.answers_lost = 1
    with pytest.raises(StateDown):
        counters.add_messages(3, 901, NOW, [1, 2], limit=2)
    assert counters.add_messages(3, 901, NOW, [1, 2], limit=2)
    assert not counters.add_messages(3, 901, NOW, [2, 3], limit=2)
    assert counters.add_messages(3, 902, NOW, [3], limit=2)
    assert counters.add_messages(4, 901, NOW, [3], limit=2)
    assert counters.add_messages(3, 901, NOW + timedelta(hours=1), [3], limit=2)


UNTIL = NOW + timedelta(days=30)


def take(counters: DynamoCounters, name: str, *, subject: str = "conversation#3:84", limit: int = 3) -> int | None:
    """How many tries there are with this one; None when it was refused."""
    taken = counters.take_try(subject, name, limit=limit, kept_until=UNTIL)
    return taken and taken.count


def test_orders_looked_for_at_once_are_never_more_than_the_limit(table: Table, counters: DynamoCounters) -> None:
    with ThreadPoolExecutor(16) as workers:
        taken = list(workers.map(lambda n: take(counters, f"order-{n}", limit=5), range(60)))
    assert sorted(count for count in taken if count is not None) == [1, 2, 3, 4, 5]
    assert len(table.item("misses#conversation#3:84")["tries"]["SS"]) == 5


def test_a_try_is_in_the_count_once_also_when_its_answer_was_lost(table: Table, counters: DynamoCounters) -> None:
    take(counters, "order-1", limit=2)
    table.answers_lost = 1
    with pytest.raises(StateDown):
        take(counters, "order-2", limit=2)
    assert take(counters, "order-2", limit=2) == 2
    assert take(counters, "order-1", limit=2) == 2
    assert take(counters, "order-3", limit=2) is None


def test_whoever_asks_first_learns_that_the_question_is_new(counters: DynamoCounters) -> None:
    with ThreadPoolExecutor(8) as workers:
        taken = list(workers.map(lambda _: counters.take_try("s", "order-1", limit=1, kept_until=UNTIL), range(16)))
    assert sorted(one.new for one in taken if one) == [False] * 15 + [True]


def test_a_try_given_back_twice_makes_room_for_one(table: Table, counters: DynamoCounters) -> None:
    for n in range(3):
        take(counters, f"order-{n}")
    table.answers_lost = 1
    with pytest.raises(StateDown):
        counters.give_back_try("conversation#3:84", "order-0")
    counters.give_back_try("conversation#3:84", "order-0")
    assert [take(counters, "order-3"), take(counters, "order-4")] == [3, None]


def test_a_try_that_was_never_taken_gives_nothing_back(table: Table, counters: DynamoCounters) -> None:
    counters.give_back_try("conversation#3:84", "order-0")
    assert table.item("misses#conversation#3:84") == {}
    take(counters, "order-1", limit=1)
    counters.give_back_try("conversation#3:84", "order-0")
    assert take(counters, "order-2", limit=1) is None


def test_tries_are_kept_until_after_the_last_one_and_apart_by_subject(table: Table, counters: DynamoCounters) -> None:
    take(counters, "order-1", limit=2)
    take(counters, "order-1", subject="contact#3:901:2026-11-22", limit=2)
    later = UNTIL + timedelta(days=1)
    counters.take_try("conversation#3:84", "order-2", limit=2, kept_until=later)
    assert take(counters, "order-3", limit=2) is None
    assert table.item("misses#conversation#3:84")["expiration"]["N"] == str(int(later.timestamp()))
    assert table.item("misses#contact#3:901:2026-11-22")["expiration"]["N"] == str(int(UNTIL.timestamp()))


@pytest.mark.parametrize("answer", [{}, ResponseParserError("not JSON")])
def test_an_answer_that_cannot_be_read_is_a_retry(answer: dict[str, Any] | Exception) -> None:
    class Garbled:
        def update_item(self, **_: Any) -> dict[str, Any]:
            if isinstance(answer, Exception):
                raise answer
            return answer

    with pytest.raises(StateDown):
        DynamoCounters(Garbled(), "t").add_messages(3, 901, NOW, [1], limit=5)
    with pytest.raises(StateDown):
        take(DynamoCounters(Garbled(), "t"), "order-1")
