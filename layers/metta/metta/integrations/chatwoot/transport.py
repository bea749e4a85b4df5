"""One HTTP call to Chatwoot and what its failure means for the queue; used by the client alone, retries nothing.

Contract 3.3: Chatwoot says 401 for missing rights, maps every exception while creating a message to 422, and throttles
with a bare 429. Server texts can hold rows of its database, so of those only phrases known to be harmless are shown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import anyio.lowlevel
import httpx
from pydantic import SecretStr

from metta.circuits import Circuit
from metta.errors import ChatwootDown, ChatwootRefused, SendUnknown

SETTLED_AFTER_SECONDS = 16.0
"""Chatwoot's own request limit is 15 s: a lookup before that may miss a message that is still being saved."""
TOO_MANY_MESSAGES_SECONDS = 60.0
"""The window of Chatwoot's limit of messages per conversation."""
LONGEST_WAIT_SECONDS = 900.0

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_KNOWN_TEXTS = (
    "Invalid Access Token",
    "Access to this endpoint is not authorized for bots",
    "You are not authorized to access this account",
    "Bot is not authorized to access this account",
    "You are not authorized to do this action",
    "Account is suspended",
    "You need to sign in or sign up before continuing.",
    "Resource could not be found",
    "Content is too long",
    "Too many messages",
    "Validation failed",
)
TOKEN_REFUSED = frozenset(
    {
        "Invalid Access Token",
        "Access to this endpoint is not authorized for bots",
        "You are not authorized to access this account",
        "Bot is not authorized to access this account",
        "You need to sign in or sign up before continuing.",
    }
)
"""Texts of a 401 that hold for every conversation, unlike a missing inbox membership."""


class Refused(ChatwootRefused):
    """A refusal with the phrase of Chatwoot's that was recognised in it, empty when none was."""

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message, status=status)
        self.said = said

    @property
    def token_refused(self) -> bool:
        """Whether this token will be refused for this call in every conversation."""
        return self.status == 401 and self.said in TOKEN_REFUSED


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpTransport:
    """A lazily made httpx client, shared by all calls on one event loop.

    Args:
        base_url: of the installation, without a slash at the end.
        transport: stands in for the network in tests.
        timeout_seconds: for a whole call; connecting may take half of it.
        circuit: pauses calls while Chatwoot is down.
    """

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None,
        timeout_seconds: float,
        circuit: Circuit | None = None,
    ) -> None:
        self._base_url = base_url
        self._circuit = circuit or Circuit(ChatwootDown.dependency)
        self._transport = transport
        self._timeout = timeout_seconds
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def _http(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._client.is_closed or self._loop is not loop:
            self._loop = loop
            self._client = httpx.AsyncClient(
                base_url=self._base_url,
                transport=self._transport,
                timeout=httpx.Timeout(self._timeout, connect=self._timeout / 2, pool=self._timeout / 2),
                follow_redirects=False,
                trust_env=not _loopback(self._base_url),
            )
        return self._client

    async def prepare(self) -> None:
        """Make the client now, with its TLS context; connects to nothing."""
        self._http()
        await anyio.lowlevel.checkpoint()  # what httpx waits with is loaded when first asked for

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: SecretStr,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, int] | None = None,
        creates_message: bool = False,
    ) -> Any:
        """The JSON that Chatwoot answers with, None for an empty body.

        Args:
            method: of HTTP.
            path: below the base URL.
            token: who calls.
            json: the body.
            params: the query.
            creates_message: whether an unclear result is a ``SendUnknown``.

        Raises:
            ChatwootDown: may pass, and nothing was done (or doing it again does no harm).
            SendUnknown: a message may exist.
            Refused: never will work.
            Paused: Chatwoot is known to be down; nothing was done.
        """
        with self._circuit.call():
            return await self._call(method, path, token, json, params, creates_message=creates_message)

    async def _call(
        self,
        method: str,
        path: str,
        token: SecretStr,
        json: Mapping[str, Any] | None,
        params: Mapping[str, int] | None,
        *,
        creates_message: bool,
    ) -> Any:
        what = f"{method} {path}"
        unclear = SendUnknown if creates_message else ChatwootDown
        later = SETTLED_AFTER_SECONDS if creates_message else None
        try:
            async with asyncio.timeout(self._timeout):  # httpx bounds each wait, not their sum
                response = await self._http().request(
                    method, path, json=json, params=params, headers={"api_access_token": token.get_secret_value()}
                )
        except _NEVER_SENT as error:
            raise ChatwootDown(f"{what}: {type(error).__name__}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise unclear(f"{what}: {type(error).__name__}", after_seconds=later) from error
        if response.is_success:
            return _content(response, what, unclear, later)
        raise _failure(response, what, creates_message=creates_message)


def _content(response: httpx.Response, what: str, unclear: type[ChatwootDown], later: float | None) -> Any:
    if not response.content.strip():
        return None
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        raise unclear(f"{what}: {response.status_code} with a body that is not JSON", after_seconds=later) from None


def _said(response: httpx.Response) -> str:
    """The known phrase in an error body, or an empty string."""
    head = response.content[:2000].decode("utf-8", "replace")
    return next((text for text in _KNOWN_TEXTS if text in head), "")


def _failure(response: httpx.Response, what: str, *, creates_message: bool) -> ChatwootDown | Refused:
    status, said = response.status_code, _said(response)
    told = f"{what}: {status}" + (f" ({said})" if said else "")
    wait = _retry_after(response)
    if status == 429:
        return ChatwootDown(told, after_seconds=wait)
    if status == 422 and said == "Too many messages":
        return ChatwootDown(told, after_seconds=TOO_MANY_MESSAGES_SECONDS)
    if creates_message and (status >= 500 or status == 408 or (status == 422 and not said)):
        # an exception after the commit becomes a 422 too, so that an unknown text leaves the effect unknown
        return SendUnknown(told, after_seconds=max(wait or 0.0, SETTLED_AFTER_SECONDS))
    if status >= 500 or status in (408, 425):
        return ChatwootDown(told, after_seconds=wait)
    return Refused(told, status=status, said=said)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds from ``Retry-After``, a number or a date, within reason; None without one."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT_SECONDS)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)
