"""Which event goes to which webhook, built when (contract 1.1); between the life cycle and the courier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from metta_local.chatwoot.delivery import Courier, Delivery
from metta_local.chatwoot.records import Conversation, World
from metta_local.chatwoot.shapes import Json, rails_json

PATHS = ("bot", "account", "both")
ACCOUNT_EVENTS = frozenset(
    {
        "conversation_created",
        "conversation_updated",
        "conversation_status_changed",
        "message_created",
        "message_updated",
        "contact_created",
        "contact_updated",
        "webwidget_triggered",
        "conversation_typing_on",
        "conversation_typing_off",
    }
)
_BOT_EVENTS = frozenset(
    {"message_created", "message_updated", "webwidget_triggered", "conversation_opened", "conversation_resolved"}
)
_BOT_EVENTS_FROM_4_13 = frozenset({"conversation_updated", "conversation_status_changed"})


class Dispatcher:
    """Turns events into deliveries.

    Args:
        world: who the bots are.
        courier: delivers.
        lock: held while a body is built later, in the courier's thread.
        version: of Chatwoot; decides signatures and what a bot hears of.
        bot_id: the bot whose ``outgoing_url`` the webhook URL is.
    """

    def __init__(
        self,
        world: World,
        courier: Courier,
        lock: threading.RLock,
        version: tuple[int, ...],
        *,
        bot_id: int,
    ) -> None:
        self._world = world
        self._courier = courier
        self._lock = lock
        self._version = version
        self._bot_id = bot_id
        self.url: str | None = None
        self.secret: str | None = None
        self.path = "bot"
        self.subscriptions = ACCOUNT_EVENTS

    def emit(
        self, event: str, conversation: Conversation | None, build: Callable[[], Json], *, inbox_id: int | None = None
    ) -> None:
        """Send an event wherever it is heard. A bot's body shows the state now, an account's the state when sent."""
        if self.url is None:
            return
        for path in self._heard_on(event, conversation, inbox_id):
            body = rails_json(build()) if path == "bot" else b""
            signed = self._version >= ((4, 13) if path == "bot" else (4, 11, 2))
            self._courier.enqueue(
                Delivery(
                    event=event,
                    path=path,
                    conversation_id=conversation.id if conversation else None,
                    url=self.url,
                    build=self._later(build),
                    secret=self.secret if signed else None,
                    body=body,
                )
            )

    def _later(self, build: Callable[[], Json]) -> Callable[[], bytes]:
        def build_now() -> bytes:
            with self._lock:
                return rails_json(build())

        return build_now

    def _heard_on(self, event: str, conversation: Conversation | None, inbox_id: int | None) -> Iterator[str]:
        bot_events = _BOT_EVENTS | (_BOT_EVENTS_FROM_4_13 if self._version >= (4, 13) else frozenset())
        inbox = self._world.inboxes.get(conversation.inbox_id if conversation else inbox_id or 0)
        bots = {inbox.bot_id if inbox else None, conversation.assignee_bot_id if conversation else None}
        if self.path in ("bot", "both") and event in bot_events and self._bot_id in bots:
            yield "bot"
        if self.path in ("account", "both") and event in self.subscriptions:
            yield "account"
