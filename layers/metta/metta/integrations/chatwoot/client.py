"""Chatwoot's API as a turn uses it: the ``metta.ports.Chatwoot`` of the worker, over httpx.

It retries nothing (the queue does) and decides nothing about a conversation; it knows what each answer means.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from pydantic import SecretStr

from metta.channels import limit_of
from metta.circuits import Circuit
from metta.errors import ChatwootDown, ChatwootRefused, SendUnknown
from metta.integrations.chatwoot.format import for_channel, shorten
from metta.integrations.chatwoot.handoff import HandOffSteps
from metta.integrations.chatwoot.thread import mapping, number, objects, to_message, to_view
from metta.integrations.chatwoot.transport import SETTLED_AFTER_SECONDS, HttpTransport, Refused
from metta.messages import (
    ConversationKey,
    ConversationView,
    HandOffStep,
    JsonObject,
    OutgoingMessage,
    SentMessage,
    ThreadMessage,
)
from metta.ports import HandOffPlan
from metta.settings import ChatwootSettings

logger = logging.getLogger(__name__)

PRIORITIES = ("low", "medium", "high", "urgent")
LOOK_BACK_PAGES = 10
"""Pages of 20 (or, with a known id, of 100) messages that ``find_sent`` reads before it gives up being sure."""


class ChatwootClient:
    """One installation, one account, one or two tokens.

    Args:
        settings: where it is and who calls. The history token, when there is one, reads and marks as read.
        transport: stands in for the network in tests.
        timeout_seconds: for a whole call.
        circuit: pauses calls while Chatwoot is down; one of its own when None.
    """

    def __init__(
        self,
        settings: ChatwootSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_seconds: float = 10,
        circuit: Circuit | None = None,
    ) -> None:
        self._http = HttpTransport(
            settings.base_url, transport=transport, timeout_seconds=timeout_seconds, circuit=circuit
        )
        self._token = settings.api_key
        self._reader = settings.history_api_key or settings.api_key
        self._may_list = True
        self._may_mark = True
        self._bot_may_read = True
        self._own_user_id: int | None = None

    @property
    def may_list(self) -> bool:
        """Whether listing messages is worth a try; False once Chatwoot refused the token for it."""
        return self._may_list

    @property
    def own_user_id(self) -> int | None:
        """The user behind the sending token, learnt from messages it wrote; None for a bot and before the first."""
        return self._own_user_id

    async def prepare(self) -> None:
        """Make the HTTP client now, on the running loop; connects to nothing."""
        await self._http.prepare()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        key: ConversationKey,
        below: str = "",
        *,
        token: SecretStr | None = None,
        json: JsonObject | None = None,
        params: dict[str, int] | None = None,
        creates_message: bool = False,
    ) -> Any:
        """One call below the conversation's URL; see ``HttpTransport.call``."""
        path = f"/api/v1/accounts/{key.account_id}/conversations/{key.conversation_id}{below}"
        token = token or self._token
        return await self._http.call(
            method, path, token=token, json=json, params=params, creates_message=creates_message
        )

    async def get_conversation(self, key: ConversationKey) -> ConversationView:
        """The conversation as it is right now.

        Raises:
            ChatwootDown: may pass.
            ChatwootRefused: unknown conversation or no rights (a bot before Chatwoot 4.14.2).
        """
        token = self._token if self._bot_may_read else self._reader
        try:
            raw = await self.call("GET", key, token=token)
        except Refused as error:
            if not error.token_refused or self._reader == token:
                raise
            raw = await self.call("GET", key, token=self._reader)
            self._bot_may_read = False
        view = to_view(mapping(raw), key)
        for message in (*objects(mapping(raw).get("messages")), mapping(mapping(raw).get("last_non_activity_message"))):
            self._learn(message)
        return view

    async def list_messages(
        self, key: ConversationKey, *, before: int | None = None, after: int | None = None
    ) -> tuple[ThreadMessage, ...]:
        """Messages by id, oldest first.

        Args:
            key: the conversation.
            before: the 20 before this id instead of the last 20.
            after: up to 100 newer than this id; with ``before`` up to 1000 between the two, ``after`` included.

        Raises:
            ChatwootDown: may pass.
            ChatwootRefused: unknown conversation, or no token that may list.
        """
        if not self._may_list:
            raise ChatwootRefused("no token that may list messages", status=401)
        bounds = {"before": before, "after": after}
        params = {name: value for name, value in bounds.items() if value is not None}
        try:
            raw = await self.call("GET", key, "/messages", token=self._reader, params=params)
        except Refused as error:
            if error.token_refused:
                self._may_list = False
                logger.warning("chatwoot: the token may not list messages; history is limited to the messages at hand")
            raise
        payload = mapping(raw).get("payload")
        if not isinstance(
            payload, list
        ):  # taken for an empty list, it would say that nobody waits and nothing was sent
            raise ChatwootDown("Chatwoot's answer is not a list of messages")
        listed = objects(payload)
        for message in listed:
            self._learn(message)
        return tuple(sorted((to_message(message) for message in listed), key=lambda message: message.id))

    async def send_message(self, message: OutgoingMessage) -> SentMessage:
        """Create one message, made fit for its channel; a text beyond the channel's limit is shortened.

        Raises:
            ChatwootDown: nothing was created; may pass.
            SendUnknown: it may have been created; look for it after ``after_seconds``.
            ChatwootRefused: never will work.
        """
        channel = "" if message.private else message.channel
        text = for_channel(message.text, channel)
        if channel and not message.private:
            text = shorten(text, max(limit_of(channel), limit_of(channel, "whatsapp:")))
        body = {
            "content": text,
            "message_type": "outgoing",
            "private": message.private,
            "content_type": "text",
            "content_attributes": {
                "metta_turn_id": message.turn_id,
                "metta_kind": message.kind.value,
                "metta_part": message.part,
            },
        }
        raw = mapping(await self.call("POST", message.key, "/messages", json=body, creates_message=True))
        created = number(raw.get("id"))
        if created is None:
            raise SendUnknown("Chatwoot's answer names no message", after_seconds=SETTLED_AFTER_SECONDS)
        self._learn({**raw, "content_attributes": body["content_attributes"]})
        return SentMessage(kind=message.kind, message_id=created, text=text, private=message.private, part=message.part)

    async def find_sent(
        self, key: ConversationKey, turn_id: str, *, last_known_id: int | None = None
    ) -> tuple[ThreadMessage, ...] | None:
        """Messages that carry ``turn_id``, by id; empty when there surely are none; None when that cannot be known.

        A token that may list reads every message newer than ``last_known_id``, or backwards from the newest one.
        One that may not has only the newest message of the conversation: it is ours, or it is not newer than
        ``last_known_id`` and then nothing of ours can be, or it hides what came before it.

        Raises:
            ChatwootDown: may pass.
            ChatwootRefused: unknown conversation.
        """
        if self._may_list:
            try:
                return await self._find_listed(key, turn_id, last_known_id)
            except Refused as error:
                if not error.token_refused:
                    raise
        try:
            view = await self.get_conversation(key)
        except Refused as error:
            if error.token_refused:
                return None
            raise
        newest = {message.id: message for message in (view.last_public_message, view.last_message) if message}
        found = tuple(newest[at] for at in sorted(newest) if newest[at].turn_id == turn_id)
        if found:
            return found
        # what we send is never an activity, so an activity on top hides nothing
        spoken = [message.id for message in newest.values() if message.message_type != "activity"]
        if not newest or (last_known_id is not None and spoken and max(spoken) <= last_known_id):
            return ()
        return None

    async def _find_listed(
        self, key: ConversationKey, turn_id: str, last_known_id: int | None
    ) -> tuple[ThreadMessage, ...] | None:
        found: dict[int, ThreadMessage] = {}
        before: int | None = None
        after = last_known_id
        for _ in range(LOOK_BACK_PAGES):
            if last_known_id is not None:
                page = await self.list_messages(key, after=after)
            else:
                page = await self.list_messages(key, before=before)
            ours = {message.id: message for message in page if message.turn_id == turn_id}
            if not page or (last_known_id is None and found and not ours):
                return tuple(found[at] for at in sorted(found))
            found |= ours
            before, after = page[0].id, page[-1].id
        return tuple(found[at] for at in sorted(found)) or None

    async def mark_as_read(self, key: ConversationKey) -> bool:
        """Mark the conversation as seen; False when no token may do so."""
        if not self._may_mark:
            return False
        try:
            await self.call("POST", key, "/update_last_seen", token=self._reader)
        except Refused as error:
            if error.token_refused:
                self._may_mark = False
            if error.status == 401:
                return False
            raise
        return True

    async def set_typing(self, key: ConversationKey, *, on: bool) -> None:
        """Show or hide the typing sign, best effort."""
        body = {"typing_status": "on" if on else "off", "is_private": False}
        try:
            await self.call("POST", key, "/toggle_typing_status", json=body)
        except (ChatwootDown, ChatwootRefused) as error:
            logger.info("chatwoot: typing sign not set", extra={"error": str(error)})

    async def raise_priority(self, key: ConversationKey, priority: str) -> None:
        """Give the conversation this priority, unless somebody gave it as much or more."""
        now = (await self.get_conversation(key)).priority
        if now not in PRIORITIES or PRIORITIES.index(now) < PRIORITIES.index(priority):
            await self.call("POST", key, "/toggle_priority", json={"priority": priority})

    async def hand_off(
        self,
        key: ConversationKey,
        plan: HandOffPlan,
        recorded: Callable[[HandOffStep, SentMessage | None], Awaitable[None]],
    ) -> None:
        """Note, word, status, team: whatever of it ``plan.done`` does not name; see ``HandOffSteps``."""
        await HandOffSteps(self, key, plan, recorded).take()

    def _learn(self, raw: JsonObject) -> None:
        """Remember which user our own messages come from; it is the one a hand-off must not stay assigned to."""
        sender = mapping(raw.get("sender"))
        if mapping(raw.get("content_attributes")).get("metta_turn_id") and sender.get("type") == "user":
            self._own_user_id = number(sender.get("id"))
