"""Webhook bodies and settings for the tests of the Chatwoot room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from metta.integrations.chatwoot.client import ChatwootClient
from metta.messages import ConversationKey, OutgoingKind, OutgoingMessage
from metta.settings import ChatwootSettings, load
from metta_local.chatwoot import ChatwootEmulator
from metta_local.serving import LoopbackServer

PAYLOADS = Path(__file__).parents[2] / "payloads" / "chatwoot"
Body = dict[str, Any]


@pytest.fixture
def body() -> Callable[[str], Body]:
    """Reads a webhook body by the beginning of its file name; every call gives a copy of its own."""

    def read(prefix: str) -> Body:
        (path,) = PAYLOADS.glob(f"{prefix}_*")
        return dict(json.loads(path.read_bytes()))

    return read


@pytest.fixture
def settings() -> Callable[..., ChatwootSettings]:
    """Makes Chatwoot settings, the account and inboxes of the payloads unless told otherwise."""

    def make(**variables: str) -> ChatwootSettings:
        given = {
            "CHATWOOT_BASE_URL": "http://chatwoot.test",
            "CHATWOOT_API_KEY": "metta-bot-token",
            "CHATWOOT_ACCOUNT_ID": "3",
        }
        return load({**given, **variables}).chatwoot

    return make


KEY = ConversationKey(account_id=3, conversation_id=84)
Use = Callable[[ChatwootClient], Awaitable[Any]]


class Line:
    """A client on its way to an emulator, in process, or to a server on loopback."""

    def __init__(self, emulator: ChatwootEmulator, make: Callable[..., ChatwootSettings]) -> None:
        self.emulator = emulator
        self._make = make

    def run(
        self,
        use: Use,
        *,
        token: str = "bot",
        history: str | None = None,
        server: str | None = None,
        timeout_seconds: float = 5,
    ) -> Any:
        """Do something with a client that has the ``bot``, ``user`` or ``agent`` token, and close it."""
        variables = {"CHATWOOT_API_KEY": getattr(self.emulator, f"{token}_token", token)}
        if history:
            variables["CHATWOOT_HISTORY_API_KEY"] = getattr(self.emulator, f"{history}_token", history)
        if server:
            variables["CHATWOOT_BASE_URL"] = server
        transport = None if server else httpx.ASGITransport(self.emulator.app)

        async def session() -> Any:
            client = ChatwootClient(self._make(**variables), transport=transport, timeout_seconds=timeout_seconds)
            try:
                return await use(client)
            finally:
                await client.aclose()

        return asyncio.run(session())


@pytest.fixture
def line(settings: Callable[..., ChatwootSettings]) -> Line:
    """A client's way to an emulator in which Lena has asked a question in conversation 84."""
    emulator = ChatwootEmulator()
    emulator.customer_writes(901, "Where is my order S00042?", language="de")
    return Line(emulator, settings)


@pytest.fixture
def server(line: Line) -> Iterator[str]:
    """The same emulator on loopback, for what only a real connection can do."""
    with LoopbackServer(line.emulator.app) as running:
        yield running.url


@pytest.fixture
def reply() -> Callable[..., OutgoingMessage]:
    """Makes an outgoing message of turn t-1 in conversation 84."""

    def make(text: str = "It was shipped today.", **fields: Any) -> OutgoingMessage:
        given = {"key": KEY, "turn_id": "t-1", "kind": OutgoingKind.REPLY, "channel": "Channel::WebWidget", **fields}
        return OutgoingMessage(text=text, **given)

    return make
