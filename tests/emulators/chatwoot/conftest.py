"""An emulator with one conversation, a way to call its API, and its webhooks as they would arrive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from metta_local.chatwoot import ChatwootEmulator

Body = dict[str, Any]


@dataclass
class Arrived:
    """The webhooks an endpoint got, and what it answers."""

    requests: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """Answers in order; 200 afterwards."""

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.requests.append((url, body, headers))
        return self.statuses.pop(0) if self.statuses else 200

    @property
    def bodies(self) -> list[Body]:
        return [json.loads(body) for _, body, _ in self.requests]

    def events(self) -> list[str]:
        return [body["event"] for body in self.bodies]


class Chat:
    """An emulator and its surroundings."""

    def __init__(self, **options: Any) -> None:
        self.arrived = Arrived()
        self.now = 1_781_690_400.0
        options = {"webhook_url": "http://metta.test/webhook", "retry_seconds": 0.01, **options}
        self.emulator = ChatwootEmulator(post=self.arrived.post, clock=lambda: self.now, **options)

    def settle(self) -> None:
        assert self.emulator.drain()

    def events(self) -> list[str]:
        self.settle()
        return self.arrived.events()

    def last(self, event: str) -> Body:
        self.settle()
        return [body for body in self.arrived.bodies if body["event"] == event][-1]

    def call(
        self,
        method: str,
        below: str = "",
        *,
        token: str | None = "bot",
        conversation_id: int = 84,
        account_id: int = 3,
        header: str = "api_access_token",
        **request: Any,
    ) -> httpx.Response:
        headers = {header: getattr(self.emulator, f"{token}_token", token)} if token else {}
        path = f"/api/v1/accounts/{account_id}/conversations/{conversation_id}{below}"

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.emulator.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://chatwoot.test") as client:
                return await client.request(method, path, headers=headers, **request)

        return asyncio.run(send())

    def reply(self, content: str = "It was shipped.", *, token: str = "bot", **fields: Any) -> httpx.Response:
        return self.call("POST", "/messages", token=token, json={"content": content, **fields})

    def toggle(self, status: str | None, *, token: str = "bot") -> httpx.Response:
        return self.call("POST", "/toggle_status", token=token, json={"status": status} if status else {})

    def assign(self, *, token: str = "bot", **what: Any) -> httpx.Response:
        return self.call("POST", "/assignments", token=token, json=what)

    def shown(self) -> Body:
        return self.emulator.conversation(84)


@pytest.fixture
def start() -> Iterator[Callable[..., Chat]]:
    """Makes emulators; Lena has asked about her order in conversation 84 unless ``empty``."""
    started: list[Chat] = []

    def make(*, empty: bool = False, **options: Any) -> Chat:
        chat = Chat(**options)
        started.append(chat)
        if not empty:
            chat.emulator.customer_writes(901, "Hi, where is my order S00042?", language="de")
            chat.settle()
        return chat

    yield make
    for chat in started:
        chat.emulator.stop()


@pytest.fixture
def chat(start: Callable[..., Chat]) -> Chat:
    """The usual emulator."""
    return start()


@pytest.fixture
def sample() -> Callable[[str], Body]:
    """Reads a sample body by the beginning of its file name."""

    def read(prefix: str) -> Body:
        (path,) = (Path(__file__).parents[2] / "payloads" / "chatwoot").glob(f"{prefix}_*")
        return dict(json.loads(path.read_bytes()))

    return read
