"""What of a webhook's body says where it belongs, read without building the rest of it; used by ``envelope``.

A megabyte of brackets or small numbers takes Python's own reader a quarter of a second, and a contact's attributes can
be anything. Here the rest of the body never becomes an object of Python's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

_LARGEST_ID = 2**63 - 1
"""Of Rails; ids with more digits than SQS takes characters would be refused there."""
_ABSENT = object()
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Escaped surrogates. JSON may hold halves of them, which this reader refuses; none of them is part of an id."""
_SUBSTITUTE = rb"\\ufffd"


class UnreadableError(Exception):
    """The body is no JSON object with an event; the text says why, without quoting it."""


@dataclass(frozen=True)
class Routing:
    """Where a webhook belongs; None for an id that is missing or is no whole number."""

    event: str
    id: int | None
    account: int | None
    conversation: int | None


def _or_else(default: object, schema: CoreSchema) -> CoreSchema:
    return core_schema.with_default_schema(schema, default=default, on_error="default")


def _object(**fields: CoreSchema) -> CoreSchema:
    return core_schema.typed_dict_schema({name: core_schema.typed_dict_field(each) for name, each in fields.items()})


_ID = _or_else(None, core_schema.int_schema(strict=True, ge=-_LARGEST_ID, le=_LARGEST_ID))
_ACCOUNT = _or_else({}, _object(id=_ID))
_CONVERSATION = _or_else({}, _object(id=_ID, account=_ACCOUNT))
_READER = SchemaValidator(
    _object(
        event=_or_else(None, core_schema.str_schema(strict=True)),
        id=_ID,
        account=_ACCOUNT,
        # Whether it is there counts, whatever it is: events that are a conversation themselves have none.
        conversation=core_schema.with_default_schema(_CONVERSATION, default=_ABSENT),
        current_conversation=_CONVERSATION,
    )
)


def routing(raw: bytes) -> Routing:
    """Read where ``raw`` belongs.

    Raises:
        UnreadableError: not JSON, nested more than 200 deep, not an object, or without an event.
    """
    if raw.lstrip(b" \t\r\n")[:1] != b"{":  # before it is read: the reader's own error would hold all of it
        raise UnreadableError("not a JSON object")
    body = _read(raw)
    event = body["event"]
    if not event:
        raise UnreadableError("no event")
    conversation = body["conversation"]
    if event == "webwidget_triggered":
        conversation = body["current_conversation"]
    elif conversation is _ABSENT:
        conversation = {} if event.startswith("message_") else body
    return Routing(
        event=event,
        id=body["id"],
        account=body["account"].get("id") or conversation.get("account", {}).get("id"),
        conversation=conversation.get("id"),
    )


def _read(raw: bytes) -> dict[str, Any]:
    try:
        return _validated(raw)
    except UnreadableError:
        whole = _HALF_PAIR.sub(_SUBSTITUTE, raw)
        if whole == raw:
            raise
    return _validated(whole)


def _validated(raw: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _READER.validate_json(raw)
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False, include_input=False)
        raise UnreadableError(f"not JSON ({first['ctx']['error']})") from None
    return found
