"""The emulated Chatwoot: its API as an ASGI app, its webhooks, and methods that play customers and agents.

    with LoopbackServer(emulator.app) as server:
        emulator.webhook_url = "http://127.0.0.1:8000/webhook"
        emulator.customer_writes(901, "Where is my order S00042?")

Every method is safe to call from any thread. What they give back are plain JSON objects, copies of what is stored.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from metta_local.chatwoot.admin import Admin
from metta_local.chatwoot.api import Api, operation_of
from metta_local.chatwoot.delivery import Courier, Delivery, Post, post_over_http
from metta_local.chatwoot.dispatch import PATHS, Dispatcher
from metta_local.chatwoot.faults import Faults, FaultyApp
from metta_local.chatwoot.lifecycle import Lifecycle
from metta_local.chatwoot.people import People
from metta_local.chatwoot.records import Bot, Conversation, User, acme_retail
from metta_local.chatwoot.shapes import Json, Shapes

FAILED_EVENTS = ("message_created", "message_updated")
_CONTROL = (
    "customer_writes",
    "agent_writes",
    "private_note",
    "assign",
    "set_status",
    "echo_from_phone",
    "add_contact",
    "messages",
    "customer_sees",
    "conversation",
    "conversations",
    "redeliver",
    "opens_widget",
)


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class ChatwootEmulator(People):
    """One installation with one account.

    Args:
        account_id: of "Acme Retail".
        version: of Chatwoot, where behaviour depends on it (4.14.1: a bot may not read; 4.16.0: it is the assignee).
        webhook_url: where webhooks go; nowhere when None.
        path: ``bot``, ``account`` or ``both`` - the same URL registered twice, so that each message comes twice.
        signed: whether webhooks carry a signature made with ``webhook_secret``.
        retry_seconds: between the attempts of a bot webhook.
        post: makes a webhook attempt, HTTP unless a test wants the bodies themselves.
        clock: Unix seconds.
    """

    def __init__(
        self,
        account_id: int = 3,
        *,
        version: str = "4.15.1",
        webhook_url: str | None = None,
        path: str = "bot",
        signed: bool = True,
        retry_seconds: float = 3.0,
        post: Post = post_over_http,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.account_id = account_id
        self.version = version
        self.bot_token = "metta-bot-token"
        self.user_token = "metta-user-token"
        self.agent_token = "metta-agent-token"
        self.webhook_secret = "metta-webhook-secret"
        self.faults = Faults()
        self.lock = threading.RLock()
        parsed = _parse_version(version)
        self.world = acme_retail(
            account_id, bot_token=self.bot_token, user_token=self.user_token, agent_token=self.agent_token
        )
        self.shapes = Shapes(self.world, parsed, clock)
        self.courier = Courier(post, self._webhook_failed, retry_seconds=retry_seconds)
        self._dispatcher = Dispatcher(self.world, self.courier, self.lock, parsed, bot_id=5)
        self._dispatcher.secret = self.webhook_secret if signed else None
        self.lifecycle = Lifecycle(self.world, self.shapes, self._dispatcher.emit, clock, parsed)
        self.admin = Admin(self.world, self._dispatcher, version)
        self.api = Api(self.world, self.shapes, self.lifecycle, self.admin, parsed)
        self.api.operations.typing_changed = self._typing_changed
        self.clock = clock
        self.webhook_url = webhook_url
        self.path = path
        routes = [
            Route("/emulator/{name}", self._control, methods=["GET", "POST"]),
            Route("/{rest:path}", self._answer, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
        ]
        self.app = FaultyApp(Starlette(routes=routes), self.faults, operation_of)

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go; None for nowhere."""
        return self._dispatcher.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._dispatcher.url = url

    @property
    def path(self) -> str:
        """How the URL is registered: bot, account or both."""
        return self._dispatcher.path

    @path.setter
    def path(self, path: str) -> None:
        if path not in PATHS:
            raise ValueError(f"path must be one of {PATHS}")
        self._dispatcher.path = path

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhooks so far, in the order of their events; those under way change while one looks."""
        return list(self.courier.deliveries)

    def listen(self, listener: Callable[[str, int | None], None]) -> None:
        """Tell ``listener`` the name and conversation of every event, also where no webhook goes.

        It is called while the emulator is locked, so it only takes note and looks later.
        """
        with self.lock:
            self._dispatcher.listeners.append(listener)

    def drain(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until all webhooks are delivered or given up; False when that takes too long."""
        return self.courier.drain(timeout_seconds)

    def stop(self) -> None:
        """End the delivery thread."""
        self.courier.stop()

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        with self.lock:
            return self.api.answer(request, body)

    async def _control(self, request: Request) -> Response:
        """``POST /emulator/customer_writes`` with the method's arguments as JSON, for other processes."""
        name = request.path_params["name"]
        if name not in _CONTROL:
            return Response(json.dumps({"error": f"one of {', '.join(_CONTROL)}"}), 404, media_type="application/json")
        try:
            arguments = json.loads(await request.body() or b"{}") | dict(request.query_params)
            result = await asyncio.to_thread(getattr(self, name), **{k: _plain(v) for k, v in arguments.items()})
        except (TypeError, ValueError, LookupError) as error:
            return Response(json.dumps({"error": str(error)}), 422, media_type="application/json")
        return Response(json.dumps(result), media_type="application/json")

    def _webhook_failed(self, delivery: Delivery) -> None:
        if delivery.path != "bot" or delivery.event not in FAILED_EVENTS or delivery.conversation_id is None:
            return
        with self.lock:
            self.lifecycle.open_after_bot_failure(self.world.conversations[delivery.conversation_id])

    def _typing_changed(self, conversation: Conversation, caller: User | Bot, status: str, private: bool) -> None:
        def body() -> Json:
            return {
                "event": f"conversation_typing_{status}",
                "user": self.shapes.sender(caller),
                "conversation": self.shapes.webhook_conversation(conversation),
                "is_private": private,
            }

        self._dispatcher.emit(f"conversation_typing_{status}", conversation, body)


def _plain(value: Any) -> Any:
    """Query parameters are text; numbers among them are meant as numbers."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
