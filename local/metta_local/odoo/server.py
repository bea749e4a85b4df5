"""What the emulator's protocols share: the database, who may ask, trouble on demand, and a record of the calls."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from metta_local.odoo.accounts import BOT_KEY_ID, DATETIME
from metta_local.odoo.broken import TRANSPORT, broken
from metta_local.odoo.faults import FaultKind, Faults
from metta_local.odoo.versions import Version
from metta_local.odoo.world import Database

_KEPT_CALLS = 10_000


class OdooCall(NamedTuple):
    """One ORM call that was made, for tests and for people."""

    model: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    protocol: str = "jsonrpc"
    """``jsonrpc`` or ``json2``; the latter has no positional arguments."""


class Server:
    """One emulated server's state.

    Attributes:
        version: as ``server_version`` has it.
        database: the only database there is.
        username: the bot's login.
        api_key: the key that is accepted.
        data: the database; tests may change rows and rights between requests.
        rpc: whether ``/jsonrpc`` is served.
        faults: trouble on demand.
        calls: the latest ORM calls, oldest first.
        logins: how often somebody logged in.
        busiest: the most requests that were under way at one time.
        connections: TCP connections on which a request has come.
    """

    def __init__(self, version: str, data: Database, *, api_key: str, rpc: bool) -> None:
        self.version = version
        self.release = Version(version)
        self.database = "acme"
        self.username = "metta@acme.example"
        self.api_key = api_key
        self.data = data
        self.rpc = rpc
        self.faults = Faults()
        self.calls: list[OdooCall] = []
        self.logins = 0
        self.busiest = 0
        self.connections = 0
        self._under_way = 0
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self.lock = threading.Lock()

    def record(self, call: OdooCall) -> None:
        """Keep a call among the latest."""
        self.calls.append(call)
        del self.calls[:-_KEPT_CALLS]

    def accepts(self, key: object) -> bool:
        """Whether the bot's key is this one and has not expired."""
        expires = self.data.rows["res.users.apikeys"][BOT_KEY_ID].get("expiration_date")
        now = datetime.now(UTC).strftime(DATETIME)
        return key == self.api_key and (expires is None or now < expires)

    def count_connection(self, request: Request) -> None:
        """Take note of the connection that a request came on."""
        transport = request.scope[TRANSPORT]
        if transport is not None and transport not in self._seen:
            self._seen.add(transport)
            self.connections += 1

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """A request is under way meanwhile."""
        self._under_way += 1
        self.busiest = max(self.busiest, self._under_way)
        try:
            yield
        finally:
            self._under_way -= 1

    async def trouble(
        self, request: Request, method: str, model: str, odd: Callable[[FaultKind], Response]
    ) -> Response | None:
        """The broken answer that a fault demands for this request, after its delay; None to answer as usual."""
        fault = self.faults.take(method, model)
        return None if fault is None else await broken(fault, request.scope, odd)


def not_found() -> Response:
    """werkzeug's page for a path that is not served."""
    return HTMLResponse(
        "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
        "<p>The requested URL was not found on the server. If you entered the URL manually please check your "
        "spelling and try again.</p>\n",
        status_code=404,
    )
