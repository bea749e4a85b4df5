"""``OdooPort`` on a real server: the protocol that its release speaks, a deadline per question, one retry, one login.

Sessions block, so they work in threads of this client. What they do not give is added here: a deadline that holds, one
retry after a passing failure, a session that is opened once per process and once more when the server stops accepting
it, and errors that say nothing of the server's insides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from metta.errors import OdooDown
from metta.integrations.odoo.allowlist import TOOLS, AllowList
from metta.integrations.odoo.failures import translate
from metta.integrations.odoo.json2 import Json2Session
from metta.integrations.odoo.jsonrpc import JsonRpcSession
from metta.integrations.odoo.pace import LONGEST_WAIT_SECONDS, Pace
from metta.integrations.odoo.port import Context, Domain, Record
from metta.integrations.odoo.session import (
    LoginRefusedError,
    NotSpokenError,
    Question,
    Session,
    is_count,
    is_flag,
    is_object,
    is_records,
)
from metta.integrations.odoo.transport import Address, Call, Wire
from metta.integrations.odoo.version import OdooVersion, ask_version
from metta.settings import OdooSettings

logger = logging.getLogger(__name__)

THREADS = 80
"""Enough for two dozen conversations whose tools ask three questions at a time; threads start on demand."""
RETRY_PAUSE_SECONDS = 0.2
HAS_ACCESS_SINCE = 18
"""Before, a right is asked for with ``check_access_rights``."""


class OdooClient:
    """Reads one Odoo.

    Bound to no event loop: one instance per process serves them all.

    Args:
        settings: where Odoo is and who asks.
        timeout_seconds: what one question may take, login and retry included; waiting for the pace does not count.
        calls_per_second: serialises calls and keeps them apart, for Odoo Online; None lets them run as they come.
        allowed: what may be read.

    Raises:
        SettingsError: ``ODOO_URL`` is not an address that can be used.
    """

    def __init__(
        self,
        settings: OdooSettings,
        *,
        timeout_seconds: float = 8,
        calls_per_second: float | None = None,
        allowed: AllowList = TOOLS,
    ) -> None:
        self._settings = settings
        self._timeout = timeout_seconds
        self._allowed = allowed
        address = Address.of(settings.url)
        self._pace = Pace(calls_per_second) if calls_per_second else None
        self._wire = Wire(address, self._pace)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="odoo")
        self._opening = threading.Lock()
        self._session: Session | None = None
        self._version = OdooVersion()
        if not address.tls and not address.is_loopback:
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
        self._allowed.check_fields(model, fields)
        self._allowed.check_domain(model, domain)
        self._allowed.check_range(limit, order)
        named = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order}
        rows: list[Record] = await self._run(Question(model, "search_read", named, is_records, context or {}))
        return rows

    async def search_count(self, model: str, domain: Domain, *, context: Context | None = None) -> int:
        """See ``OdooPort.search_count``."""
        self._allowed.check_domain(model, domain)
        named = {"domain": list(domain)}
        return int(await self._run(Question(model, "search_count", named, is_count, context or {})))

    async def fields_get(self, model: str, names: Sequence[str]) -> frozenset[str]:
        """See ``OdooPort.fields_get``."""
        self._allowed.check_fields(model, names)
        named = {"allfields": list(names), "attributes": ["type"]}
        found = await self._run(Question(model, "fields_get", named, is_object))
        return frozenset(found) & frozenset(names)

    async def timezone(self) -> str:
        """See ``OdooPort.timezone``: that of the bot's user."""
        return str((await self._run(None)).timezone)

    async def may(self, model: str, operation: str) -> bool:
        """Whether the bot's user has a right on a model: ``read``, ``write``, ``create`` or ``unlink``.

        Raises:
            Refused: this Odoo has no such model.
            OdooDown: the server cannot be asked.
            ValueError: model or operation is not on the allow-list.
        """
        self._allowed.check_right(model, operation)
        version, _ = await self.connection()
        if version.major >= HAS_ACCESS_SINCE:
            # a method of records, unlike the other: over RPC its first argument is always the ids
            question = Question(model, "has_access", {"ids": [], "operation": operation}, is_flag)
        else:
            named = {"operation": operation, "raise_exception": False}
            question = Question(model, "check_access_rights", named, is_flag)
        return bool(await self._run(question))

    async def connection(self) -> tuple[OdooVersion, str]:
        """The server's version, and the protocol that is spoken with it (``jsonrpc`` or ``json2``); logs in for it.

        Raises:
            OdooDown: the server cannot be asked.
        """
        session = await self._run(None)
        return self._version, session.protocol

    def close(self) -> None:
        """Let go of threads and connections; questions that still wait are cancelled."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._wire.close()

    async def _run(self, question: Question | None) -> Any:
        """The answer to a question, or the session itself where there is none, within the deadline."""
        call = Call(self._timeout)
        work = asyncio.get_running_loop().run_in_executor(self._executor, self._work, call, question)
        try:
            while not work.done() and (left := call.remaining()) > 0:
                await asyncio.wait({work}, timeout=left)
            if work.done():
                return work.result()
        finally:
            call.abort()
            work.cancel()
        logger.warning("Odoo did not answer in time", extra=_about(question))
        raise OdooDown(f"Odoo did not answer within {self._timeout:g} s")

    def _work(self, call: Call, question: Question | None) -> Any:
        """One question with at most one retry, in a thread of this client."""
        for attempt in (1, 2):
            try:
                return self._execute(call, question)
            except Exception as error:  # noqa: BLE001 - odoorpc raises nearly anything; translated and raised below
                failure = translate(error, question.model if question else "")
            told = {"odoo_failure": str(failure.error), "odoo_attempt": attempt}
            logger.warning("Odoo call failed", extra=_about(question) | told)
            if not failure.again or call.remaining() <= RETRY_PAUSE_SECONDS:
                break
            call.pause(RETRY_PAUSE_SECONDS)
        # Outside the except block, so that the server's own words are not carried along as its context.
        raise failure.error

    def _execute(self, call: Call, question: Question | None) -> Any:
        session = self._opened(call, stale=None)
        if question is None:
            return session
        try:
            answer = session.ask(call, question)
        except (LoginRefusedError, NotSpokenError):
            # The key was replaced, or the server upgraded, while this process lived.
            answer = self._opened(call, stale=session).ask(call, question)
        if not question.is_answer(answer):
            raise TypeError
        return answer

    def _opened(self, call: Call, *, stale: Session | None) -> Session:
        """The process's session; a new one when there is none or it is the ``stale`` one.

        A thread lock, since this runs in threads: it belongs to no event loop.
        """
        session = self._session
        if session is not None and session is not stale:
            return session
        with call.paused() if self._pace else contextlib.nullcontext():  # who opens it waits for the pace as well
            acquired = self._opening.acquire(timeout=LONGEST_WAIT_SECONDS if self._pace else call.remaining())
        if not acquired:
            raise TimeoutError
        try:
            if self._session is None or self._session is stale:
                self._session = None
                self._session = self._open(call)
            return self._session
        finally:
            self._opening.release()

    def _open(self, call: Call) -> Session:
        """A session in the protocol of the server's release.

        RPC also where JSON-2 is not let in: a proxy may hide the one or the other, and only RPC takes a password.
        """
        self._version = ask_version(self._wire, call)
        refused: Exception | None = None
        if self._version.has_json2:
            try:
                return Json2Session.open(self._wire, self._settings, call)
            except (LoginRefusedError, NotSpokenError) as error:
                refused = error
        try:
            session = JsonRpcSession.open(self._wire, self._settings, call)
        except NotSpokenError:
            raise refused or NotSpokenError() from None
        if refused is not None:
            logger.warning("Odoo has JSON-2 but does not let it be used; RPC ends with Odoo 22")
        return session


def _about(question: Question | None) -> dict[str, object]:
    return {"odoo_model": question.model, "odoo_method": question.method} if question else {"odoo_method": "login"}
