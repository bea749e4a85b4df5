"""What is older than the policy wants it goes with all its rows, and what is left still proves itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functional.persistence.forgetting import (
    KEYS,
    Killed,
    KilledAt,
    KilledBeforeHead,
    found_in_database,
    told_message,
    told_turn,
    verified,
    write,
)
from functional.persistence.samples import new_key
from metta.errors import AuditDown
from metta.messages import ConversationKey
from metta.persistence import batch
from metta.persistence.columns import COLUMNS
from metta.persistence.erase import CONVERSATION, erase_conversation
from metta.persistence.heads import MemoryHeads
from metta.persistence.read import read_conversation
from metta.persistence.retention import Removed, conversations_older_than, count_by_month, remove_older
from metta_local.postgres import PostgresUrls

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 10, 12, tzinfo=UTC)


class Clock:
    """What the store takes for the time; each look is a day later."""

    def __init__(self) -> None:
        self.days = -1

    def __call__(self) -> datetime:
        self.days += 1
        return FIRST + self.days * DAY


@pytest.fixture
def a_day_each(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Every entry is written a day after the one before."""
    clock = Clock()

    class Dated(batch.Batch):
        def __init__(self, **fields: Any) -> None:
            super().__init__(**(fields if "saved_at" in fields else fields | {"saved_at": clock()}))

    monkeypatch.setattr("metta.persistence.store.Batch", Dated)
    return clock


@contextmanager
def owner(urls: PostgresUrls) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(urls.migrate_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def remove(urls: PostgresUrls, key: ConversationKey, heads: MemoryHeads, before: datetime, **options: Any) -> Removed:
    with owner(urls) as connection:
        return remove_older(connection, key, before, heads=heads, keys=KEYS, asked_by="Ada", **options)


def filled(urls: PostgresUrls, heads: MemoryHeads, entries: int) -> ConversationKey:
    """A conversation of turns, each third entry a skip."""
    key = new_key()
    for number in range(entries):
        if number % 3 == 1:
            message = told_message(key)
            write(urls, heads, lambda store, message=message: store.save_skip(message, "human_wrote"))
        else:
            turn = told_turn(key)
            write(urls, heads, lambda store, turn=turn: store.save_turn(turn))
    return key


def numbers(urls: PostgresUrls, key: ConversationKey) -> list[int]:
    with psycopg.connect(urls.database_url) as connection:
        rows = connection.execute(
            "SELECT number FROM metta.entries WHERE account_id = %s AND conversation_id = %s ORDER BY number",
            [key.account_id, key.conversation_id],
        )
        return [number for (number,) in rows]


def rows_of(urls: PostgresUrls) -> Counter[str]:
    with psycopg.connect(urls.migrate_url) as connection:
        return Counter(
            {
                table: connection.execute(f"SELECT count(*) FROM metta.{table}".encode()).fetchone()[0]  # type: ignore[index]
                for table in COLUMNS
            }
        )


@pytest.fixture
def own(new_database: Callable[..., PostgresUrls]) -> PostgresUrls:
    return new_database(migrated=True)


@pytest.mark.usefixtures("a_day_each")
def test_the_oldest_entries_go_with_their_rows_and_the_rest_proves_itself(urls: PostgresUrls) -> None:
    heads = MemoryHeads()
    key = filled(urls, heads, 6)
    done = remove(urls, key, heads, FIRST + 4 * DAY)

    assert (done.entries, numbers(urls, key)) == (4, [5, 6, 7])
    found = verified(urls, key, heads)
    assert (found.problems, found.entries) == ([], 3)
    log = read_conversation(urls.database_url, key)
    assert (len(log["turns"]), len(log["skips"]), len(log["metadata"])) == (1, 1, 1)
    facts = log["erasures"][0]["facts"]
    assert {"through": 4, "entries": 4, "rows": done.rows, "asked_by": "Ada"}.items() <= facts.items()


@pytest.mark.usefixtures("a_day_each")
def test_a_dry_run_says_month_and_table_of_what_goes_then(own: PostgresUrls) -> None:
    heads = MemoryHeads()
    filled(own, heads, 30)
    before, cutoff = rows_of(own), FIRST + 27 * DAY
    with owner(own) as connection:
        counts = count_by_month(connection, cutoff)
        assert count_by_month(connection, cutoff, account_id=999) == []
        [key] = conversations_older_than(connection, cutoff)
        assert list(conversations_older_than(connection, cutoff, 999)) == []
    assert {count.month for count in counts} == {"2026-01", "2026-02"}
    told: Counter[str] = Counter()
    for count in counts:
        told[count.table] += count.rows

    remove(own, key, heads, cutoff)

    gone = before - rows_of(own) + Counter({"entries": 1})  # the entry that says so came
    assert told == gone


@pytest.mark.usefixtures("a_day_each")
def test_a_conversation_that_is_old_as_a_whole_leaves_one_entry_which_is_not_renewed(own: PostgresUrls) -> None:
    heads = MemoryHeads()
    key = filled(own, heads, 3)
    remove(own, key, heads, FIRST + 90 * DAY, now=FIRST + 91 * DAY)
    assert (numbers(own, key), found_in_database(own)) == ([4], [])
    assert verified(own, key, heads).problems == []

    assert remove(own, key, heads, FIRST + 900 * DAY).entries == 0
    with owner(own) as connection:
        assert list(conversations_older_than(connection, FIRST + 900 * DAY)) == []
        assert count_by_month(connection, FIRST + 900 * DAY) == []


@pytest.mark.usefixtures("a_day_each")
def test_a_long_conversation_goes_in_small_transactions(urls: PostgresUrls) -> None:
    heads = MemoryHeads()
    key = filled(urls, heads, 7)
    steps = []
    while done := remove(urls, key, heads, FIRST + 7 * DAY, most_entries=3).entries:
        steps.append(done)
        assert verified(urls, key, heads).problems == []
    assert steps == [3, 3, 1]


@pytest.mark.usefixtures("a_day_each")
def test_turns_that_come_after_are_sealed_to_what_is_left(urls: PostgresUrls) -> None:
    heads = MemoryHeads()
    key = filled(urls, heads, 3)
    with pytest.raises(Killed):
        remove(urls, key, KilledBeforeHead(heads), FIRST + 9 * DAY)
    remove(urls, key, heads, FIRST + 9 * DAY)
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    assert (numbers(urls, key), verified(urls, key, heads).problems) == ([4, 5], [])


@pytest.mark.usefixtures("a_day_each")
def test_a_head_that_stayed_behind_is_moved_before_its_entry_goes(urls: PostgresUrls) -> None:
    heads = MemoryHeads()
    key = filled(urls, heads, 3)
    first = heads.get(key)
    filled_on = told_turn(key)
    write(urls, heads, lambda store: store.save_turn(filled_on))
    heads.heads[key] = first  # its writer was killed before

    class Watched(MemoryHeads):
        def advance(self, key: ConversationKey, head: Any) -> None:
            seen.append((head.number, len(numbers(urls, key))))
            super().advance(key, head)

    seen: list[tuple[int, int]] = []
    watched = Watched()
    watched.heads = heads.heads
    remove(urls, key, watched, FIRST + 9 * DAY)
    assert seen == [(4, 4), (5, 1)]


@pytest.mark.usefixtures("a_day_each")
@pytest.mark.parametrize("how", ["cut off", "altered"])
def test_what_was_tampered_with_stays_as_evidence(urls: PostgresUrls, how: str) -> None:
    heads = MemoryHeads()
    key = filled(urls, heads, 3)
    statement = {
        "cut off": "DELETE FROM metta.entries WHERE conversation_id = %s AND number = 3",
        "altered": "UPDATE metta.entries SET facts = '[]' WHERE conversation_id = %s AND number = 2",
    }[how]
    with owner(urls) as connection:
        connection.execute(statement.encode(), [key.conversation_id])
    left = numbers(urls, key)
    done = remove(urls, key, heads, FIRST + 9 * DAY)
    assert done.problem
    assert (done.entries, numbers(urls, key)) == (0, left)


STEPS = st.one_of(
    st.just(("write", 0)),
    st.tuples(st.just("remove"), st.integers(0, 12)),
    st.just(("headless", 0)),
    st.just(("erase", 0)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=2, max_size=9), most=st.integers(1, 4))
def test_in_whatever_order_turns_erasures_and_killed_removals_come_the_log_proves_itself(
    urls: PostgresUrls, a_day_each: Clock, steps: list[tuple[str, int]], most: int
) -> None:
    a_day_each.days = -1
    heads = MemoryHeads()
    key = filled(urls, heads, 2)
    for step, statements in steps:
        now = a_day_each()
        if step == "write":
            turn = told_turn(key)
            write(urls, heads, lambda store, turn=turn: store.save_turn(turn))
        elif step == "erase":
            with psycopg.connect(urls.erase_url, autocommit=True) as connection:
                erase_conversation(connection, key, heads=heads, keys=KEYS, by=CONVERSATION, asked_by="Ada", now=now)
        else:
            its = KilledBeforeHead(heads) if step == "headless" else heads
            with owner(urls) as connection, suppress(Killed, AuditDown):
                killed: Any = KilledAt(connection, statements) if step == "remove" else connection
                remove_older(
                    killed, key, now - 2 * DAY, heads=its, keys=KEYS, asked_by="Ada", now=now, most_entries=most
                )
        assert verified(urls, key, heads).problems == []
    while remove(urls, key, heads, a_day_each() + DAY, most_entries=most).entries:
        assert verified(urls, key, heads).problems == []
    log = read_conversation(urls.database_url, key)
    assert (log["turns"], log["skips"], verified(urls, key, heads).problems) == ([], [], [])
