"""One worker's way to one HTTP server: passes on, spoils and observes whole requests and answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

from metta_local.chaos import answers
from metta_local.chaos.harness import Harness, Passage
from metta_local.chaos.http_upstream import Upstream, UpstreamError
from metta_local.chaos.http_wire import BrokenMessageError, Message, Reader
from metta_local.chaos.injector import Fault
from metta_local.chaos.journal import FaultKind, Place
from metta_local.chaos.listening import Listening, reset
from metta_local.chaos.operations import Lens

log = logging.getLogger(__name__)

_ANSWERS = (FaultKind.TOO_MANY, FaultKind.SERVER_ERROR, FaultKind.MALFORMED)


class HttpProxy(Listening):
    """Listens on a port of its own; used from one event loop.

    Args:
        worker: whose calls these are.
        place: what is behind it; ``SQS`` stands for all of AWS.
        upstream: the server.
        lens: reads the worker's calls; one for all its proxies.
        harness: journal, injector and ambush.
    """

    def __init__(self, worker: str, place: Place, upstream: Upstream, lens: Lens, harness: Harness) -> None:
        super().__init__()
        self._worker = worker
        self._place = place
        self._upstream = upstream
        self._lens = lens
        self._harness = harness

    def make(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Client(self)

    async def serve(self, client: _Client, request: Message) -> None:
        """Take one request to its end."""
        seen = self._lens.request(self._place, request)
        if seen.place is None:
            await self._pass_on(client, request)
            return
        passage = Passage(self._harness, self._worker, seen.place, seen.operation, seen.conversation, seen.detail)
        try:
            if passage.killed(after=False):
                client.reset()
                return
            fault = passage.spoil()
            if fault is not None and await self._before(client, request, passage, fault):
                return
            passage.forwarded()
            try:
                answer = await self._upstream.exchange(request)
            except UpstreamError as error:
                log.warning("%s behind the proxy: %s", seen.place, error)
                client.reset()
                return
            passage.effected()
            self._lens.response(seen, answer)
            if passage.killed(after=True):
                client.reset()
                return
            if fault is None or fault.kind is FaultKind.LATENCY:
                self._answer(client, answer, passage)
            else:
                await self._after(client, request, answer, passage, fault)
        finally:
            passage.over()

    async def _pass_on(self, client: _Client, request: Message) -> None:
        try:
            client.send(await self._upstream.exchange(request))
        except UpstreamError:
            client.reset()

    async def _before(self, client: _Client, request: Message, passage: Passage, fault: Fault) -> bool:
        """What happens on the way there; True when the request ends here."""
        kind = fault.kind
        if kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
        elif kind is FaultKind.TIMEOUT_BEFORE:
            await client.hold(fault.seconds)
            client.reset()
        elif kind is FaultKind.RESET_BEFORE:
            client.reset()
        elif kind is FaultKind.TIMEOUT_AFTER and fault.late_seconds:
            await asyncio.sleep(fault.late_seconds)
        elif kind in _ANSWERS and not fault.after_effect:
            self._answer(client, self._spoilt(request, None, passage, fault), passage)
        else:
            return False
        return kind not in (FaultKind.LATENCY, FaultKind.TIMEOUT_AFTER)

    async def _after(self, client: _Client, request: Message, answer: Message, passage: Passage, fault: Fault) -> None:
        """What happens on the way back."""
        if fault.kind is FaultKind.TIMEOUT_AFTER:
            await client.hold(passage.arrived_at + fault.seconds - time.time())
            client.reset()
        elif fault.kind is FaultKind.RESET_AFTER:
            if fault.variant % 3 == 0:  # in the middle of the answer
                client.send_part(answer)
            client.reset()
        else:
            self._answer(client, self._spoilt(request, answer, passage, fault), passage)

    def _spoilt(self, request: Message, answer: Message | None, passage: Passage, fault: Fault) -> Message:
        place, operation = passage.place, passage.operation
        if fault.kind is FaultKind.MALFORMED:
            return answers.malformed(place, fault, answer)
        return answers.trouble(place, operation, fault, request)

    def _answer(self, client: _Client, answer: Message, passage: Passage) -> None:
        if client.send(answer):
            passage.answered(answer.status)


class _Client(asyncio.Protocol):
    """One connection of the worker; one request at a time, the next one waits in the reader."""

    def __init__(self, proxy: HttpProxy) -> None:
        self._proxy = proxy
        self._reader = Reader(requests=True)
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.get_running_loop().create_future()
        self._serving: asyncio.Task[None] | None = None
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._proxy.opened(transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        if self._serving is None:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - how it ended does not matter
        if not self._gone.done():
            self._gone.set_result(None)
        if self._transport is not None:
            self._proxy.ended(self._transport)

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        return self._gone.done() or self._transport is None or self._transport.is_closing()

    def send(self, answer: Message) -> bool:
        """Answer the request being served; False when nobody is there."""
        if self.gone:
            return False
        assert self._transport is not None
        self._transport.write(answer.encoded(closes=self._closes))
        return True

    def send_part(self, answer: Message) -> None:
        """Begin an answer that will not be finished."""
        if not self.gone and self._transport is not None:
            whole = answer.encoded()
            self._transport.write(whole[: max(1, len(whole) - len(answer.body) // 2 - 1)])

    def reset(self) -> None:
        """End the connection hard, as a crashed server or a firewall does."""
        if self._transport is not None:
            reset(self._transport)

    async def hold(self, seconds: float) -> None:
        """Keep the sender waiting until it gives up, ``seconds`` at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._gone), max(0.0, seconds))

    def _next(self) -> None:
        try:
            request = self._reader.next()
        except BrokenMessageError:
            self.reset()
            return
        if request is not None:
            self._closes = request.closes
            self._serving = asyncio.get_running_loop().create_task(self._serve(request))
        elif self._reader.asks_to_continue() and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _serve(self, request: Message) -> None:
        try:
            await self._proxy.serve(self, replace(request, closes=False))
        except Exception:
            log.exception("the proxy failed")
            self.reset()
        finally:
            self._serving = None
            if self._closes and self._transport is not None:
                self._transport.close()
        if not self.gone:
            self._next()
