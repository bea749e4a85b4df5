"""One worker's way to PostgreSQL: cuts, delays, refuses connections and statements, before or after their effect."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from metta_local.chaos.harness import Harness, Passage
from metta_local.chaos.injector import Fault
from metta_local.chaos.journal import FaultKind, Place
from metta_local.chaos.listening import Listening, reset
from metta_local.chaos.postgres_wire import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    READY,
    SSL_REQUEST,
    BrokenStreamError,
    error,
    read_first,
    read_packet,
    read_statement,
)

log = logging.getLogger(__name__)

_REFUSALS = (
    error("FATAL", "57P03", "the database system is starting up"),
    error("FATAL", "57P03", "the database system is shutting down"),
    error("FATAL", "28000", "no more connections allowed"),
)
_TOO_MANY = error("FATAL", "53300", "sorry, too many clients already")
_FATAL = (
    error("FATAL", "57P01", "terminating connection due to administrator command"),
    error("FATAL", "57P02", "terminating connection because of crash of another server process"),
)
_ERRORS = (
    error("ERROR", "40001", "could not serialize access due to concurrent update") + READY,
    error("ERROR", "53200", "out of memory") + READY,
    error("ERROR", "57014", "canceling statement due to statement timeout") + READY,
)
_NONSENSE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
_ENDS = (asyncio.IncompleteReadError, OSError, BrokenStreamError)


class PostgresProxy(Listening):
    """Listens on a port of its own; used from one event loop. Encryption is declined, as the embedded server does.

    Args:
        worker: whose connections these are.
        host, port: the server.
        harness: journal, injector and ambush.
    """

    def __init__(self, worker: str, host: str, port: int, harness: Harness) -> None:
        super().__init__()
        self.worker = worker
        self.target = (host, port)
        self.harness = harness
        self._sessions: set[asyncio.Task[None]] = set()

    def make(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        reader = asyncio.StreamReader(limit=2**20)
        return asyncio.StreamReaderProtocol(reader, self._begin)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened(writer.transport)
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except _ENDS:
            pass
        except Exception:
            log.exception("the proxy failed")
        finally:
            self.ended(writer.transport)
            if session.ends_orderly:
                writer.close()
            else:
                reset(writer.transport)


class _Session:
    """One connection of the worker and the server's connection behind it."""

    def __init__(self, proxy: PostgresProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._server: asyncio.StreamWriter | None = None
        self._held: bytearray | None = None
        """The server's answer so far while a statement runs; None: its words go straight to the worker."""
        self._answered: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._greeted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the server said anything at all to the start-up."""
        self.ends_orderly = False
        """Whether words were said that a reset would lose on their way."""

    async def run(self) -> None:
        """Until either side ends."""
        code, start = await read_first(self._reader)
        while code in (SSL_REQUEST, GSS_REQUEST):
            self._writer.write(b"N")
            code, start = await read_first(self._reader)
        if code == CANCEL_REQUEST:
            await self._cancel(start)
            return
        try:
            if await self._connected(start):
                await self._statements()
        finally:
            if self._pump is not None:
                self._pump.cancel()
            if self._server is not None:
                self._server.close()

    def _passage(self, operation: str, conversation: int | None = None, **detail: object) -> Passage:
        return Passage(self._proxy.harness, self._proxy.worker, Place.POSTGRES, operation, conversation, detail)

    async def _cancel(self, start: bytes) -> None:
        _, server = await asyncio.open_connection(*self._proxy.target)
        server.write(start)
        await server.drain()
        server.close()

    async def _connected(self, start: bytes) -> bool:
        """Pass the start-up on; False when it was refused. Of a connection, before and after are the same."""
        passage = self._passage("connect")
        try:
            if passage.killed(after=False):
                return False
            fault = passage.spoil()
            if fault is not None and await self._refused(fault, passage):
                return False
            reader, self._server = await asyncio.open_connection(*self._proxy.target)
            self._server.write(start)
            passage.forwarded()
            self._pump = asyncio.get_running_loop().create_task(self._from_server(reader))
            if not await self._greeted:
                return False
            passage.effected()
            passage.answered()
            return True
        finally:
            passage.over()

    async def _refused(self, fault: Fault, passage: Passage) -> bool:
        kind = fault.kind
        if kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
            return False
        if kind in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER):
            await self._hold(fault.seconds)
        elif kind is FaultKind.TOO_MANY:
            await self._say(_TOO_MANY, passage)
        elif kind is FaultKind.SERVER_ERROR:
            await self._say(_REFUSALS[fault.variant % len(_REFUSALS)], passage)
        elif kind is FaultKind.MALFORMED:
            await self._say(_NONSENSE, passage)
        return True

    async def _statements(self) -> None:
        """Gather requests up to Sync (or a simple query) and take each to its end."""
        pending = bytearray()
        assert self._server is not None
        while True:
            packet = await read_packet(self._reader)
            pending += packet.raw
            if packet.kind in (b"p", b"X", b"H"):  # a password, good-bye, flush
                self._server.write(bytes(pending))
                pending.clear()
                if packet.kind == b"X":
                    await self._server.drain()
                    return
            elif packet.kind in (b"S", b"Q"):
                request = bytes(pending)
                pending.clear()
                operation, conversation, detail = read_statement(request)
                passage = self._passage(operation, conversation, **detail)
                try:
                    if not await self._statement(request, passage):
                        return
                finally:
                    passage.over()

    async def _statement(self, request: bytes, passage: Passage) -> bool:
        """One request; False when the connection ends with it."""
        self.ends_orderly = False
        if passage.killed(after=False):
            return False
        fault = passage.spoil()
        if fault is not None and fault.kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
        elif fault is not None and not fault.after_effect:
            return await self._spoilt(fault, passage)
        passage.forwarded()
        answer = await self._ask(request)
        if answer is None:
            return False
        passage.effected()
        if passage.killed(after=True):
            return False
        if fault is not None and fault.kind is not FaultKind.LATENCY:
            return await self._spoilt(fault, passage)
        await self._say(answer, passage)
        return True

    async def _spoilt(self, fault: Fault, passage: Passage) -> bool:
        """Something else than the answer; whether the connection lives on."""
        kind = fault.kind
        if kind in (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER):
            await self._hold(fault.seconds)
        elif kind is FaultKind.TOO_MANY:
            await self._say(_TOO_MANY, passage)
        elif kind is FaultKind.MALFORMED:
            await self._say(_NONSENSE, passage)
        elif kind is FaultKind.SERVER_ERROR:
            lives = fault.variant % 2 == 0 and not fault.after_effect  # a statement that failed did nothing
            shapes = _ERRORS if lives else _FATAL
            await self._say(shapes[fault.variant // 2 % len(shapes)], passage)
            return lives
        return False

    async def _ask(self, request: bytes) -> bytes | None:
        """The server's whole answer; None when it broke off."""
        assert self._server is not None
        self._held, self._answered = bytearray(), asyncio.get_running_loop().create_future()
        self._server.write(request)
        try:
            await self._answered
            return bytes(self._held)
        except _ENDS:
            return None
        finally:
            self._held = self._answered = None

    async def _from_server(self, reader: asyncio.StreamReader) -> None:
        """Everything the server says, to the worker or to the statement that waits for it."""
        try:
            while True:
                packet = await read_packet(reader)
                if not self._greeted.done():
                    self._greeted.set_result(True)
                if self._held is None:
                    self._writer.write(packet.raw)
                    continue
                self._held += packet.raw
                if packet.kind == b"Z" and self._answered is not None and not self._answered.done():
                    self._answered.set_result(None)
        except _ENDS:
            if self._answered is not None and not self._answered.done():
                self._answered.set_exception(ConnectionResetError())
            if not self._greeted.done():
                self._greeted.set_result(False)
            self._writer.close()

    async def _say(self, words: bytes, passage: Passage) -> None:
        passage.answered()
        self.ends_orderly = True
        self._writer.write(words)
        await self._writer.drain()

    async def _hold(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.wait_for(self._reader.read(1), seconds)
