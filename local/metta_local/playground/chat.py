"""Conversations as the playground shows them: the customer's chat and what Chatwoot would show the team."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from metta.messages import JsonObject
from metta_local.chatwoot import ChatwootEmulator
from metta_local.demo_report import thread
from metta_local.playground.channels import channel_id

log = logging.getLogger(__name__)

MOST_MESSAGES = 200
"""Of a conversation, the newest."""
_KINDS = {"User": "user", "AgentBot": "bot"}


def conversation_view(chatwoot: ChatwootEmulator, id_: int, name: str | None) -> JsonObject:
    """A conversation as the contract with the page has it.

    Args:
        chatwoot: the emulator.
        id_: the conversation.
        name: of the scene that is played in it.

    Raises:
        LookupError: there is no such conversation.
    """
    with chatwoot.lock:
        shown, messages = chatwoot.conversation(id_), chatwoot.messages(id_)[-MOST_MESSAGES:]
        typing = chatwoot.world.conversations[id_].typing == "on"
    meta = shown["meta"]
    contact, assignee = meta["sender"], meta.get("assignee")
    channel = channel_id(meta["channel"])
    return {
        "id": id_,
        "name": name,
        "customer": {
            "id": contact["id"],
            "name": contact["name"],
            "email": contact["email"],
            "phone": contact["phone_number"],
        },
        "channel": channel,
        "identity_hint": _hint(channel, meta, messages),
        "status": shown["status"],
        "assignee": assignee and {"name": assignee["name"], "kind": _KINDS.get(meta.get("assignee_type"), "bot")},
        "priority": shown["priority"],
        "typing": typing,
        "updated_at": _moment(shown["updated_at"]),
        "messages": [_message(raw, told) for raw, told in zip(messages, thread(messages), strict=True)],
    }


def _message(raw: JsonObject, told: JsonObject) -> JsonObject:
    """A message as the demo tells it, with what only a page shows."""
    sender = raw.get("sender") or {}
    speaker = told["from"]
    if speaker == "metta" and not told["turn_id"]:
        speaker = "bot"  # another bot's, or a word of Chatwoot in a bot's name
    return {
        **told,
        "from": "metta" if told["turn_id"] else speaker,
        "author": sender.get("name") or "",
        "text": raw["content"] or "",
        "status": raw["status"],
        "error": raw["content_attributes"].get("external_error"),
        "attachments": [_file(file) for file in raw.get("attachments", [])],
        "created_at": _moment(raw["created_at"]),
    }


def _file(file: JsonObject) -> JsonObject:
    name = file.get("fallback_title") or str(file.get("data_url", "")).partition("/redirect/")[2].partition("/")[2]
    return {"name": name, "file_type": file.get("file_type", "file")}


def _hint(channel: str, meta: JsonObject, messages: list[JsonObject]) -> str:
    """How well the channel lets Metta know who writes; what a turn found out stands in the turn."""
    contact = meta["sender"]
    if channel == "whatsapp" or meta.get("hmac_verified"):
        return "verified"
    if channel == "email":
        senders = {
            address
            for message in messages
            for address in (message["content_attributes"].get("email") or {}).get("from", ())
        }
        return "verified" if senders <= {contact["email"]} else "claimed"
    return "claimed" if contact["email"] or contact["phone_number"] else "anonymous"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


class Chat:
    """Shows each conversation anew whenever something happens in it.

    Args:
        chatwoot: the emulator, which is listened to.
        show: takes a conversation.
    """

    def __init__(self, chatwoot: ChatwootEmulator, show: Callable[[JsonObject], None]) -> None:
        self._chatwoot = chatwoot
        self._show = show
        self._changed = threading.Condition()
        self._waiting: OrderedDict[int, None] = OrderedDict()
        self._over = False
        self._names: dict[int, str] = {}
        self._thread = threading.Thread(target=self._run, name="playground-chat", daemon=True)

    def start(self) -> None:
        """Listen from now on, and show what there is."""
        self._chatwoot.listen(self._heard)
        for shown in self._chatwoot.conversations():
            self._heard("", int(shown["id"]))
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(5)

    def name(self, conversation_id: int, name: str) -> None:
        """A scene is played in this conversation."""
        self._names[conversation_id] = name
        self._heard("", conversation_id)

    def look(self, conversation_id: int) -> JsonObject:
        """A conversation as it is now.

        Raises:
            LookupError: there is none.
        """
        shown = conversation_view(self._chatwoot, conversation_id, self._names.get(conversation_id))
        self._show(shown)
        return shown

    def raw(self, conversation_id: int) -> list[dict[str, Any]]:
        """Its messages as the API has them; none when there is no such conversation."""
        try:
            return self._chatwoot.messages(conversation_id)
        except LookupError:
            return []

    def _heard(self, _event: str, conversation_id: int | None) -> None:
        if conversation_id is None:
            return
        with self._changed:
            self._waiting[conversation_id] = None
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._over)
                if self._over:
                    return
                conversation_id, _ = self._waiting.popitem(last=False)
            try:
                self.look(conversation_id)
            except Exception:
                log.exception("conversation %d cannot be shown", conversation_id)
