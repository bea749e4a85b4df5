"""What each operation of the API does and answers (contract 3.2); ``Api`` has settled by then who may call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from metta_local.chatwoot.lifecycle import Lifecycle, UnprocessableError
from metta_local.chatwoot.records import STATUSES, Bot, Conversation, User, World
from metta_local.chatwoot.shapes import Json, Shapes, rails_json


class ApiError(Exception):
    """An answer that is not a success: JSON, or plain text where ``body`` is text."""

    def __init__(self, status: int, body: Json | str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Call:
    """One permitted call of an operation."""

    caller: User | Bot
    conversation: Conversation
    data: Json
    """Query and body together, and ``below``: the number at the end of the path, if there is one."""


class Operations:
    """A method per operation, named after it; a dict becomes JSON, False ``null``, None an empty body."""

    def __init__(self, world: World, shapes: Shapes, lifecycle: Lifecycle) -> None:
        self._world = world
        self._shapes = shapes
        self._lifecycle = lifecycle
        self.typing_changed: Callable[[Conversation, User | Bot, str, bool], None] = lambda *_: None

    def get_conversation(self, call: Call) -> Json:
        """The conversation now."""
        return self._shapes.api_conversation(call.conversation)

    def list_messages(self, call: Call) -> Json:
        """The last 20; with ``before`` 20 older, with ``after`` 100 newer, with both what is between."""
        messages = call.conversation.messages
        if call.data.get("filter_internal_messages"):
            messages = [m for m in messages if not m.private and m.message_type != "activity"]
        before = int(call.data["before"]) if "before" in call.data else None
        after = int(call.data["after"]) if "after" in call.data else None
        if before is not None and after is not None:
            found = [m for m in messages if after <= m.id < before][:1000]
        elif after is not None:
            found = [m for m in messages if m.id > after][:100]
        else:
            found = [m for m in messages if before is None or m.id < before][-20:]
        payload = [self._shapes.api_message(message) for message in found]
        return {"meta": self._shapes.list_meta(call.conversation), "payload": payload}

    def create_message(self, call: Call) -> Json:
        """Save, answer, then hand to the channel: an answer of 200 does not mean delivered."""
        inbox = self._world.inboxes[call.conversation.inbox_id]
        message_type = call.data.get("message_type") or "outgoing"
        if message_type == "incoming" and inbox.channel != "Channel::Api":
            raise ApiError(422, {"error": "Incoming messages are only allowed in Api inboxes"})
        if message_type not in ("incoming", "outgoing"):
            raise ApiError(422, {"error": f"'{message_type}' is not a valid message_type"})
        attributes = call.data.get("content_attributes") or {}
        if isinstance(attributes, str):
            attributes = json.loads(attributes)  # a form sends it as text
        sender: User | Bot = call.caller
        if isinstance(call.caller, User) and call.data.get("sender_type") == "AgentBot":
            sender = self._world.bots.get(int(call.data.get("sender_id") or 0), call.caller)
        try:
            message = self._lifecycle.create_message(
                call.conversation,
                call.data.get("content"),
                message_type,
                sender,
                private=call.data.get("private") in (True, "true"),
                content_type=call.data.get("content_type") or "text",
                content_attributes=attributes,
                additional_attributes={k: call.data[k] for k in ("campaign_id", "template_params") if call.data.get(k)},
                source_id=call.data.get("source_id"),
            )
        except UnprocessableError as error:
            raise ApiError(422, {"error": str(error)}) from None
        answer = json.loads(rails_json(self._shapes.api_message(message, call.data.get("echo_id"))))
        self._lifecycle.run_channel(message)
        return dict(answer)

    def delete_message(self, call: Call) -> None:
        """Blank a message."""
        message = next((one for one in call.conversation.messages if one.id == call.data["below"]), None)
        if message is None:
            raise ApiError(404, {"error": "Resource could not be found"})
        self._lifecycle.delete_message(message)

    def toggle_status(self, call: Call) -> Json:
        """Set or flip the status; a bot opening a pending conversation is a hand-off and answers ``success: null``."""
        status = call.data.get("status")
        if status is None:
            status = "resolved" if call.conversation.status == "open" else "open"
        if status not in STATUSES:
            raise ApiError(500, {"status": 500, "error": "Internal Server Error"})
        success: bool | None = True
        if isinstance(call.caller, Bot) and call.conversation.status == "pending" and status == "open":
            self._lifecycle.bot_handoff(call.conversation, call.caller)
            success = None
        else:
            until = call.data.get("snoozed_until")
            self._lifecycle.set_status(
                call.conversation, status, call.caller.name, snoozed_until=float(until) if until is not None else None
            )
            if status == "open" and isinstance(call.caller, User) and call.caller.role == "agent":
                self._lifecycle.assign(call.conversation, call.caller.id, by=call.caller.name)
        return {
            "meta": {},
            "payload": {
                "success": success,
                "conversation_id": call.conversation.id,
                "current_status": call.conversation.status,
                "snoozed_until": call.conversation.snoozed_until,
            },
        }

    def assignments(self, call: Call) -> Json | bool:
        """Assign a person, a bot or a team; an unknown id un-assigns."""
        if "assignee_id" in call.data and call.data.get("assignee_type") == "AgentBot":
            bot = self._world.bots.get(_whole(call.data["assignee_id"]))
            if bot is None:
                raise ApiError(404, {"error": "Resource could not be found"})
            self._lifecycle.assign_bot(call.conversation, bot.id)
            return self._shapes.bot(bot)
        if "assignee_id" in call.data:
            user = self._world.users.get(_whole(call.data["assignee_id"]))
            self._lifecycle.assign(call.conversation, user.id if user else None, by=call.caller.name)
            return self._shapes.user(user) if user else False
        team = self._world.teams.get(_whole(call.data.get("team_id")))
        self._lifecycle.set_field(call.conversation, "team_id", team.id if team else None)
        return {"id": team.id, "name": team.name, "description": None, "allow_auto_assign": True} if team else False

    def list_labels(self, call: Call) -> Json:
        """The labels."""
        return {"payload": list(call.conversation.labels)}

    def create_labels(self, call: Call) -> Json:
        """Replace all labels."""
        labels = [str(label) for label in call.data.get("labels") or []]
        self._lifecycle.set_field(call.conversation, "labels", labels, event_name="label_list")
        return {"payload": labels}

    def custom_attributes(self, call: Call) -> Json:
        """Replace all custom attributes."""
        attributes = dict(call.data.get("custom_attributes") or {})
        self._lifecycle.set_field(call.conversation, "custom_attributes", attributes)
        return {"custom_attributes": attributes}

    def toggle_priority(self, call: Call) -> None:
        """Set the priority."""
        self._lifecycle.set_field(call.conversation, "priority", call.data.get("priority"))

    def update_conversation(self, call: Call) -> Json:
        """Change the priority."""
        self._lifecycle.set_field(call.conversation, "priority", call.data.get("priority", call.conversation.priority))
        return self._shapes.api_conversation(call.conversation)

    def toggle_typing_status(self, call: Call) -> None:
        """Show or hide the typing sign."""
        call.conversation.typing = "on" if call.data.get("typing_status") == "on" else "off"
        self.typing_changed(call.conversation, call.caller, call.conversation.typing, bool(call.data.get("is_private")))

    def update_last_seen(self, call: Call) -> Json:
        """Mark as read."""
        self._lifecycle.see(call.conversation)
        return self._shapes.api_conversation(call.conversation)


def _whole(value: Any) -> int:
    """A number from JSON or text; 0 for anything else, as Rails' lookups then find nothing."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
