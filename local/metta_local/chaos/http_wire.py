"""Just enough HTTP/1.1 to forward whole messages: what a request or response is made of, and where it ends.

A proxy that 30,000 calls pass through must not spend more than the calls themselves, so a message is cut out of the
bytes as they came and its headers are read once.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"content-length"})
_NO_BODY = frozenset({204, 304})
MAX_HEAD_BYTES = 65_536


class BrokenMessageError(Exception):
    """The bytes are no HTTP/1.1 message."""


@dataclass(frozen=True)
class Message:
    """A request or a response."""

    start: bytes
    """Request line or status line, without line end."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Name as it came and value, without those that concern one connection or the body's framing."""
    body: bytes
    closes: bool = False
    """Whether whoever sent it wants the connection to end afterwards."""

    @property
    def method(self) -> str:
        """Of a request."""
        return self.start.split(b" ", 1)[0].decode("ascii", "replace")

    @property
    def target(self) -> str:
        """Path and query of a request."""
        parts = self.start.split(b" ", 2)
        return parts[1].decode("ascii", "replace") if len(parts) == 3 else ""

    @property
    def status(self) -> int:
        """Of a response."""
        return _status(self.start)

    def header(self, name: bytes) -> bytes:
        """The value of a header given in lower case; empty when it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), b"")

    def with_body(self, body: bytes) -> Message:
        """The same message with another body; checksums of the old one go."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != b"x-amz-crc32")
        return replace(self, body=body, headers=kept)

    def encoded(self, *, closes: bool = False, length: int | None = None) -> bytes:
        """The bytes to send.

        Args:
            closes: say that the connection ends afterwards.
            length: announce a body of this length instead of the true one.
        """
        lines = [self.start]
        lines += [name + b": " + value for name, value in self.headers]
        bodiless = self.start.startswith(b"HTTP/") and self.status in _NO_BODY
        if not bodiless and (self.body or length is not None or not self.start.startswith(b"GET ")):
            lines.append(b"Content-Length: %d" % (len(self.body) if length is None else length))
        lines.append(b"Connection: close" if closes else b"Connection: keep-alive")
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def response(status: int, reason: str, body: bytes, content_type: str, **headers: str) -> Message:
    """A response of our own; ``retry_after="1"`` becomes the header ``retry-after``."""
    own = [(b"Content-Type", content_type.encode())]
    own += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Message(b"HTTP/1.1 %d %s" % (status, reason.encode()), tuple(own), body)


class Reader:
    """Cuts messages out of what arrives on one connection.

    Args:
        requests: whether they are requests; otherwise responses.
    """

    def __init__(self, *, requests: bool) -> None:
        self._requests = requests
        self._buffer = bytearray()
        self._head: Message | None = None
        self._needed: int | None = None
        """Length of the body; None while it is chunked or ends with the connection."""
        self._chunked = False
        self._expects_continue = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self._buffer += data

    @property
    def idle(self) -> bool:
        """Whether nothing of a message has arrived."""
        return self._head is None and not self._buffer

    def asks_to_continue(self) -> bool:
        """Whether the sender of the request being read waits for a word before it sends the body; says so once."""
        asked, self._expects_continue = self._expects_continue, False
        return asked

    def next(self, *, ended: bool = False, bodiless: bool = False) -> Message | None:
        """The next whole message, or None while it is not.

        Args:
            ended: the connection has ended, and with it a body of unknown length.
            bodiless: the response is to a HEAD request.

        Raises:
            BrokenMessageError: it is not HTTP/1.1.
        """
        while True:
            if self._head is None and not self._read_head(bodiless=bodiless):
                return None
            assert self._head is not None
            body = self._read_body(ended=ended)
            if body is None:
                return None
            head, self._head = self._head, None
            if not self._requests and 100 <= head.status < 200:
                continue
            return replace(head, body=body)

    def _read_head(self, *, bodiless: bool) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BrokenMessageError("the head does not end")
            return False
        start, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        if not (b" HTTP/1." in start if self._requests else start.startswith(b"HTTP/1.")):
            raise BrokenMessageError("not HTTP/1.1")
        kept: list[tuple[bytes, bytes]] = []
        length: int | None = None
        self._chunked = self._expects_continue = False
        closes = start.endswith(b"HTTP/1.0") or start.startswith(b"HTTP/1.0")
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise BrokenMessageError("a header without a colon")
            lower, value = name.lower(), value.strip()
            if lower == b"content-length":
                length = int(value)
            elif lower == b"transfer-encoding":
                self._chunked = b"chunked" in value.lower()
            elif lower == b"connection":
                closes = closes or b"close" in value.lower()
            elif lower == b"expect":
                self._expects_continue = True
            if lower not in _HOP_BY_HOP and lower != b"expect":
                kept.append((name, value))
        self._head = Message(start, tuple(kept), b"", closes)
        self._needed = self._body_length(self._head, length, bodiless=bodiless)
        return True

    def _body_length(self, head: Message, length: int | None, *, bodiless: bool) -> int | None:
        if self._requests:
            return None if self._chunked else length or 0
        if bodiless or head.status in _NO_BODY or head.status < 200:
            self._chunked = False
            return 0
        return None if self._chunked else length

    def _read_body(self, *, ended: bool) -> bytes | None:
        if self._chunked:
            return self._read_chunks()
        if self._needed is None:
            return self._take(len(self._buffer)) if ended else None
        return self._take(self._needed) if len(self._buffer) >= self._needed else None

    def _read_chunks(self) -> bytes | None:
        body, at = bytearray(), 0
        while True:
            line_end = self._buffer.find(b"\r\n", at)
            if line_end < 0:
                return None
            try:
                size = int(bytes(self._buffer[at:line_end]).split(b";", 1)[0], 16)
            except ValueError:
                raise BrokenMessageError("a chunk without a size") from None
            start = line_end + 2
            if size == 0:
                trailer_end = self._buffer.find(b"\r\n", start)
                if trailer_end < 0:
                    return None
                del self._buffer[: trailer_end + 2]
                return bytes(body)
            if len(self._buffer) < start + size + 2:
                return None
            body += self._buffer[start : start + size]
            at = start + size + 2

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _status(start: bytes) -> int:
    try:
        return int(start[9:12])
    except ValueError:
        raise BrokenMessageError("a response without a status") from None


def plain_body(message: Message) -> bytes:
    """The body without its content encoding, for looking into it; empty when that is unknown or broken."""
    encoding = message.header(b"content-encoding").lower()
    if not encoding or encoding == b"identity":
        return message.body
    if encoding not in (b"gzip", b"deflate"):
        return b""
    try:
        return zlib.decompress(message.body, 47)
    except zlib.error:
        return b""
