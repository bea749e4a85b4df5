"""Saving a turn costs a round trip and next to no CPU, so that the audit log never slows an answer down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from functional.persistence.samples import full_turn, message, new_key
from metta.guardrails import Guardrails
from metta.messages import Turn
from metta.persistence.read import read_turns
from metta.persistence.store import AuditStore
from metta.policy import load_policy
from metta_local.bench.round_trips import RoundTrips
from metta_local.postgres import PostgresUrls


@contextmanager
def proxied(urls: PostgresUrls) -> Iterator[tuple[RoundTrips, str]]:
    port = urlsplit(urls.database_url).port
    assert port is not None
    with RoundTrips(port) as proxy:
        yield proxy, urls.database_url.replace(f":{port}/", f":{proxy.port}/")


@pytest.mark.parametrize("size", [10, 150_000])
def test_saving_a_turn_takes_one_round_trip_however_much_is_in_it(urls: PostgresUrls, size: int) -> None:
    first = full_turn()
    key = new_key()
    measured = full_turn(key, messages=(message(key, text="x" * size),))

    async def run(proxy: RoundTrips, url: str) -> int:
        store = AuditStore(url)
        await store.save_turn(first)  # opens the connection
        before = proxy.number
        await store.save_turn(measured)
        taken = proxy.number - before
        await store.save_turn(measured)
        repeated = proxy.number - before - taken
        assert repeated == 2 * taken  # and a look at where the chain ends
        await store.close()
        return taken

    with proxied(urls) as (proxy, url):
        taken = asyncio.run(run(proxy, url))

    assert taken == 1
    assert [row["id"] for row in read_turns(urls.database_url, key)] == [measured.id]


def test_saving_a_turn_takes_at_most_five_milliseconds_of_cpu(urls: PostgresUrls) -> None:
    turns = [full_turn() for _ in range(60)]

    async def run() -> float:
        store = AuditStore(urls.database_url, clean=Guardrails(load_policy()).sanitize)
        await store.save_turn(full_turn())
        begun = time.thread_time()
        await save_all(store, turns)
        used = time.thread_time() - begun
        await store.close()
        return used

    used = asyncio.run(run())

    assert used / len(turns) <= 0.005


async def save_all(store: AuditStore, turns: list[Turn]) -> None:
    for turn in turns:
        await store.save_turn(turn)
