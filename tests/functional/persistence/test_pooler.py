"""The audit log through a real PgBouncer in transaction mode: all that reads and writes, and the pooler's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from functional.persistence.conftest import Server, blocked, sound
from functional.persistence.samples import full_turn, later, message, new_key
from functional.persistence.trouble import KEYS, Workers
from metta.errors import AuditDown
from metta.messages import Turn
from metta.persistence.erase import CONVERSATION, erase_conversation, look_at_conversation
from metta.persistence.migrate import migrate, status
from metta.persistence.period import Period, period_skips, period_turns
from metta.persistence.read import moment, read_conversation, read_turns, reading
from metta.persistence.retention import conversations_older_than, remove_older
from metta.persistence.statistics import statistics
from metta.persistence.verify import verify_conversation
from metta_local.postgres import PostgresUrls
from tests_support.pgbouncer import POOL_SIZE, WAIT_SECONDS, PgBouncer


@pytest.fixture
def own_pooler(server: Server, pooler: PgBouncer) -> Iterator[PgBouncer]:
    """A pooler that the test may kill."""
    with PgBouncer(pooler.program, server.urls) as own:
        yield own


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


def test_a_schema_is_made_and_looked_at_through_the_pooler(
    pooler: PgBouncer, new_database: Callable[..., PostgresUrls]
) -> None:
    urls = pooler.in_front_of(new_database())

    first, second = migrate(urls.migrate_url), migrate(urls.migrate_url)

    assert first.applied
    assert (second.applied, second.granted) == ((), first.granted)
    assert status(urls.database_url).current


def test_all_that_reads_writes_checks_and_erases_works_through_the_pooler(
    pooler: PgBouncer, new_database: Callable[..., PostgresUrls], runner: asyncio.Runner
) -> None:
    urls = pooler.in_front_of(new_database(migrated=True))
    workers, key = Workers(urls.database_url), new_key()
    turns = [full_turn(key, started_at=later(number)) for number in range(3)]
    day = Period(later(0).date(), later(0).date())

    assert runner.run(workers.save(turns)) == []
    runner.run(workers.stores[0].save_skip(message(key, 6001), "human_wrote"))
    runner.run(workers.close())
    with reading(urls.database_url) as connection, moment(connection, statement_seconds=20):
        read = read_conversation(connection, key)
        assert {turn["id"] for turn in read["turns"]} == {turn.id for turn in turns}
        assert [turn["id"] for turn in period_turns(connection, day)] == [turn.id for turn in turns]
        assert len(list(period_skips(connection, day))) == 1
        assert statistics(connection, day)["total"]["turns"] == 3
        found = verify_conversation(connection, key, KEYS, workers.heads.get(key))
        assert (found.problems, found.entries) == ([], 4)
    with psycopg.connect(urls.erase_url, autocommit=True, prepare_threshold=None) as eraser:
        rows = look_at_conversation(eraser, key).rows
        erased = erase_conversation(eraser, key, heads=workers.heads, keys=KEYS, by=CONVERSATION, asked_by="a test")
    assert (erased.rows, erased.through, erased.sound) == (rows, 4, True)
    with reading(urls.database_url) as connection, moment(connection):
        found = verify_conversation(connection, key, KEYS, workers.heads.get(key))
        assert (found.problems, found.erased) == ([], 4)
    assert all(turn["reply"] is None for turn in read_turns(urls.database_url, key))
    cutoff = datetime.now(UTC) + timedelta(days=1)
    with psycopg.connect(urls.migrate_url, autocommit=True, prepare_threshold=None) as owner:
        assert list(conversations_older_than(owner, cutoff)) == [key]
        remove_older(owner, key, cutoff, heads=workers.heads, keys=KEYS, asked_by="a test")
    with reading(urls.database_url) as connection, moment(connection):
        found = verify_conversation(connection, key, KEYS, workers.heads.get(key))
        assert found.problems == []
    assert read_turns(urls.database_url, key) == []


def test_many_more_turns_at_once_than_the_pool_has_sessions_are_all_saved(
    pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers = Workers(make_conninfo(pooler.urls.database_url, application_name="crowd"), number=5)
    turns = [full_turn() for _ in range(12 * POOL_SIZE)]

    assert runner.run(workers.save(turns)) == []

    with server.superuser() as admin:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'crowd'"
        [(sessions,)] = admin.execute(query).fetchall()
    runner.run(workers.close())
    assert 1 <= sessions <= POOL_SIZE, "the pooler was not in between"
    for turn in turns:
        sound(server.urls, turn.key, workers.heads, KEYS, [turn.id])


def test_two_workers_that_write_the_same_conversations_make_one_chain_of_each(
    pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers = Workers(pooler.urls.database_url, number=2)
    keys = [new_key() for _ in range(3)]
    turns = [full_turn(key) for key in keys for _ in range(3)]

    assert runner.run(workers.save(turns, by_all=True)) == []

    runner.run(workers.close())
    for key in keys:
        sound(server.urls, key, workers.heads, KEYS, [turn.id for turn in turns if turn.key == key])


def test_a_pooler_killed_in_the_middle_of_a_turn_leaves_it_written_once(
    own_pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers = Workers(own_pooler.urls.database_url)
    before, cut, after = full_turn(), full_turn(), full_turn()

    async def kill_while_it_waits() -> list[BaseException]:
        async with blocked(server, "metta.timings"):
            saving = asyncio.create_task(workers.save([cut]))
            await server.waits_for_lock()
            own_pooler.kill()
            own_pooler.start()
        return await saving

    assert runner.run(workers.save([before])) == []
    failed = runner.run(kill_while_it_waits())
    assert all(isinstance(error, AuditDown) for error in failed)
    assert runner.run(workers.save([cut, after])) == []

    runner.run(workers.close())
    for turn in (before, cut, after):
        sound(server.urls, turn.key, workers.heads, KEYS, [turn.id])


def test_a_pooler_that_is_gone_for_a_while_is_an_audit_error_and_the_turn_is_saved_later(
    own_pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers = Workers(own_pooler.urls.database_url)
    turn = full_turn()

    own_pooler.kill()
    [error] = runner.run(workers.save([turn]))
    own_pooler.start()
    assert runner.run(workers.save([turn])) == []

    runner.run(workers.close())
    assert isinstance(error, AuditDown)
    assert "connection refused" in str(error)
    sound(server.urls, turn.key, workers.heads, KEYS, [turn.id])


def test_a_pooler_restarted_between_two_turns_goes_unnoticed(
    own_pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers, key = Workers(own_pooler.urls.database_url), new_key()
    turns = [full_turn(key) for _ in range(2)]

    for turn in turns:
        assert runner.run(workers.save([turn])) == []
        own_pooler.kill()
        own_pooler.start()

    runner.run(workers.close())
    sound(server.urls, key, workers.heads, KEYS, [turn.id for turn in turns])


def test_a_pool_whose_sessions_are_all_taken_is_an_audit_error_and_the_turn_is_saved_later(
    pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers, turn = Workers(pooler.urls.database_url), full_turn()

    with ExitStack() as others:
        for _ in range(POOL_SIZE):
            taken = others.enter_context(psycopg.connect(pooler.urls.database_url, prepare_threshold=None))
            taken.execute("SELECT 1")  # and its transaction goes on
        [error] = runner.run(workers.save([turn]))
    assert runner.run(workers.save([turn])) == []

    runner.run(workers.close())
    assert isinstance(error, AuditDown), f"after {WAIT_SECONDS} s the pooler says no"
    sound(server.urls, turn.key, workers.heads, KEYS, [turn.id])


def test_sessions_killed_behind_the_pooler_lose_no_turn(
    pooler: PgBouncer, server: Server, runner: asyncio.Runner
) -> None:
    workers, key = Workers(pooler.urls.database_url, number=2), new_key()
    turns = [full_turn(key) for _ in range(6)]

    async def save_while_they_die() -> list[Turn]:
        left = list(turns)
        for _ in range(20):
            saving = asyncio.create_task(workers.save(left))
            for _ in range(3):
                await asyncio.sleep(0.003)
                await asyncio.to_thread(server.kill_backends)
            if not await saving:
                return []
        return left

    assert runner.run(save_while_they_die()) == []

    runner.run(workers.close())
    sound(server.urls, key, workers.heads, KEYS, [turn.id for turn in turns])
