"""Whatever fails or is killed while a turn is written, it is there once, whole, and its chain is sound."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from moto import mock_aws

from functional.persistence import killed_writer
from functional.persistence.conftest import Server, blocked, sound
from functional.persistence.killed_writer import FileHeads
from functional.persistence.samples import full_turn, message, new_key
from functional.persistence.trouble import KEYS, FaultyTable, Workers, cut_at, save
from metta.errors import AuditDown
from metta.messages import Turn
from metta.persistence.heads import DynamoHeads, MemoryHeads, all_heads
from metta.persistence.store import AuditStore
from tests_support.table import state_table


@pytest.fixture
def table() -> Iterator[FaultyTable]:
    with mock_aws():
        yield FaultyTable(state_table())


@pytest.mark.parametrize(
    ("operation", "fault", "fails"),
    [
        ("get_item", "refused", True),
        ("get_item", "lost", True),
        ("get_item", "slow", False),
        ("update_item", "refused", True),
        ("update_item", "lost", True),
        ("update_item", "slow", False),
    ],
)
@pytest.mark.parametrize("then", ["replay", "replay and next", "next and replay"])
def test_a_heads_table_in_trouble_is_made_good_by_the_next_save(
    server: Server, table: FaultyTable, operation: str, fault: str, fails: bool, then: str
) -> None:
    heads, key = DynamoHeads(table, "state-table"), new_key()
    first, troubled, later = full_turn(key), full_turn(key), full_turn(key)
    save(server.urls.database_url, heads, first)

    table.faults = [(operation, fault)]
    if fails:
        with pytest.raises(AuditDown, match="head cannot be"):
            save(server.urls.database_url, heads, troubled)
    else:
        save(server.urls.database_url, heads, troubled)
    assert table.faults == []
    turns = {"replay": [troubled], "replay and next": [troubled, later], "next and replay": [later, troubled]}[then]
    save(server.urls.database_url, heads, *turns)

    sound(server.urls, key, heads, KEYS, [first.id, *(turn.id for turn in turns)])
    assert dict(all_heads(table.client, "state-table")) == {key: heads.get(key)}


def test_a_replay_a_second_worker_and_the_watchdog_write_a_turn_once(server: Server, table: FaultyTable) -> None:
    heads, key = DynamoHeads(table, "state-table"), new_key()
    turns = [full_turn(key) for _ in range(4)]

    async def run() -> list[BaseException]:
        workers = Workers(server.urls.database_url, 3, heads)
        failed = await workers.save(turns, by_all=True)
        failed += await workers.save(turns, by_all=True)
        await workers.close()
        return failed

    assert asyncio.run(run()) == []
    sound(server.urls, key, heads, KEYS, [turn.id for turn in turns])


def writer(url: str, path: Path, turn: Turn, step: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, killed_writer.__file__, url, str(path), step, turn.model_dump_json()]
    return subprocess.Popen(command)


@pytest.mark.parametrize("step", killed_writer.STEPS)
def test_a_worker_killed_between_any_two_steps_leaves_nothing_that_the_next_save_does_not_mend(
    server: Server, tmp_path: Path, step: str
) -> None:
    path, key = tmp_path / "heads", new_key()
    first, cut, later = full_turn(key), full_turn(key), full_turn(key)
    save(server.urls.database_url, FileHeads(path), first)

    assert writer(server.urls.database_url, path, cut, step).wait(60) == -signal.SIGKILL
    save(server.urls.database_url, FileHeads(path), later)  # by a worker who knows nothing of the other
    save(server.urls.database_url, FileHeads(path), cut)  # its record comes back

    sound(server.urls, key, FileHeads(path), KEYS, [first.id, cut.id, later.id])


def test_a_worker_killed_in_the_middle_of_its_statement_leaves_the_turn_whole_or_not_at_all(
    server: Server, tmp_path: Path
) -> None:
    path, key = tmp_path / "heads", new_key()
    cut, later = full_turn(key), full_turn(key)

    async def kill_while_it_waits() -> None:
        async with blocked(server, "metta.timings"):
            worker = writer(server.urls.database_url, path, cut)
            await server.waits_for_lock()
            worker.kill()
            await asyncio.to_thread(worker.wait, 60)

    asyncio.run(kill_while_it_waits())
    save(server.urls.database_url, FileHeads(path), later, cut)

    sound(server.urls, key, FileHeads(path), KEYS, [cut.id, later.id])


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_cut_at_any_point_leaves_the_turn_written_once(server: Server, times: int) -> None:
    cuts = 0
    for at in itertools.count():
        heads, key = MemoryHeads(), new_key()
        first, turn, later = full_turn(key), full_turn(key), full_turn(key)
        save(server.urls.database_url, heads, first)
        with cut_at(server.urls, at, times) as (proxy, url):
            with suppress(AuditDown):
                save(url, heads, turn)
            unused = proxy.left == times
        save(server.urls.database_url, heads, later, turn)
        sound(server.urls, key, heads, KEYS, [first.id, turn.id, later.id])
        if unused:
            break
        cuts += 1
    assert cuts >= 6, "handshake, statement and answer"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sessions_killed_at_random_moments_lose_and_double_nothing(server: Server, seed: int) -> None:
    chance = random.Random(seed)
    heads = MemoryHeads()
    keys = [new_key() for _ in range(3)]
    turns = [full_turn(chance.choice(keys)) for _ in range(30)]
    over = threading.Event()

    def kill() -> None:
        with server.superuser() as admin:
            for _ in range(150):
                if over.wait(chance.uniform(0, 0.006)):
                    return
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'metta_worker'"
                    " ORDER BY md5(pid::text || %s) LIMIT 1",
                    [chance.random()],
                )

    async def as_a_queue_would() -> int:
        workers, failures = Workers(server.urls.database_url, 3, heads), 0
        until = time.monotonic() + 60
        left = turns
        while left and time.monotonic() < until:
            failed = await asyncio.gather(*(workers.save([turn], by_all=chance.random() < 0.3) for turn in left))
            assert all(isinstance(error, AuditDown) for errors in failed for error in errors)
            left = [turn for turn, errors in zip(left, failed, strict=True) if errors]
            failures += len(left)
        await workers.close()
        assert not left
        return failures

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        asyncio.run(as_a_queue_would())
    finally:
        over.set()
        killer.join()
    for key in keys:
        sound(server.urls, key, heads, KEYS, [turn.id for turn in turns if turn.key == key])


def test_a_skip_beside_a_turn_takes_its_own_place_in_the_chain(server: Server) -> None:
    heads, key = MemoryHeads(), new_key()

    async def run() -> None:
        stores = [AuditStore(server.urls.database_url, heads=heads, keys=KEYS) for _ in range(2)]
        skips = [stores[1].save_skip(message(key, 400_000 + 10 * key.conversation_id + n), "left") for n in range(3)]
        await asyncio.gather(*(stores[0].save_turn(turn) for turn in turns), *skips)
        for store in stores:
            await store.close()

    turns = [full_turn(key) for _ in range(3)]
    asyncio.run(run())

    sound(server.urls, key, heads, KEYS, [turn.id for turn in turns], skips=3)
