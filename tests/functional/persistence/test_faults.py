"""The database goes away, hangs or is behind: the turn's audit is complete afterwards, or AuditDown says why."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from functional.persistence.conftest import Server, blocked, sound
from functional.persistence.samples import full_turn, new_key
from functional.persistence.trouble import KEYS
from metta.errors import AuditDown, Retry, SettingsError
from metta.messages import Turn
from metta.persistence.heads import MemoryHeads
from metta.persistence.migrate import migrate
from metta.persistence.read import read_turns
from metta.persistence.store import AuditStore
from metta_local.postgres import EmbeddedPostgres, PostgresUrls

HEADS = MemoryHeads()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@contextmanager
def opened(runner: asyncio.Runner, url: str, **bounds: float) -> Iterator[AuditStore]:
    store = AuditStore(url, heads=HEADS, keys=KEYS, **bounds)  # type: ignore[arg-type]
    try:
        yield store
    finally:
        runner.run(store.close())


def saved(urls: PostgresUrls, *turns: Turn) -> None:
    for turn in turns:
        sound(urls, turn.key, HEADS, KEYS, [turn.id])


def test_a_turn_is_saved_after_its_idle_connections_were_killed(
    runner: asyncio.Runner, server: Server, urls: PostgresUrls
) -> None:
    async def save_at_once(*turns: Turn) -> None:
        await asyncio.gather(*(store.save_turn(turn) for turn in turns))

    with opened(runner, urls.database_url) as store:
        runner.run(save_at_once(*(full_turn() for _ in range(4))))
        assert server.kill_backends() >= 1
        turns = [full_turn() for _ in range(4)]
        runner.run(save_at_once(*turns))

    saved(urls, *turns)


def test_a_turn_is_whole_though_its_backend_was_killed_in_the_middle_of_the_statement(
    runner: asyncio.Runner, server: Server, urls: PostgresUrls
) -> None:
    turn = full_turn()

    async def kill_while_it_waits(store: AuditStore) -> None:
        async with blocked(server, "metta.timings"):  # turns' row is inserted before it
            saving = asyncio.create_task(store.save_turn(turn))
            await server.waits_for_lock()
            server.kill_backends()
        await saving

    with opened(runner, urls.database_url) as store:
        runner.run(kill_while_it_waits(store))

    [row] = read_turns(urls.database_url, turn.key)
    assert len(row["timings"]) == 3


async def _execute(connection: psycopg.AsyncConnection, statement: bytes) -> None:
    await connection.execute(statement)


def test_a_statement_that_hangs_ends_in_time_and_the_turn_can_be_saved_later(
    runner: asyncio.Runner, urls: PostgresUrls
) -> None:
    turn = full_turn()
    with opened(runner, urls.database_url, statement_timeout_seconds=0.3) as store:
        with psycopg.connect(urls.migrate_url) as blocker:
            blocker.execute("LOCK TABLE metta.turns IN ACCESS EXCLUSIVE MODE")
            begun = time.monotonic()
            with pytest.raises(AuditDown, match="no answer within"):
                runner.run(store.save_turn(turn))
            assert time.monotonic() - begun < 2
        runner.run(store.save_turn(turn))

    saved(urls, turn)


def test_turns_that_find_no_free_connection_do_not_wait_for_ever(runner: asyncio.Runner, urls: PostgresUrls) -> None:
    async def save_two(store: AuditStore) -> list[BaseException | None]:
        return await asyncio.gather(*(store.save_turn(full_turn()) for _ in range(2)), return_exceptions=True)

    with (
        opened(runner, urls.database_url, statement_timeout_seconds=0.3, max_connections=1) as store,
        psycopg.connect(urls.migrate_url) as blocker,
    ):
        blocker.execute("LOCK TABLE metta.turns IN ACCESS EXCLUSIVE MODE")
        results = runner.run(save_two(store))

    assert [type(result) for result in results] == [AuditDown, AuditDown]


def test_a_cancelled_save_leaves_a_usable_store(runner: asyncio.Runner, urls: PostgresUrls) -> None:
    turn = full_turn()

    async def cancel_then_save(store: AuditStore) -> None:
        with psycopg.connect(urls.migrate_url) as blocker:
            blocker.execute("LOCK TABLE metta.turns IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await store.save_turn(full_turn())
        await store.save_turn(turn)

    with opened(runner, urls.database_url, max_connections=1) as store:
        runner.run(cancel_then_save(store))

    saved(urls, turn)


def test_a_restart_of_the_server_between_two_turns_goes_unnoticed(runner: asyncio.Runner, used_directory: Path) -> None:
    before, after = full_turn(), full_turn()
    with EmbeddedPostgres(used_directory) as urls:
        migrate(urls.migrate_url)
        store = AuditStore(urls.database_url, heads=HEADS, keys=KEYS)
        runner.run(store.save_turn(before))
    with EmbeddedPostgres(used_directory) as urls:
        runner.run(store.save_turn(after))
        runner.run(store.close())
        saved(urls, before, after)


def test_a_server_that_is_not_there_is_reported_quickly_and_without_its_address(runner: asyncio.Runner) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"postgresql://metta_worker:topsecret@127.0.0.1:{port}/metta"
        begun = time.monotonic()
        with opened(runner, url) as store, pytest.raises(AuditDown) as caught:
            runner.run(store.save_turn(full_turn()))

    assert time.monotonic() - begun < 1.5
    assert "connection refused" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("topsecret", "metta_worker", "127.0.0.1", str(port)))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(runner: asyncio.Runner) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/metta"
        begun = time.monotonic()
        with opened(runner, url, connect_timeout_seconds=2) as store, pytest.raises(AuditDown, match="in time"):
            runner.run(store.save_turn(full_turn()))

    assert time.monotonic() - begun < 4


def test_a_wrong_password_is_named_as_the_cause(runner: asyncio.Runner, urls: PostgresUrls) -> None:
    head, _, tail = urls.database_url.partition("@")
    wrong = head.rpartition(":")[0] + ":wrong@" + tail

    with opened(runner, wrong) as store, pytest.raises(AuditDown, match="the password was refused"):
        runner.run(store.save_turn(full_turn()))


def test_a_database_without_the_schema_asks_for_metta_migrate(
    runner: asyncio.Runner, new_database: Callable[..., PostgresUrls]
) -> None:
    with opened(runner, new_database().database_url) as store, pytest.raises(AuditDown, match="metta migrate"):
        runner.run(store.save_turn(full_turn()))


def test_a_schema_behind_the_code_asks_for_metta_migrate_and_takes_the_turn_afterwards(
    runner: asyncio.Runner, new_database: Callable[..., PostgresUrls]
) -> None:
    urls = new_database(migrated=True)
    turn = full_turn()
    with opened(runner, urls.database_url) as store:
        with psycopg.connect(urls.migrate_url, autocommit=True) as owner:
            owner.execute("ALTER TABLE metta.turns RENAME COLUMN covered TO not_yet_there")
            with pytest.raises(AuditDown, match="metta migrate"):
                runner.run(store.save_turn(turn))
            owner.execute("ALTER TABLE metta.turns RENAME COLUMN not_yet_there TO covered")
        runner.run(store.save_turn(turn))

    saved(urls, turn)


def test_a_read_only_database_is_reported_and_takes_the_turn_when_it_is_writable_again(
    runner: asyncio.Runner, server: Server, new_database: Callable[..., PostgresUrls]
) -> None:
    urls = new_database(migrated=True)
    name = urls.database_url.rpartition("/")[2]
    turn = full_turn()
    with server.superuser() as admin, opened(runner, urls.database_url) as store:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        with pytest.raises(AuditDown, match="read-only"):
            runner.run(store.save_turn(turn))
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off".encode())
        runner.run(store.save_turn(turn))

    saved(urls, turn)


def test_a_connection_to_what_is_no_longer_the_primary_is_left_for_a_new_one(
    runner: asyncio.Runner, urls: PostgresUrls
) -> None:
    turn = full_turn()
    with opened(runner, urls.database_url) as store:
        runner.run(store.save_turn(full_turn()))
        [(idle, _)] = store._connections._idle
        runner.run(_execute(idle, b"SET default_transaction_read_only = on"))
        runner.run(store.save_turn(turn))

    saved(urls, turn)


def test_a_refused_value_is_reported_without_the_value(runner: asyncio.Runner, urls: PostgresUrls) -> None:
    turn = full_turn(attempt=2**70, reply="confidential")

    with opened(runner, urls.database_url) as store, pytest.raises(AuditDown, match="refused a value") as caught:
        runner.run(store.save_turn(turn))

    assert "confidential" not in str(caught.value)
    assert str(2**70) not in str(caught.value)


def test_reading_from_a_database_that_is_down_is_an_audit_error_too(urls: PostgresUrls) -> None:
    with pytest.raises(AuditDown, match="connection refused"):
        read_turns("postgresql://u:p@127.0.0.1:1/metta", new_key())


def test_audit_errors_send_the_record_back_to_the_queue() -> None:
    assert issubclass(AuditDown, Retry)


@pytest.mark.parametrize("url", ["postgresq://user:topsecret@host/db", "host=h password='topsecret", "topsecret"])
def test_a_malformed_url_stops_the_start_and_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        AuditStore(url)

    assert "topsecret" not in str(caught.value)
    assert caught.value.__suppress_context__
