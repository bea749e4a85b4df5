"""Which event goes to which webhook, built when (contract 1.1); between the life cycle and the courier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from metta_local.chatwoot.delivery import Courier, Delivery
from metta_local.chatwoot.records import Bot, Conversation, Webhook, World
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
_SIGNED_FROM = {"bot": (4, 13), "account": (4, 11, 2)}
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
        self.listeners: list[Callable[[str, int | None], None]] = []
        """Told of every event and its conversation, wherever it goes."""

    def emit(
        self, event: str, conversation: Conversation | None, build: Callable[[], Json], *, inbox_id: int | None = None
    ) -> None:
        """Send an event wherever it is heard. A bot's body shows the state now, an account's the state when sent."""
        for listener in self.listeners:
            listener(event, conversation.id if conversation else None)
        for path, url, secret in self._heard_by(event, conversation, inbox_id):
            body = rails_json(build()) if path == "bot" else b""
            self._courier.enqueue(
                Delivery(
                    event=event,
                    path=path,
                    conversation_id=conversation.id if conversation else None,
                    url=url,
                    build=self._later(build),
                    secret=secret if self.signs(path) else None,
                    body=body,
                )
            )

    def signs(self, path: str) -> bool:
        """Whether this version signs what it sends on a path, and so has a secret for it."""
        return self._version >= _SIGNED_FROM[path]

    def url_of(self, bot: Bot) -> str | None:
        """Where a bot's events go."""
        if bot.id != self._bot_id:
            return bot.outgoing_url
        return self.url if self.path in ("bot", "both") else None

    def secret_of(self, bot: Bot) -> str | None:
        """What a bot's events are signed with."""
        return self.secret if bot.id == self._bot_id else bot.secret

    def webhooks(self) -> list[Webhook]:
        """All account webhooks."""
        own = [Webhook(1, self.url, sorted(self.subscriptions), self.secret)] if self.url else []
        return [*(own if self.path in ("account", "both") else ()), *self._world.webhooks]

    def _later(self, build: Callable[[], Json]) -> Callable[[], bytes]:
        def build_now() -> bytes:
            with self._lock:
                return rails_json(build())

        return build_now

    def _heard_by(
        self, event: str, conversation: Conversation | None, inbox_id: int | None
    ) -> Iterator[tuple[str, str, str | None]]:
        """Path, URL and secret of each destination."""
        bot_events = _BOT_EVENTS | (_BOT_EVENTS_FROM_4_13 if self._version >= _SIGNED_FROM["bot"] else frozenset())
        inbox = self._world.inboxes.get(conversation.inbox_id if conversation else inbox_id or 0)
        bots = {inbox.bot_id if inbox else None, conversation.assignee_bot_id if conversation else None}
        for bot in self._world.bots.values():
            if event in bot_events and bot.id in bots and (url := self.url_of(bot)):
                yield "bot", url, self.secret_of(bot)
        for webhook in self.webhooks():
            if event in webhook.subscriptions:
                yield "account", webhook.url, webhook.secret
