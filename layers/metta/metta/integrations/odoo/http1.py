"""HTTP/1.1 as ``transport`` needs it: one request and its answer on an open socket, in one write and few reads.

``http.client`` takes about twice the CPU, much of it to read headers as those of an e-mail (decision 0013). Its
exceptions are raised here too.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n]*)?")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_MOST_HEAD_BYTES = 65_536
_RECEIVED_AT_ONCE = 65_536
_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end.

    Attributes:
        status: the HTTP status, 200 and above.
        headers: by their names in small letters; of several with one name the last.
        body: decoded from its chunks.
        keep: whether another request may follow on this connection.
    """

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes
    keep: bool


def request(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """The bytes of a request.

    Raises:
        ValueError: a header cannot be sent as it is, for example a key that was pasted with its line break.
    """
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ValueError("a header with a line break")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + (body or b"")


def exchange(used: socket.socket, sent: bytes, *, most: int) -> Answer:
    """Send a request, and read its answer.

    Args:
        used: the connection.
        sent: a ``request``.
        most: bytes that the body may have.

    Raises:
        OverflowError: it has more; what is left of it was not read.
        RemoteDisconnected: the connection ended before the answer began.
        HTTPException: it ended in its middle, or what came is no HTTP.
        OSError: as the socket does.
    """
    used.sendall(sent)
    reader = _Reader(used, most)
    status, minor, headers = reader.head()
    while status < 200:  # an interim answer; the one that counts follows
        status, minor, headers = reader.head()
    options = headers.get(b"connection", b"").lower()
    keep = b"close" not in options if minor == b"1" else b"keep-alive" in options
    coding, length = headers.get(b"transfer-encoding", b""), headers.get(b"content-length")
    if status in _WITHOUT_BODY:
        body = b""
    elif coding:
        if coding.lower() != b"chunked":
            raise HTTPException("an answer in a coding that was not asked for")
        body = reader.chunks()
    elif length is not None:
        if not _LENGTH.fullmatch(length):
            raise HTTPException("an answer without a readable length")
        body = reader.block(int(length))
    else:
        body, keep = reader.rest(), False
    return Answer(status, headers, body, keep and not reader.left_over)


@dataclass
class _Reader:
    """Takes lines and blocks out of what a socket gives."""

    source: socket.socket
    most: int
    left_over: bytes = field(default=b"")

    def head(self) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Status, minor version and headers."""
        began = bool(self.left_over)
        while (end := self.left_over.find(b"\r\n\r\n")) < 0:
            if len(self.left_over) > _MOST_HEAD_BYTES:
                raise HTTPException("headers without an end")
            if not self._more():
                if not began and not self.left_over:
                    raise RemoteDisconnected("the connection was closed without an answer")
                raise IncompleteRead(self.left_over)
        first, *lines = self.left_over[:end].split(b"\r\n")
        self.left_over = self.left_over[end + 4 :]
        if not (match := _STATUS.fullmatch(first)):
            raise BadStatusLine("no HTTP/1.1")
        headers = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise HTTPException("a header without a colon")
            headers[name.lower()] = value.strip()
        return int(match[2]), match[1], headers

    def block(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size > self.most:
            raise OverflowError
        parts, wanted = [self.left_over], size - len(self.left_over)
        while wanted > 0:
            part = self.source.recv(min(wanted, _RECEIVED_AT_ONCE))
            if not part:
                raise IncompleteRead(b"".join(parts), wanted)
            parts.append(part)
            wanted -= len(part)
        whole = b"".join(parts)
        self.left_over = whole[size:]
        return whole[:size]

    def chunks(self) -> bytes:
        """A body in chunks, with what may follow the last."""
        parts = []
        while size := self._chunk_size():
            parts.append(self.block(size))
            self.most -= size
            if self._line():
                raise HTTPException("a chunk longer than it says")
        while self._line():
            pass
        return b"".join(parts)

    def rest(self) -> bytes:
        """All until the connection ends."""
        while len(self.left_over) <= self.most and self._more():
            pass
        if len(self.left_over) > self.most:
            raise OverflowError
        whole, self.left_over = self.left_over, b""
        return whole

    def _chunk_size(self) -> int:
        match = _CHUNK.fullmatch(self._line())
        if match is None:
            raise HTTPException("a chunk without a size")
        return int(match[1], 16)

    def _line(self) -> bytes:
        while (end := self.left_over.find(b"\r\n")) < 0:
            if len(self.left_over) > _MOST_HEAD_BYTES:
                raise HTTPException("a line without an end")
            if not self._more():
                raise IncompleteRead(self.left_over)
        line, self.left_over = self.left_over[:end], self.left_over[end + 2 :]
        return line

    def _more(self) -> bool:
        part = self.source.recv(_RECEIVED_AT_ONCE)
        self.left_over += part
        return bool(part)
