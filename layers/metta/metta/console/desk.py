"""A Chatwoot in memory with one conversation, behind the real client: it answers, and notes what would have been done.

It stands where the client's network would be, so that what it notes is what Chatwoot would have received, to the byte.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import Field

from metta.console.arranged import Arranged
from metta.console.request import MOST_MESSAGES, Meanwhile, SimulationRequest
from metta.messages import Author, ConversationKey, JsonObject
from metta.nouns import Noun

INCOMING, OUTGOING = 0, 1
"""``message_type`` as the API writes it."""
BETWEEN = timedelta(minutes=1)
"""Two messages of the history."""
_WHAT = {
    "/messages": "message",
    "/toggle_typing_status": "typing",
    "/toggle_status": "status",
    "/toggle_priority": "priority",
    "/assignments": "assignment",
    "/update_last_seen": "seen",
}


class ChatwootCall(Noun):
    """One change that Chatwoot would have been asked for."""

    what: str = Field(description="message, typing, status, priority, assignment or seen")
    method: str = Field(description="HTTP method")
    path: str = Field(description="Path below the conversation's")
    body: JsonObject = Field(description="JSON body")
    after_ms: float = Field(description="Since the turn began")


class Desk(httpx.AsyncBaseTransport):
    """One conversation, of one simulation.

    Args:
        request: what is simulated.
        arranged: who writes, and where.
        key: of the conversation.
        inbox_id: of the conversation.
    """

    def __init__(self, request: SimulationRequest, arranged: Arranged, key: ConversationKey, *, inbox_id: int) -> None:
        self._arranged = arranged
        self._key = key
        self._inbox_id = inbox_id
        self._status = "pending"
        self._priority: str | None = None
        self._assignee: JsonObject | None = None
        self._meanwhile: Meanwhile | None = request.meanwhile
        self._gone = False
        self._looks = 0
        self._ids = itertools.count(1)
        self._messages: list[JsonObject] = []
        self._started = time.perf_counter()
        self.calls: list[ChatwootCall] = []
        """What would have been done, in order."""
        now = datetime.now(UTC)
        for place, entry in enumerate(request.history):
            self._add(entry.text, entry.author, now - BETWEEN * (len(request.history) - place + 1))
        self.waiting = tuple(self._add(text, Author.CUSTOMER, now) for text in request.content)
        """The customer's messages that are to be answered, as the API writes them."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one call of the client's."""
        if self._gone:
            return httpx.Response(404, json={"error": "Resource could not be found"})
        _, _, below = request.url.path.partition(f"/conversations/{self._key.conversation_id}")
        if request.method == "GET":
            shown = self._listed(request.url.params) if below == "/messages" else self._looked_at()
            return httpx.Response(404 if self._gone else 200, json=shown)
        body: JsonObject = json.loads(request.content or b"{}")
        after_ms = round((time.perf_counter() - self._started) * 1000, 3)
        self.calls.append(
            ChatwootCall(what=_WHAT[below], method=request.method, path=below, body=body, after_ms=after_ms)
        )
        done: dict[str, Callable[[JsonObject], Any]] = {
            "/messages": self._created,
            "/toggle_status": self._status_set,
            "/toggle_priority": self._priority_set,
            "/assignments": self._assigned,
        }
        return httpx.Response(200, json=done[below](body) if below in done else {})

    def _add(self, text: str, author: Author, at: datetime, **more: Any) -> JsonObject:
        sender = {Author.CUSTOMER: "contact", Author.ASSISTANT: "agent_bot", Author.AGENT: "user"}[author]
        message = {
            "id": next(self._ids),
            "content": text,
            "content_type": "text",
            "content_attributes": {"metta_turn_id": "t-earlier"} if author is Author.ASSISTANT else {},
            "message_type": INCOMING if author is Author.CUSTOMER else OUTGOING,
            "private": False,
            "status": "sent",
            "created_at": at.isoformat(),
            "sender": {"id": 1, "type": sender},
            **more,
        }
        self._messages.append(message)
        return message

    def _listed(self, bounds: httpx.QueryParams) -> JsonObject:
        after, before = int(bounds.get("after", 0)), int(bounds.get("before", 1 << 62))
        found = [message for message in self._messages if after < message["id"] < before]
        return {"meta": {}, "payload": found[:100] if "after" in bounds else found[-MOST_MESSAGES:]}

    def _looked_at(self) -> JsonObject:
        self._looks += 1
        if self._looks > 1 and self._meanwhile is not None:
            self._happen(self._meanwhile)
        contact, last = self._arranged.contact, self._messages[-1]
        meta = {
            "channel": self._arranged.channel,
            "hmac_verified": self._arranged.hmac_verified,
            "sender": {
                "id": contact.id,
                "name": contact.name,
                "email": contact.email,
                "phone_number": contact.phone,
                "identifier": contact.identifier,
                "blocked": contact.blocked,
            },
        }
        if self._assignee is not None:
            meta |= {"assignee": self._assignee, "assignee_type": "User"}
        return {
            "id": self._key.conversation_id,
            "inbox_id": self._inbox_id,
            "status": self._status,
            "priority": self._priority,
            "can_reply": True,
            "contact_inbox": {"source_id": self._arranged.source_id},
            "meta": meta,
            "messages": [last],
            "last_non_activity_message": last,
        }

    def _happen(self, meanwhile: Meanwhile) -> None:
        """What somebody does while the answer is being written, once."""
        self._meanwhile = None
        if meanwhile == "human_reply":
            self._add("I am looking into it.", Author.AGENT, datetime.now(UTC))
        elif meanwhile == "human_assigned":
            self._assignee = {"id": 1, "type": "user"}
        elif meanwhile == "resolved":
            self._status = "resolved"
        else:
            self._gone = True

    def _created(self, body: JsonObject) -> JsonObject:
        attributes = {"content_attributes": body["content_attributes"], "private": body["private"]}
        return self._add(body["content"], Author.ASSISTANT, datetime.now(UTC), **attributes)

    def _status_set(self, body: JsonObject) -> JsonObject:
        self._status = body["status"]
        return {"payload": {"success": None, "current_status": self._status}}

    def _priority_set(self, body: JsonObject) -> JsonObject:
        self._priority = body["priority"]
        return {}

    def _assigned(self, body: JsonObject) -> JsonObject:
        return {"id": body.get("team_id")}
