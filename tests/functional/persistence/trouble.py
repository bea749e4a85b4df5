"""Trouble for the audit log's tests: a table that fails, a connection that is cut, and workers that write at once."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ReadTimeoutError

from functional.persistence import killed_writer
from metta.messages import Turn
from metta.persistence.chain import chain_keys
from metta.persistence.heads import Heads, MemoryHeads
from metta.persistence.store import AuditStore
from metta_local.bench.round_trips import Relay
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


class Cutting(Relay):
    """Cuts connections at a given piece of either direction.

    Args:
        port: the server's.
        at: number of the piece, counted over both directions of each connection; cuts before it is passed on.
        times: how many connections are cut.
    """

    def __init__(self, port: int, at: int, times: int) -> None:
        self._at = at
        self.left = times
        self._pieces: defaultdict[int, Iterator[int]] = defaultdict(itertools.count)
        super().__init__(port)

    def passes(self, connection: int, *, from_client: bool) -> bool:
        if next(self._pieces[connection]) != self._at or not self.left:
            return True
        self.left -= 1
        return False


@contextmanager
def cut_at(urls: PostgresUrls, at: int, times: int) -> Iterator[tuple[Cutting, str]]:
    port = urlsplit(urls.database_url).port
    assert port is not None
    with Cutting(port, at, times) as proxy:
        yield proxy, urls.database_url.replace(f":{port}/", f":{proxy.port}/")
