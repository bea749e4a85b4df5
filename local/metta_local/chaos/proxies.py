"""All proxies of a run, each worker's own, on one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from metta_local.chaos.harness import Harness
from metta_local.chaos.http_proxy import HttpProxy
from metta_local.chaos.http_upstream import Upstream
from metta_local.chaos.injector import Injector
from metta_local.chaos.journal import Journal, Place
from metta_local.chaos.listening import Listening
from metta_local.chaos.operations import Lens
from metta_local.chaos.postgres_proxy import PostgresProxy
from metta_local.chaos.records import Receipts

T = TypeVar("T")

VARIABLES = {
    "CHATWOOT_BASE_URL": Place.CHATWOOT,
    "ODOO_URL": Place.ODOO,
    "OPENAI_BASE_URL": Place.MODEL,
    "AWS_ENDPOINT_URL": Place.SQS,
    "DATABASE_URL": Place.POSTGRES,
}
"""The variables by which a worker finds a place; all of AWS is behind one."""


class Proxies:
    """Stands between workers and the services that ``environment`` names; a context manager.

    Args:
        environment: the variables of ``VARIABLES``, as a stack gives them.
        journal: where calls are recorded.
        injector: who decides what goes wrong.

    Attributes:
        harness: what they share; ``harness.ambush`` is where kills are armed.

    Example::

        with Proxies(stack.environment(), journal, injector) as proxies:
            variables = stack.environment() | proxies.variables("worker-1")
    """

    def __init__(self, environment: Mapping[str, str], journal: Journal, injector: Injector) -> None:
        self.harness = Harness(journal, injector)
        self._environment = {name: environment[name] for name in VARIABLES}
        self._receipts = Receipts()
        self._upstreams: dict[tuple[str, int], Upstream] = {}
        self._workers: dict[str, dict[str, Listening]] = {}
        self._down: set[Place] = set()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-proxies", daemon=True)

    def start(self) -> Proxies:
        """Start the loop; ports are opened as workers ask for them."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cut everything and end the loop; safe to call twice."""
        if not self._thread.is_alive():
            return
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def __enter__(self) -> Proxies:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def variables(self, worker: str) -> dict[str, str]:
        """The variables of ``VARIABLES`` for one worker, with ports of its own that stay the same."""
        with self._lock:
            if worker not in self._workers:
                self._workers[worker] = self._run(self._open(worker))
            return {
                name: _with_port(self._environment[name], listening.port)
                for name, listening in self._workers[worker].items()
            }

    def down(self, place: Place) -> None:
        """An outage: cut what is open to a place and refuse what comes, for every worker. SQS means all of AWS."""
        self._each(place, down=True)

    def up(self, place: Place) -> None:
        """The end of an outage."""
        self._each(place, down=False)

    def _each(self, place: Place, *, down: bool) -> None:
        async def change() -> None:
            for listening in found:
                listening.shut() if down else await listening.open()

        with self._lock:
            (self._down.add if down else self._down.discard)(place)
            names = [name for name, one in VARIABLES.items() if one is place]
            found = [proxies[name] for proxies in self._workers.values() for name in names]
            self._run(change())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _open(self, worker: str) -> dict[str, Listening]:
        lens = Lens(self._receipts)
        made: dict[str, Listening] = {}
        for name, place in VARIABLES.items():
            host, port = _address(self._environment[name])
            if place is Place.POSTGRES:
                made[name] = PostgresProxy(worker, host, port, self.harness)
            else:
                upstream = self._upstreams.setdefault((host, port), Upstream(host, port))
                made[name] = HttpProxy(worker, place, upstream, lens, self.harness)
            await made[name].open()
            if place in self._down:
                made[name].shut()
        return made

    async def _end(self) -> None:
        for proxies in self._workers.values():
            for listening in proxies.values():
                listening.shut()
        for upstream in self._upstreams.values():
            upstream.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.hostname is None or parts.port is None:
        raise ValueError("a proxy needs the host and port of what is behind it")
    return parts.hostname, parts.port


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
