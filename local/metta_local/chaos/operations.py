"""Names what a request is about: which place, which operation, which conversation; never keeps a secret or a text.

One ``Lens`` per worker looks at all its HTTP calls, because some only mean something in their order: the first look at
a conversation under a lease is for context, the next one is the re-read before sending.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from metta_local.chaos.http_wire import Message, plain_body
from metta_local.chaos.journal import Place
from metta_local.chaos.records import Receipts
from metta_local.chatwoot.api import operation_of

_CONVERSATION = re.compile(r"/conversations/(\d+)")
_STATE_KEY = re.compile(r"turn#\d+:(\d+)$")
_HEAD_KEY = re.compile(r"audit#\d+:(\d+)$")
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")
_INPUT_CHARS = 600
_SQS_NAMES = {
    "ReceiveMessage": "receive",
    "DeleteMessage": "delete",
    "DeleteMessageBatch": "delete",
    "ChangeMessageVisibility": "visibility",
    "ChangeMessageVisibilityBatch": "visibility",
    "SendMessage": "send",
    "SendMessageBatch": "send",
}
_HEAD_NAMES = {"GetItem": "head_read", "UpdateItem": "head_move"}
_GUARD_NAMES = {
    "PutItem": "guard_put",
    "UpdateItem": "guard_update",
    "GetItem": "guard_get",
    "DeleteItem": "guard_delete",
}


@dataclass
class Seen:
    """What a request is; ``detail`` grows when its answer comes."""

    place: Place | None
    """None: something the harness has no interest in, passed on as it is."""
    operation: str
    conversation: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Lens:
    """Reads one worker's calls.

    Args:
        receipts: what every worker received so far.
    """

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._reads: dict[int, int] = {}
        """Conversation -> looks at it under the current lease."""

    def request(self, place: Place, message: Message) -> Seen:
        """Name a request; ``place`` is ``SQS`` or ``DYNAMODB`` for anything of AWS."""
        if place is Place.CHATWOOT:
            return self._chatwoot(message)
        if place is Place.ODOO:
            return _odoo(message)
        if place is Place.MODEL:
            return _model(message)
        return self._aws(message)

    def response(self, seen: Seen, answer: Message) -> None:
        """Add to ``seen`` what the place's answer tells."""
        if answer.status >= 300:
            return
        if seen.operation == "create_message":
            seen.detail["message_id"] = _object(plain_body(answer)).get("id")
        elif seen.place is Place.SQS and seen.operation == "receive":
            records = self._receipts.received(_object(plain_body(answer)))
            seen.detail["records"] = records
            seen.detail["conversations"] = sorted({r.conversation for r in records if r.conversation is not None})
        elif seen.operation == "acquire" and seen.conversation is not None:
            attributes = _object(plain_body(answer)).get("Attributes")
            phase = _state(attributes.get("turns") if isinstance(attributes, dict) else None).get("phase")
            self._reads[seen.conversation] = {"prepared": 1, "sending": 2}.get(phase or "", 0)
            seen.detail["in_hand"] = phase

    def _chatwoot(self, message: Message) -> Seen:
        path = urlsplit(message.target).path
        found = _CONVERSATION.search(path)
        seen = Seen(Place.CHATWOOT, operation_of(message.method, path), int(found[1]) if found else None)
        if seen.operation == "get_conversation" and seen.conversation is not None:
            looked = self._reads.get(seen.conversation, 0)
            self._reads[seen.conversation] = looked + 1
            seen.detail["read"] = ("context", "recheck", "look")[min(looked, 2)]
        elif seen.operation == "create_message":
            body = _object(message.body)
            own = body.get("content_attributes")
            own = own if isinstance(own, dict) else {}
            seen.detail |= {
                "private": body.get("private"),
                "turn_id": own.get("metta_turn_id"),
                "kind": own.get("metta_kind"),
                "part": own.get("metta_part"),
            }
        elif seen.operation in ("toggle_status", "assignments", "toggle_typing_status"):
            seen.detail |= {k: v for k, v in _object(message.body).items() if k != "is_private"}
        return seen

    def _aws(self, message: Message) -> Seen:
        service, _, action = message.header(b"x-amz-target").decode("ascii", "replace").partition(".")
        body: dict[str, Any]
        if action:
            body = _object(message.body)
        else:
            form = parse_qs(message.body.decode("utf-8", "replace")) if message.method == "POST" else {}
            action, body = form.get("Action", [""])[0], {name: values[0] for name, values in form.items()}
            service = "AmazonSQS" if action in _SQS_NAMES else ""
        if service == "AmazonSQS":
            return self._sqs(action, body)
        if service.startswith("DynamoDB_"):
            return self._dynamodb(action, body)
        return Seen(None, action)

    def _sqs(self, action: str, body: Mapping[str, Any]) -> Seen:
        seen = Seen(Place.SQS, _SQS_NAMES.get(action) or _snake(action))
        if seen.operation in ("delete", "visibility"):
            entries = body.get("Entries")
            entries = entries if isinstance(entries, list) else [body]
            known = [self._receipts.of(str(entry.get("ReceiptHandle"))) for entry in entries if isinstance(entry, dict)]
            records = [record for record in known if record is not None]
            seen.detail["message_ids"] = [record.message_id for record in records]
            seen.detail["conversations"] = sorted({r.conversation for r in records if r.conversation is not None})
            if seen.operation == "visibility":
                seen.detail["seconds"] = [entry.get("VisibilityTimeout") for entry in entries]
        elif action == "SendMessage":
            seen.detail["queue"] = str(body.get("QueueUrl", "")).rsplit("/", 1)[-1]
        return seen

    def _dynamodb(self, action: str, body: Mapping[str, Any]) -> Seen:
        key = body.get("Key") or body.get("Item") or {}
        id_ = key.get("id") if isinstance(key, dict) else None
        name = str(id_.get("S", "")) if isinstance(id_, dict) else ""
        found = _STATE_KEY.match(name)
        if found and action == "UpdateItem":
            return _turn_state(int(found[1]), body)
        if (head := _HEAD_KEY.match(name)) and action in _HEAD_NAMES:
            return Seen(Place.DYNAMODB, _HEAD_NAMES[action], int(head[1]))
        if name.startswith("message") and action in _GUARD_NAMES:
            return Seen(Place.DYNAMODB, _GUARD_NAMES[action])
        return Seen(Place.DYNAMODB, _snake(action), int(found[1]) if found else None, {"key": name.split("#", 1)[0]})


def _turn_state(conversation: int, body: Mapping[str, Any]) -> Seen:
    update = str(body.get("UpdateExpression", ""))
    seen = Seen(Place.DYNAMODB, "renew", conversation)
    if "ADD tries" in update:
        seen.operation = "acquire"
        return seen
    names = body.get("ExpressionAttributeNames") or {}
    removed = update.partition(" REMOVE ")[2]
    released = any(names.get(part.strip(), part.strip()) == "lease_owner" for part in removed.split(","))
    values = body.get("ExpressionAttributeValues") or {}
    if released or ":covered" in values:
        seen.operation = "release" if released else "save"
        seen.detail |= _state(values.get(":turns"))
        seen.detail["sent"] = bool(not released and not seen.detail["phase"] and seen.detail["outbox"])
    return seen


def _state(packed: object) -> dict[str, Any]:
    """How far the turn in hand is, and which turns still wait for their audit row."""
    try:
        turns = json.loads(gzip.decompress(base64.b64decode(packed["B"])))  # type: ignore[index]
        hand, outbox = turns["hand"], turns["outbox"]
    except (TypeError, KeyError, ValueError, OSError, EOFError, zlib.error):
        return {"phase": None, "turn_id": None, "outbox": []}
    return {
        "phase": hand and hand["phase"],
        "turn_id": hand and hand["id"],
        "outbox": [turn["id"] for turn in outbox],
    }


def _odoo(message: Message) -> Seen:
    params = _object(message.body).get("params")
    arguments = params.get("args") if isinstance(params, dict) else None
    seen = Seen(Place.ODOO, "call")
    if isinstance(arguments, list) and len(arguments) > 4:
        seen.detail |= {"model": arguments[3], "method": arguments[4]}
    elif isinstance(params, dict):
        seen.detail["method"] = params.get("method")
    return seen


def _model(message: Message) -> Seen:
    if not message.target.endswith("/responses"):
        return Seen(Place.MODEL, message.target.rsplit("/", 1)[-1])
    items = _object(message.body).get("input")
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    said = [item.get("content") for item in items if item.get("role") == "user"]
    detail = {
        "tool_results": sum(item.get("type") == "function_call_output" for item in items),
        "input": str(said[-1])[-_INPUT_CHARS:] if said else "",
    }
    return Seen(Place.MODEL, "respond", detail=detail)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _snake(name: str) -> str:
    return _WORD_START.sub("_", name).lower()
