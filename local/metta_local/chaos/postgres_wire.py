"""Just enough of PostgreSQL's protocol 3.0 to see where a statement and its answer end, and to answer with an error."""

from __future__ import annotations

import asyncio
import re
import struct
from dataclasses import dataclass
from typing import Any

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
_MAX_BYTES = 64 * 1024 * 1024

_INSERT = re.compile(rb"written_(turns|skips) AS")
_CONVERSATION = re.compile(rb'"conversation_id": ?(\d+)')
_TURN = re.compile(rb'"id": ?"(t-[0-9a-f]{32})"')
_MESSAGE = re.compile(rb'"message_id": ?(\d+)')


class BrokenStreamError(Exception):
    """The bytes are not PostgreSQL's protocol."""


@dataclass(frozen=True)
class Packet:
    """One message as it came."""

    kind: bytes
    """Its type byte; empty for the first packet of a connection."""
    raw: bytes


async def read_first(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The code and bytes of a packet without a type: start-up, or a request for encryption or cancelling.

    Raises:
        EOFError, OSError: the connection ended.
        BrokenStreamError: it is something else.
    """
    head = await reader.readexactly(8)
    length, code = struct.unpack("!ii", head)
    if not 8 <= length <= 10_000:
        raise BrokenStreamError("not a start-up packet")
    return code, head + await reader.readexactly(length - 8)


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """The next typed packet; raises as ``read_first`` does."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    if not 4 <= length <= _MAX_BYTES:
        raise BrokenStreamError("not a packet")
    return Packet(head[:1], head + await reader.readexactly(length - 4))


def error(severity: str, code: str, message: str) -> bytes:
    """An ErrorResponse; after FATAL the server ends the connection."""
    fields = b"".join(
        name + value.encode() + b"\0"
        for name, value in ((b"S", severity), (b"V", severity), (b"C", code), (b"M", message))
    )
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


READY = b"Z" + struct.pack("!i", 5) + b"I"
"""ReadyForQuery outside a transaction, as it follows an ERROR."""


def read_statement(request: bytes) -> tuple[str, int | None, dict[str, Any]]:
    """What one request (everything up to Sync) does.

    Returns:
        ``insert`` for the audit's writing statement, else ``query``; the conversation; ids of what is written.
    """
    found = _INSERT.search(request)
    if found is None:
        return "query", None, {}
    conversation = _CONVERSATION.search(request)
    detail: dict[str, Any] = {"table": found[1].decode()}
    id_ = (_TURN if detail["table"] == "turns" else _MESSAGE).search(request)
    if id_ is not None:
        detail["turn_id" if detail["table"] == "turns" else "message_id"] = (
            id_[1].decode() if detail["table"] == "turns" else int(id_[1])
        )
    return "insert", int(conversation[1]) if conversation else None, detail
