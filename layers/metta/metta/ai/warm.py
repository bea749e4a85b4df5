"""A conversation without network that touches what a first run touches, so that start-up pays for it, not a customer.

The first run in a process builds the client's and the SDK's pydantic models, about a third of a second of CPU.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
from pydantic import BaseModel

from metta.messages import Contact, ConversationKey, Identity, IdentityLevel, IncomingMessage, MessageContext


def _response(output: list[dict[str, Any]]) -> httpx2.Response:
    usage = {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }
    body = {"id": "resp_warm", "object": "response", "created_at": 0, "model": "warm", "status": "completed"}
    return httpx2.Response(200, json={**body, "output": output, "usage": usage})


def _answer(request: httpx2.Request) -> httpx2.Response:
    """First a tool call, then, once its result is there, a text."""
    if any(item.get("type") == "function_call_output" for item in json.loads(request.content)["input"]):
        content = [{"type": "output_text", "text": "ready", "annotations": []}]
        message = {"type": "message", "id": "msg_warm", "role": "assistant", "status": "completed", "content": content}
        return _response([message])
    call = {"type": "function_call", "id": "fc_warm", "call_id": "call_warm", "name": "searchProducts"}
    return _response([{**call, "arguments": '{"query":"warm"}', "status": "completed"}])


def warm_transport() -> httpx2.AsyncBaseTransport:
    """Answers as the model would, in memory."""
    return httpx2.MockTransport(_answer)


def warm_conversation() -> tuple[list[IncomingMessage], MessageContext]:
    """A message and its context, of nobody."""
    key = ConversationKey(account_id=0, conversation_id=0)
    contact = Contact(id=0)
    message = IncomingMessage(
        key=key, message_id=0, inbox_id=0, text="warm", created_at=datetime.now(UTC), contact=contact
    )
    return [message], MessageContext(
        key=key, inbox_id=0, contact=contact, identity=Identity(level=IdentityLevel.ANONYMOUS)
    )


class _Nothing(BaseModel):
    """An empty result."""

    found: bool = False


class WarmShop:
    """Has nothing for sale and nothing on order."""

    async def get_product(self, product_id: object, *, language: str = "en") -> BaseModel:
        """Nothing."""
        del product_id, language
        return _Nothing()

    async def search_products(self, query: object, *, language: str = "en") -> BaseModel:
        """Nothing."""
        del query, language
        return _Nothing()

    async def get_order(self, order_number: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """Nothing."""
        del order_number, identity, language
        return _Nothing()

    async def get_orders_by_customer(self, email: object, *, identity: Identity, language: str = "en") -> BaseModel:
        """Nothing."""
        del email, identity, language
        return _Nothing()
