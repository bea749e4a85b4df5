"""A conversation without network that touches what a first run touches, so that start-up pays for it, not a customer.

The first run in a process builds the client's and the SDK's pydantic models, about a third of a second of CPU.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
from pydantic import BaseModel

from metta.messages import (
    Contact,
    ConversationKey,
    Identity,
    IdentityLevel,
    IncomingMessage,
    MessageContext,
    Outcome,
    OutgoingKind,
    SentMessage,
    Turn,
)
from metta.shops import Lookup, ShopAround


def _response(asked: dict[str, Any], output: list[dict[str, Any]]) -> httpx2.Response:
    """With every field that the API sends, since the SDK builds what reads a field when it first sees it."""
    usage = {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }
    body = {"id": "resp_warm", "object": "response", "created_at": 0, "model": "warm", "status": "completed"}
    nothing = dict.fromkeys(("error", "incomplete_details", "max_output_tokens", "previous_response_id", "user"))
    settings = {
        "instructions": asked.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": False,
        "prompt_cache_key": "warm",
        "reasoning": {"effort": "low", "summary": None},
        "safety_identifier": "warm",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
    }
    return httpx2.Response(200, json={**body, **nothing, **settings, "output": output, "usage": usage})


def _answer(request: httpx2.Request) -> httpx2.Response:
    """First a tool call, then, once its result is there, a text."""
    asked = json.loads(request.content)
    if any(item.get("type") == "function_call_output" for item in asked["input"]):
        content = [{"type": "output_text", "text": "ready", "annotations": []}]
        message = {"type": "message", "id": "msg_warm", "role": "assistant", "status": "completed", "content": content}
        return _response(asked, [message])
    call = {"type": "function_call", "id": "fc_warm", "call_id": "call_warm", "name": "searchProducts"}
    return _response(asked, [{**call, "arguments": '{"query":"warm"}', "status": "completed"}])


WARM_QUESTION = "Hello, where is my order S00001? Write to warm@example.com or call +1 202 555 0100."
WARM_SIGNS = (
    "‘S00002’: Grüße! Wo bleibt es (blau, 12:30)? Two or three &amp; 1.234,50 €: is 030 1234567 yours?"
    " start with 192.168.0.1, DHL Lieferverzeichnisnummernschild"
)
WARM_REPLY = (
    "Your order S00001 (19.90 EUR, 2 pieces) was sent on 2026-05-06 as parcel 1Z999AA10123456784. We have 5 in stock."
    " See https://example.com/parcel or write to warm@example.com. Thank you for waiting; we will refund you."
)
"""Texts with something for most checks to look at closely. No day is named in words: promises of days have patterns in
each language that take a fifth of a second to compile, and few replies need them.
"""


def warm_transport() -> httpx2.AsyncBaseTransport:
    """Answers as the model would, in memory."""
    return httpx2.MockTransport(_answer)


def warm_conversation() -> tuple[list[IncomingMessage], MessageContext]:
    """A message and its context, of nobody."""
    key = ConversationKey(account_id=0, conversation_id=0)
    contact = Contact(id=0)
    message = IncomingMessage(
        key=key, message_id=0, inbox_id=0, text=WARM_QUESTION, created_at=datetime.now(UTC), contact=contact
    )
    return [message], MessageContext(
        key=key,
        turn_id="warm",
        inbox_id=0,
        contact=contact,
        identity=Identity(level=IdentityLevel.ANONYMOUS),
        customer_text=WARM_QUESTION,
        tool_results=('{"orderNumber":"S00001"}',),
    )


class _Nothing(BaseModel):
    """An empty result."""

    found: bool = False


class WarmShop(ShopAround):
    """Has nothing for sale and nothing on order."""

    async def _ask(self, lookup: Lookup) -> BaseModel:
        del lookup
        return _Nothing()


def warm_turn() -> Turn:
    """A turn of nobody's that ended."""
    (message,), _ = warm_conversation()
    return Turn(
        id="warm",
        key=message.key,
        inbox_id=0,
        contact=message.contact,
        messages=(message,),
        reply=WARM_REPLY,
        outcome=Outcome.ANSWERED,
        sent=(SentMessage(kind=OutgoingKind.REPLY, message_id=0, text=WARM_REPLY),),
        started_at=message.created_at,
        finished_at=message.created_at,
    )
