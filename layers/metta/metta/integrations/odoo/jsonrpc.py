"""A session on odoorpc, which speaks JSON-RPC to every Odoo up to 21; the only way to releases before 19.

odoorpc blocks and is stateless: user id and key go with every call. Its connections are ours (``transport.Wire``).
"""

from __future__ import annotations

import io
import logging
import threading
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import odoorpc
from odoorpc.error import RPCError

from metta.integrations.odoo.session import (
    LoginRefusedError,
    NotSpokenError,
    Question,
    ServerError,
    timezone_of,
)
from metta.integrations.odoo.transport import Call, HttpStatusError, Wire
from metta.settings import OdooSettings

ACCESS_DENIED = "odoo.exceptions.AccessDenied"
_SOME_VERSION = "18.0"
"""Named so that odoorpc does not ask the server for it; it only tells releases before 10 from the others."""


class _NoDebug(logging.Filter):
    """Drops odoorpc's debug records: they hold the API key in clear, whatever level others set on the logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


def silence_odoorpc() -> None:
    """Keep odoorpc from logging its requests, which carry the API key."""
    for name in ("odoorpc", "odoorpc.rpc", "odoorpc.rpc.jsonrpclib"):
        chatty = logging.getLogger(name)
        chatty.setLevel(logging.WARNING)
        if not any(isinstance(each, _NoDebug) for each in chatty.filters):
            chatty.addFilter(_NoDebug())


class _Opener:
    """Stands where odoorpc expects one of urllib's openers; the call that a thread works for is its own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._running = threading.local()

    def work_for(self, call: Call) -> None:
        """What this thread opens from now on belongs to ``call``."""
        self._running.call = call

    def open(self, request: urllib.request.Request, timeout: float) -> io.BytesIO:
        """The answer's body; ``timeout`` counts for nothing, the call has a deadline."""
        del timeout
        body = request.data
        assert isinstance(body, bytes)  # noqa: S101 - odoorpc encodes what it sends
        return io.BytesIO(
            self._wire.request(self._running.call, "POST", request.selector, body, {"Content-Type": "application/json"})
        )


class JsonRpcSession:
    """Logged in; see ``session.Session``."""

    protocol = "jsonrpc"

    def __init__(self, odoo: odoorpc.ODOO, opener: _Opener) -> None:
        self.timezone = timezone_of(odoo.env.context)
        self._odoo = odoo
        self._opener = opener

    @classmethod
    def open(cls, wire: Wire, settings: OdooSettings, call: Call) -> JsonRpcSession:
        """Log in.

        Raises:
            LoginRefusedError: user name or key is wrong.
            NotSpokenError: the server has no RPC any more.
            Exception: as ``ask`` does.
        """
        silence_odoorpc()
        opener = _Opener(wire)
        address = wire.address
        odoo = odoorpc.ODOO(
            f"[{address.host}]" if ":" in address.host else address.host,
            protocol="jsonrpc+ssl" if address.tls else "jsonrpc",
            port=address.port,
            version=_SOME_VERSION,
            opener=opener,
        )
        opener.work_for(call)
        _told(lambda: odoo.login(settings.database, settings.username, settings.api_key.get_secret_value()))
        return cls(odoo, opener)

    def ask(self, call: Call, question: Question) -> Any:
        """See ``session.Session.ask``."""
        self._opener.work_for(call)
        named = dict(question.arguments)
        first = [named.pop(name) for name in list(named)[:1]]
        if question.context is not None:
            named["context"] = dict(question.context)
        return _told(lambda: self._odoo.execute_kw(question.model, question.method, first, named))


def _told(work: Callable[[], Any]) -> Any:
    """What ``work`` on odoorpc gives; its errors as a session raises them."""
    try:
        return work()
    except RPCError as error:
        failure = _meaning(error)
    except HttpStatusError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        failure = NotSpokenError()
    # Outside the except block, so that the server's own words are not carried along as its context.
    raise failure


def _meaning(error: RPCError) -> Exception:
    """What an error of odoorpc's says: without ``data`` it is a refused login."""
    info = error.info
    data = info.get("data") if isinstance(info, dict) else None
    if not isinstance(data, dict) or data.get("name") == ACCESS_DENIED:
        return LoginRefusedError()
    return ServerError(str(data.get("name")), str(data.get("message")))
