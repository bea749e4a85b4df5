"""Access to the model's API: one HTTP client per event loop, for the agent and for whoever is asked beside it."""

from __future__ import annotations

import asyncio

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

from metta import settings
from metta.errors import SettingsError

OFFICIAL_URL = "https://api.openai.com/v1"
_CONNECT_SECONDS = 5.0


class Access:
    """Makes the client when it is first wanted.

    It belongs to the event loop it was first used on; on another loop a new one is made, so a process should keep to
    one loop.

    Args:
        model_settings: key and base URL.
        seconds: longest time of one call.
        transport: for tests, in place of the network.

    Raises:
        SettingsError: the key cannot be one.
    """

    def __init__(
        self, model_settings: settings.ModelSettings, seconds: float, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        key = model_settings.api_key.get_secret_value()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise SettingsError("OPENAI_API_KEY: holds a character that no key has (a line break? a quote?)")
        self._settings = model_settings
        self._seconds = seconds
        self._transport = transport
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def connect(self, transport: httpx2.AsyncBaseTransport | None) -> AsyncOpenAI:
        """A further client over ``transport``, for whoever closes it; it makes no retries of its own."""
        timeout = httpx2.Timeout(self._seconds, connect=min(_CONNECT_SECONDS, self._seconds))
        return AsyncOpenAI(
            api_key=self._settings.api_key.get_secret_value(),
            base_url=self._settings.base_url or OFFICIAL_URL,
            timeout=timeout,
            max_retries=0,
            http_client=DefaultAsyncHttpx2Client(transport=transport, timeout=timeout) if transport else None,
        )

    def connected(self) -> AsyncOpenAI:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client, self._loop = self.connect(self._transport), loop
        return self._client

    async def aclose(self) -> None:
        """Close the client's connections."""
        client, self._client, self._loop = self._client, None, None
        if client is not None:
            await client.close()
