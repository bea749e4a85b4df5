"""``OdooPort`` on odoorpc, which speaks JSON-RPC to Odoo 15 to 19.

odoorpc blocks, so its calls run in threads of this adapter. What it does not give is added here: a deadline per call
that holds, one retry after a passing failure, a login that is made once per process and once more when the server
stops accepting it, and errors that say nothing of the server's insides.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import odoorpc
from odoorpc.error import RPCError

from metta.errors import OdooDown, SettingsError
from metta.integrations.odoo.allowlist import check_domain, check_fields, check_range
from metta.integrations.odoo.failures import is_access_denied, translate
from metta.integrations.odoo.port import Context, Domain, Record
from metta.integrations.odoo.transport import Call, opener
from metta.settings import OdooSettings

logger = logging.getLogger(__name__)

THREADS = 48
"""Enough for two dozen conversations whose tools ask two questions at a time; threads start on demand."""
RETRY_PAUSE_SECONDS = 0.2
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


def _address(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is spoken, from ``ODOO_URL``."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise SettingsError("ODOO_URL: the port is not a number from 1 to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("ODOO_URL: must look like https://odoo.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password:
        raise SettingsError("ODOO_URL: only scheme, host and port, for example https://odoo.example.com")
    tls = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return host, port or (443 if tls else 80), tls


class OdooRpc:
    """Reads Odoo through odoorpc.

    Bound to no event loop: one instance per process serves them all.

    Args:
        settings: where Odoo is and who asks.
        timeout_seconds: what one call may take, login and retry included.

    Raises:
        SettingsError: ``ODOO_URL`` is not an address that odoorpc can use.
    """

    def __init__(self, settings: OdooSettings, *, timeout_seconds: float = 8) -> None:
        silence_odoorpc()
        self._settings = settings
        self._timeout = timeout_seconds
        self._host, self._port, tls = _address(settings.url)
        self._protocol = "jsonrpc+ssl" if tls else "jsonrpc"
        self._opener = opener(tls=tls)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="odoo")
        self._login_lock = threading.Lock()
        self._session: odoorpc.ODOO | None = None
        if not tls and self._host not in ("localhost", "127.0.0.1", "[::1]"):
            logger.warning("ODOO_URL is not https: the API key travels in clear")

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int,
        order: str,
        context: Context | None = None,
    ) -> list[Record]:
        """See ``OdooPort.search_read``."""
        check_fields(model, fields)
        check_domain(model, domain)
        check_range(limit, order)
        options = {"fields": list(fields), "limit": limit, "order": order, "context": dict(context or {})}
        rows = await self._ask(model, "search_read", [list(domain)], options)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise OdooDown(f"Odoo's answer on {model} is not a list of records")
        return rows

    async def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """See ``OdooPort.search_count``."""
        check_domain(model, domain)
        count = await self._ask(model, "search_count", [list(domain)], {"context": dict(context or {})})
        if not isinstance(count, int) or isinstance(count, bool):
            raise OdooDown(f"Odoo's answer on {model} is not a number")
        return count

    async def fields_get(self, model: str, names: Sequence[str]) -> frozenset[str]:
        """See ``OdooPort.fields_get``."""
        check_fields(model, names)
        found = await self._ask(model, "fields_get", [list(names)], {"attributes": ["type"]})
        if not isinstance(found, dict):
            raise OdooDown(f"Odoo's answer on the fields of {model} is not an object")
        return frozenset(found) & frozenset(names)

    def close(self) -> None:
        """Let go of the threads; questions that still wait are cancelled."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, model: str, method: str, args: list[Any], options: dict[str, Any]) -> Any:
        call = Call(self._timeout)
        work = asyncio.get_running_loop().run_in_executor(
            self._executor, self._work, call, model, method, args, options
        )
        try:
            return await asyncio.wait_for(work, self._timeout)
        except TimeoutError:
            logger.warning("Odoo did not answer in time", extra={"odoo_model": model, "odoo_method": method})
        finally:
            call.abort()
        raise OdooDown(f"Odoo did not answer within {self._timeout:g} s")

    def _work(self, call: Call, model: str, method: str, args: list[Any], options: dict[str, Any]) -> Any:
        """One question with at most one retry, in a thread of the executor."""
        for attempt in (1, 2):
            try:
                with call.in_this_thread():
                    return self._execute(call, model, method, args, options)
            except Exception as error:  # noqa: BLE001 - odoorpc raises nearly anything; translated and raised below
                failure = translate(error, model)
            logger.warning(
                "Odoo call failed",
                extra={
                    "odoo_model": model,
                    "odoo_method": method,
                    "odoo_failure": str(failure.error),
                    "odoo_attempt": attempt,
                },
            )
            if not failure.again or call.remaining() <= RETRY_PAUSE_SECONDS:
                break
            call.pause(RETRY_PAUSE_SECONDS)
        # Outside the except block, so that the server's own words are not carried along as its context.
        raise failure.error

    def _execute(self, call: Call, model: str, method: str, args: list[Any], options: dict[str, Any]) -> Any:
        session = self._logged_in(call, stale=None)
        try:
            return session.execute_kw(model, method, args, options)
        except RPCError as error:
            if not is_access_denied(error):
                raise
        return self._logged_in(call, stale=session).execute_kw(model, method, args, options)

    def _logged_in(self, call: Call, *, stale: odoorpc.ODOO | None) -> odoorpc.ODOO:
        """The process's session; a new one when there is none or it is the ``stale`` one.

        A thread lock, since this runs in threads: it belongs to no event loop.
        """
        session = self._session
        if session is not None and session is not stale:
            return session
        if not self._login_lock.acquire(timeout=call.remaining()):
            raise TimeoutError
        try:
            if self._session is None or self._session is stale:
                self._session = None
                self._session = self._log_in()
            return self._session
        finally:
            self._login_lock.release()

    def _log_in(self) -> odoorpc.ODOO:
        session = odoorpc.ODOO(
            self._host,
            protocol=self._protocol,
            port=self._port,
            timeout=self._timeout,
            version=_SOME_VERSION,
            opener=self._opener,
        )
        session.login(self._settings.database, self._settings.username, self._settings.api_key.get_secret_value())
        return session
