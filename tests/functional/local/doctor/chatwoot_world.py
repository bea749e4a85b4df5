"""A Chatwoot in which all is well, for tests that then make one mistake and ask the doctor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from metta_local.chatwoot import ChatwootEmulator

WEBHOOK = "https://metta.shop.example/webhook"
VARIABLES = (
    "CHATWOOT_INBOX_IDS",
    "CHATWOOT_ANSWER_WHEN",
    "CHATWOOT_HANDOFF_TEAM_ID",
    "CHATWOOT_WEBHOOK_SECRET_PREVIOUS",
    "METTA_SECRET_ARN",
    "METTA_POLICY",
)


class Watched:
    """An ASGI application that notes what is asked of the inner one."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.asked: list[tuple[str, str]] = []
        self.without: bytes = b""
        """A header that is lost on the way."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append((scope["method"], scope["path"]))
        headers = [(name, value) for name, value in scope["headers"] if name != self.without]
        await self.app({**scope, "headers": headers}, receive, send)


@dataclass
class ChatwootWorld:
    """An emulator behind HTTP and the doctor.

    Attributes:
        examine: runs the doctor.
        served: puts an application behind an address.
        emulator: whose world a test spoils.
        base_url: of another address than the emulator's.
    """

    examine: Callable[..., Any]
    served: Callable[[Any], str]
    emulator: ChatwootEmulator = field(default_factory=lambda: ChatwootEmulator(webhook_url=WEBHOOK))
    watched: Watched = field(init=False)

    def __post_init__(self) -> None:
        self.watched = Watched(self.emulator.app)

    def is_version(self, version: str) -> None:
        """Make it another release."""
        self.emulator = ChatwootEmulator(webhook_url=WEBHOOK, version=version)
        self.watched = Watched(self.emulator.app)

    def doctor(self, **changes: str | None) -> Any:
        """What the doctor says of these variables; no secret and no address of a webhook is ever among it."""
        emulator = self.emulator
        given: dict[str, str | None] = {
            **dict.fromkeys(VARIABLES),
            "CHATWOOT_API_KEY": emulator.bot_token,
            "CHATWOOT_HISTORY_API_KEY": emulator.agent_token,
            "CHATWOOT_ADMIN_API_KEY": emulator.user_token,
            "CHATWOOT_ACCOUNT_ID": "3",
            "CHATWOOT_WEBHOOK_SECRET": emulator.webhook_secret,
            **changes,
        }
        url = self.served(self.watched)
        report = self.examine("chatwoot", {"CHATWOOT_BASE_URL": url} | given)
        secrets = {value for name, value in given.items() if value and name.endswith(("_KEY", "_SECRET", "_PREVIOUS"))}
        secrets |= {emulator.bot_token, emulator.user_token, emulator.agent_token, emulator.webhook_secret}
        for word in (*secrets, "metta.shop.example", "Acme Retail", "Metta Helper", "Other Bot", "Support mail"):
            assert not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", report.text), f"{word} is told"
        return report

    def alone(self, **changes: str | None) -> Any:
        """The same with no token but the one that sends."""
        return self.doctor(CHATWOOT_HISTORY_API_KEY=None, CHATWOOT_ADMIN_API_KEY=None, **changes)
