"""How the doctor asks Chatwoot: GETs alone, each bounded in time and size; a failure is an answer like any other."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from metta_local.doctor import clock
from metta_local.doctor.loopback import is_loopback

CALL_SECONDS = 4.0
"""What one answer may take."""
MOST_BYTES = 4_000_000
_AT_A_TIME = 6


class Said(StrEnum):
    """What Chatwoot says when it refuses; the only words of its that are looked at, and none of them is shown."""

    WRONG_TOKEN = "Invalid Access Token"
    NOT_FOR_BOTS = "Access to this endpoint is not authorized for bots"
    NOT_THIS_ACCOUNT = "not authorized to access this account"
    NO_RIGHT = "You are not authorized to do this action"
    SUSPENDED = "Account is suspended"
    NO_TOKEN = "You need to sign in or sign up before continuing."
    NO_API = "API access is not enabled"


class Trouble(StrEnum):
    """Why there was no answer, in words that can be shown."""

    NAME = "its name is not known to the name server"
    REFUSED = "nothing listens there"
    CERTIFICATE = "its certificate is not accepted"
    TLS = "no TLS connection comes about"
    SILENT = f"no answer within {CALL_SECONDS:g} s"
    BROKEN = "the connection broke"


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP; 0 when nothing came.
        body: what the JSON says; None when it is none.
        said: the refusal that was recognised.
        trouble: why nothing came.
        page: whether it was HTML.
        location: where a redirect leads; never to be shown.
        reading: the ``Date`` header; None when nothing came.
    """

    status: int = 0
    body: Any = None
    said: Said | None = None
    trouble: Trouble | None = None
    page: bool = False
    location: str = ""
    reading: clock.Reading | None = None

    @property
    def ok(self) -> bool:
        """Whether it is a success with JSON in it."""
        return 200 <= self.status < 300 and self.body is not None

    @property
    def told(self) -> str:
        """Why it is of no use, in words that can be shown."""
        return str(self.trouble) if self.trouble else f"it answers {self.status}"


class Asker:
    """Asks one installation; an asynchronous context manager.

    Args:
        base_url: without a slash at the end.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._gate = asyncio.Semaphore(_AT_A_TIME)
        self._client = httpx.AsyncClient(
            timeout=None, follow_redirects=False, trust_env=not is_loopback(urlsplit(base_url).hostname or "")
        )

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, token: SecretStr | None = None, *, base_url: str = "") -> Answer:
        """What is there, for whoever the token belongs to.

        Args:
            path: below the base URL.
            token: none for what everybody may see.
            base_url: another one than the installation's.
        """
        headers = {"api_access_token": token.get_secret_value()} if token else {}
        try:
            async with self._gate, asyncio.timeout(CALL_SECONDS):
                asked = clock.now()
                async with self._client.stream("GET", (base_url or self._base_url) + path, headers=headers) as response:
                    reading = clock.Reading.of(response.headers, asked)
                    return _answer(response, await _content(response), reading)
        except TimeoutError:
            return Answer(trouble=Trouble.SILENT)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Answer(trouble=_trouble(error))


async def _content(response: httpx.Response) -> bytes:
    content = bytearray()
    async for part in response.aiter_bytes():
        content += part
        if len(content) > MOST_BYTES:
            return b""
    return bytes(content)


def _answer(response: httpx.Response, content: bytes, reading: clock.Reading) -> Answer:
    head = content[:2000].decode("utf-8", "replace")
    page = "html" in response.headers.get("content-type", "").lower() or head.lstrip()[:9].lower() == "<!doctype"
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    return Answer(
        status=response.status_code,
        body=body,
        said=next((said for said in Said if said in head), None) if response.is_error else None,
        page=page,
        location=response.headers.get("location", "") if response.is_redirect else "",
        reading=reading,
    )


def _trouble(error: BaseException) -> Trouble:
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Trouble.NAME
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Trouble.CERTIFICATE
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Trouble.TLS
    return Trouble.REFUSED if isinstance(error, httpx.ConnectError) else Trouble.BROKEN


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and whatever it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
