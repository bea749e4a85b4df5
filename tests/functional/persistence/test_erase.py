"""A person is forgotten: what was said is gone, that it was said can still be proved, and whoever looks is told why."""

from __future__ import annotations

import asyncio
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
    WORDS,
    Killed,
    KilledAt,
    KilledBeforeHead,
    found_in_database,
    told_message,
    told_turn,
    verified,
    write,
)
from functional.persistence.samples import full_turn, later, message, new_key
from metta.errors import AuditDown
from metta.messages import ConversationKey
from metta.persistence.chain import Head
from metta.persistence.erase import (
    CONVERSATION,
    Erased,
    by_contact,
    contacts_of,
    conversations_of,
    erase_conversation,
    look_at_conversation,
)
from metta.persistence.grants import CONTENTS
from metta.persistence.heads import MemoryHeads
from metta.persistence.read import read_conversation, read_turns
from metta.persistence.store import AuditStore
from metta_local.postgres import PostgresUrls

NOW = later(3600)


@contextmanager
def eraser(urls: PostgresUrls) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(urls.erase_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


def erase(
    urls: PostgresUrls, key: ConversationKey, heads: MemoryHeads, *, by: str = CONVERSATION, now: datetime = NOW
) -> Erased:
    with eraser(urls) as connection:
        return erase_conversation(connection, key, heads=heads, keys=KEYS, by=by, asked_by="Ada", now=now)


@pytest.fixture
def own(new_database: Callable[..., PostgresUrls]) -> PostgresUrls:
    """A database in which nothing else has the words."""
    return new_database(migrated=True)


def test_what_was_said_is_found_nowhere_and_the_log_still_proves_itself(own: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    turn = told_turn(key)
    write(
        own, heads, lambda store: store.save_turn(turn), lambda store: store.save_skip(told_message(key), "human_wrote")
    )
    assert set(found_in_database(own)) == set(CONTENTS)

    done = erase(own, key, heads, by=by_contact(7))

    assert found_in_database(own) == []
    found = verified(own, key, heads)
    assert (found.problems, found.erased, found.entries) == ([], 2, 3)
    assert done.through == 2
    [erasure] = read_conversation(own.database_url, key)["erasures"]
    assert erasure["facts"] == {"through": 2, "by": "contact 7", "rows": done.rows, "asked_by": "Ada"}


def test_numbers_and_words_about_the_turn_stay(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    [before] = read_turns(urls.database_url, key)

    erase(urls, key, heads)

    [after] = read_turns(urls.database_url, key)
    stays = set(before) - set(CONTENTS["turns"]) - set(CONTENTS)
    assert {name: after[name] for name in stays} == {name: before[name] for name in stays}
    assert [call["name"] for call in after["tool_calls"]] == [call["name"] for call in before["tool_calls"]]


def test_a_dry_run_counts_what_an_erasure_empties(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    with eraser(urls) as connection:
        looked = look_at_conversation(connection, key)
    assert (looked.rows, looked.through) == (erase(urls, key, heads).rows, 1)
    with eraser(urls) as connection:
        assert look_at_conversation(connection, key).rows == 0


def test_a_second_erasure_finds_nothing_and_is_written_down_too(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    erase(urls, key, heads)
    assert erase(urls, key, heads).rows == 0
    assert [one["facts"]["rows"] for one in read_conversation(urls.database_url, key)["erasures"]] == [10, 0]
    assert verified(urls, key, heads).problems == []


def test_a_contact_is_found_in_turns_and_skips_of_their_account(urls: PostgresUrls) -> None:
    first, second, other = new_key(), new_key(), new_key()
    heads = MemoryHeads()
    write(
        urls,
        heads,
        lambda store: store.save_turn(told_turn(first, 70_001)),
        lambda store: store.save_skip(told_message(second, 70_001), "human_wrote"),
        lambda store: store.save_turn(told_turn(other, 70_002)),
    )
    with eraser(urls) as connection:
        assert conversations_of(connection, 3, 70_001) == {first, second}
        assert conversations_of(connection, 4, 70_001) == set()
        assert contacts_of(connection, other) == {70_002}


def test_what_comes_later_is_kept_and_proved(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    erase(urls, key, heads, now=later(0))
    after = full_turn(key, started_at=later(10), messages=(message(key, 5009),))
    write(urls, heads, lambda store: store.save_turn(after))
    assert verified(urls, key, heads).problems == []
    assert [row["reply"] for row in read_turns(urls.database_url, key)].count(None) == 1


def test_a_turn_that_began_before_an_erasure_is_written_without_what_was_said(own: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(own, heads, lambda store: store.save_turn(told_turn(key)))
    erase(own, key, heads)

    late = told_turn(key)
    redriven = told_turn(key, started_at=NOW + timedelta(seconds=5), finished_at=NOW + timedelta(seconds=6))
    skipped = told_message(key)
    write(own, heads, *(lambda store, one=one: store.save_turn(one) for one in (late, redriven)))
    write(own, heads, lambda store: store.save_skip(skipped, "human_wrote"))

    assert found_in_database(own) == []
    assert verified(own, key, heads).problems == []
    assert {row["id"] for row in read_turns(own.database_url, key)} >= {late.id, redriven.id}


class ErasedWhileItWrites(MemoryHeads):
    """Heads of a worker that stood still after its first look, and in that time the conversation was erased."""

    def __init__(self, of: MemoryHeads, erasure: Callable[[], object]) -> None:
        super().__init__()
        self.heads, self.wrapped, self.erased = of.heads, of.wrapped, of.erased
        self._erasure: Callable[[], object] | None = erasure

    def look(self, key: ConversationKey) -> Any:
        known = super().look(key)
        if self._erasure is not None:
            erasure, self._erasure = self._erasure, None
            erasure()
        return known


@pytest.mark.parametrize("turns", [0, 1])
def test_a_worker_that_stood_still_during_an_erasure_writes_nothing_back(own: PostgresUrls, turns: int) -> None:
    key, heads = new_key(), MemoryHeads()
    write(own, heads, *[lambda store: store.save_turn(told_turn(key))] * turns)
    stale = ErasedWhileItWrites(heads, lambda: erase(own, key, heads))
    write(own, stale, lambda store: store.save_turn(told_turn(key)))
    assert found_in_database(own) == []
    assert verified(own, key, heads).problems == []


@pytest.mark.parametrize("statements", range(12))
def test_an_erasure_that_is_killed_anywhere_is_done_by_the_next(urls: PostgresUrls, statements: int) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    with eraser(urls) as connection:
        try:
            erase_conversation(
                KilledAt(connection, statements), key, heads=heads, keys=KEYS, by=CONVERSATION, asked_by="Ada", now=NOW
            )  # type: ignore[arg-type]
        except (Killed, AuditDown):
            pass
        else:
            assert statements >= 10, "it was not killed"
    assert verified(urls, key, heads).problems == []
    erase(urls, key, heads)
    text = str(read_conversation(urls.database_url, key))
    assert [word for word in WORDS if word in text] == []
    assert verified(urls, key, heads).problems == []
    assert heads.get(key).number == (2 if statements < 10 else 3)


def test_an_erasure_that_is_killed_before_the_head_moves_is_done_by_the_next(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    with pytest.raises(Killed):
        erase(urls, key, KilledBeforeHead(heads))
    assert heads.get(key).number == 1
    assert verified(urls, key, heads).problems == []

    assert erase(urls, key, heads).rows == 0
    assert heads.get(key).number == 3
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    assert verified(urls, key, heads).problems == []


def test_an_erasure_beside_workers_that_write_all_the_time_ends_and_everything_is_proved(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))

    async def run() -> list[Erased]:
        store = AuditStore(urls.database_url, heads=heads, keys=KEYS)

        async def work() -> None:
            for _ in range(6):
                await store.save_skip(told_message(key), "human_wrote")

        try:
            working = asyncio.gather(work(), work())
            erased = [await asyncio.to_thread(erase, urls, key, heads, now=later(-3600)) for _ in range(4)]
            await working
        finally:
            await store.close()
        return erased

    erased = asyncio.run(run())
    assert sum(one.rows for one in erased) > 0
    found = verified(urls, key, heads)
    assert (found.problems, found.entries >= 14) == ([], True)


def test_two_who_erase_at_once_both_come_to_an_end(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, *[lambda store: store.save_turn(told_turn(key)) for _ in range(5)])

    async def run() -> list[Erased]:
        return await asyncio.gather(*(asyncio.to_thread(erase, urls, key, heads) for _ in range(4)))

    done = asyncio.run(run())
    assert sum(one.rows > 0 for one in done) == 1
    assert verified(urls, key, heads).problems == []


def test_a_broken_chain_is_erased_all_the_same_and_still_called_broken(own: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(own, heads, lambda store: store.save_turn(told_turn(key)), lambda store: store.save_turn(told_turn(key)))
    with psycopg.connect(own.migrate_url) as owner:
        owner.execute("UPDATE metta.entries SET mac = '\\x00' WHERE conversation_id = %s AND number = 2",
                      [key.conversation_id])  # fmt: skip
    heads.heads[key] = Head(1, _mac(own, key, 1))
    assert not erase(own, key, heads).sound
    assert found_in_database(own) == []
    assert verified(own, key, heads).problems[0].number == 2


def test_contents_that_somebody_put_back_are_found(urls: PostgresUrls) -> None:
    key, heads = new_key(), MemoryHeads()
    write(urls, heads, lambda store: store.save_turn(told_turn(key)))
    erase(urls, key, heads)
    with psycopg.connect(urls.migrate_url) as owner:
        owner.execute("UPDATE metta.turns SET reply = 'x' WHERE conversation_id = %s", [key.conversation_id])
    assert "contents stand where they were erased" in verified(urls, key, heads).problems[0].what


def _mac(urls: PostgresUrls, key: ConversationKey, number: int) -> bytes:
    with psycopg.connect(urls.database_url) as connection:
        row = connection.execute(
            "SELECT mac FROM metta.entries WHERE conversation_id = %s AND number = %s", [key.conversation_id, number]
        ).fetchone()
    assert row is not None
    return bytes(row[0])


BEGUN = datetime(2026, 11, 25, tzinfo=UTC)
STEPS = st.one_of(
    st.just(("turn", 0)),
    st.just(("skip", 0)),
    st.tuples(st.just("erase"), st.integers(0, 11)),
    st.just(("headless", 0)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_in_whatever_order_turns_and_killed_erasures_come_the_log_proves_itself(
    urls: PostgresUrls, steps: list[tuple[str, int]]
) -> None:
    key, heads, clock = new_key(), MemoryHeads(), BEGUN
    expected = 0
    for step, statements in steps:
        clock += timedelta(hours=1)
        if step == "turn":
            turn = told_turn(key, started_at=clock, messages=())
            write(urls, heads, lambda store, turn=turn: store.save_turn(turn))
            expected += 1
        elif step == "skip":
            skipped = told_message(key, created_at=clock)
            write(urls, heads, lambda store, skipped=skipped: store.save_skip(skipped, "human_wrote"))
            expected += 1
        else:
            with eraser(urls) as connection:
                killed: Any = KilledAt(connection, statements) if step == "erase" else connection
                its = KilledBeforeHead(heads) if step == "headless" else heads
                with suppress(Killed, AuditDown):
                    erase_conversation(killed, key, heads=its, keys=KEYS, by=CONVERSATION, asked_by="Ada", now=clock)
        assert verified(urls, key, heads, now=BEGUN).problems == []
    erase(urls, key, heads, now=clock)
    found = verified(urls, key, heads)
    assert (found.problems, found.erased) == ([], expected)
    text = str(read_conversation(urls.database_url, key))
    assert not [word for word in WORDS if word in text]
