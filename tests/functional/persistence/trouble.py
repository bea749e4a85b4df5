"""Trouble for the audit log's tests: a table that fails, a connection that is cut, and workers that write at once."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ReadTimeoutError

from functional.persistence import killed_writer
from metta.messages import Turn
from metta.persistence.chain import chain_keys
from metta.persistence.heads import Heads, MemoryHeads
from metta.persistence.store import AuditStore
from metta_local.postgres import PostgresUrls

KEYS = chain_keys(killed_writer.KEY)


class Workers:
    """Processes that write at the same time, each with a store of its own, and one place for the heads."""

    def __init__(self, url: str, number: int = 1, heads: Heads | None = None) -> None:
        self.heads = heads or MemoryHeads()
        self.stores = [
            AuditStore(url, heads=self.heads, keys=KEYS, statement_timeout_seconds=20) for _ in range(number)
        ]

    async def save(self, turns: Sequence[Turn], *, by_all: bool = False) -> list[BaseException]:
        """Save all at once, each by one worker in turn or by all; what went wrong."""
        jobs = [
            store.save_turn(turn)
            for number, turn in enumerate(turns)
            for store in (self.stores if by_all else [self.stores[number % len(self.stores)]])
        ]
        done = await asyncio.gather(*jobs, return_exceptions=True)
        return [one for one in done if one is not None]

    async def close(self) -> None:
        for store in self.stores:
            await store.close()


def save(url: str, heads: Heads, *turns: Turn) -> None:
    """Save one after the other, as a new process would."""

    async def run() -> None:
        workers = Workers(url, heads=heads)
        try:
            for turn in turns:
                for error in await workers.save([turn]):
                    raise error
        finally:
            await workers.close()

    asyncio.run(run())


class FaultyTable:
    """A DynamoDB whose next calls fail as they are told."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.faults: list[tuple[str, str]] = []
        """Operation and what becomes of its next call: refused, lost (it was done) or slow."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_item(self, **given: Any) -> Any:
        return self._do("get_item", given)

    def update_item(self, **given: Any) -> Any:
        return self._do("update_item", given)

    def _do(self, operation: str, given: dict[str, Any]) -> Any:
        fault = self.faults.pop(0)[1] if self.faults and self.faults[0][0] == operation else ""
        if fault == "slow":
            time.sleep(0.3)
        if fault == "refused":
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, operation)
        answer = getattr(self.client, operation)(**given)
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return answer


class Cutting:
    """Passes bytes between client and server, and cuts the connection at a given piece of either direction.

    Args:
        port: the server's.
        at: number of the piece, counted over both directions of each connection; cuts before it is passed on.
        times: how many connections are cut.
    """

    def __init__(self, port: int, at: int, times: int) -> None:
        self._server_port = port
        self._at = at
        self.left = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
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
            pieces = itertools.count()
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, target, pieces), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, pieces: Iterator[int]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if next(pieces) == self._at and self.left:
                    self.left -= 1
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the other direction, which may still be reading
            end.close()


@contextmanager
def cut_at(urls: PostgresUrls, at: int, times: int) -> Iterator[tuple[Cutting, str]]:
    port = urlsplit(urls.database_url).port
    assert port is not None
    proxy = Cutting(port, at, times)
    try:
        yield proxy, urls.database_url.replace(f":{port}/", f":{proxy.port}/")
    finally:
        proxy.close()
