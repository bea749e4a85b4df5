"""Saving a turn costs a round trip and next to no CPU, so that the audit log never slows an answer down."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from functional.persistence.samples import full_turn, message, new_key
from metta.guardrails import Guardrails
from metta.messages import Turn
from metta.persistence.read import read_turns
from metta.persistence.store import AuditStore
from metta.policy import load_policy
from metta_local.postgres import PostgresUrls


class CountingProxy:
    """Passes one connection at a time to the server and counts how often the client spoke after the server had."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.round_trips = 0
        self._server_spoke = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if from_client and self._server_spoke:
                    self.round_trips += 1
                self._server_spoke = not from_client
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other direction, which may still be reading
            end.close()


@contextmanager
def proxied(urls: PostgresUrls) -> Iterator[tuple[CountingProxy, str]]:
    port = urlsplit(urls.database_url).port
    assert port is not None
    proxy = CountingProxy(port)
    try:
        yield proxy, urls.database_url.replace(f":{port}/", f":{proxy.port}/")
    finally:
        proxy.close()


@pytest.mark.parametrize("size", [10, 150_000])
def test_saving_a_turn_takes_one_round_trip_however_much_is_in_it(urls: PostgresUrls, size: int) -> None:
    first = full_turn()
    key = new_key()
    measured = full_turn(key, messages=(message(key, text="x" * size),))

    async def run(proxy: CountingProxy, url: str) -> int:
        store = AuditStore(url)
        await store.save_turn(first)  # opens the connection
        before = proxy.round_trips
        await store.save_turn(measured)
        taken = proxy.round_trips - before
        await store.save_turn(measured)
        repeated = proxy.round_trips - before - taken
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
