"""Faults on the way to the emulator and back, so that tests meet every outcome a network has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from metta_local.asgi import read_body, replayed


@dataclass
class Fault:
    """What goes wrong with the next calls of one operation.

    ``after_effect`` says whether Chatwoot still does what was asked. ``delay_seconds`` passes before the answer or the
    cut: with ``after_effect`` and a delay beyond the client's patience this is a timeout of a call that worked.
    """

    operation: str
    """create_message, get_conversation, list_messages, toggle_status, assignments, ...; ``*`` for any."""
    kind: Literal["answer", "reset", "delay"] = "answer"
    """answer with ``status``; reset: cut the connection; delay: only late."""
    status: int = 500
    body: str = '{"status":500,"error":"Internal Server Error"}'
    headers: dict[str, str] = field(default_factory=dict)
    after_effect: bool = False
    delay_seconds: float = 0.0
    skip: int = 0
    """How many matching calls pass unharmed first."""
    times: int | None = 1
    """How many calls it spoils; None for all."""
    matches: Callable[[bytes], bool] | None = None
    """Looks at the request's body, when only some calls shall fail."""


class Faults:
    """The rules in force; the first that fits a call applies."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def clear(self) -> None:
        """Lift all rules."""
        with self._lock:
            self._rules.clear()

    def take(self, operation: str, body: bytes) -> Fault | None:
        """The rule that this call meets, used up by it."""
        with self._lock:
            for rule in self._rules:
                if rule.operation not in ("*", operation) or rule.times == 0:
                    continue
                if rule.matches is not None and not rule.matches(body):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None


class FaultyApp:
    """Wraps an ASGI app and spoils its calls.

    Args:
        app: what answers when nothing is wrong.
        faults: the rules.
        operation_of: names the operation of a method and path.
    """

    def __init__(self, app: ASGIApp, faults: Faults, operation_of: Callable[[str, str], str]) -> None:
        self._app = app
        self._faults = faults
        self._operation_of = operation_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await read_body(receive) or b""
        fault = self._faults.take(self._operation_of(scope["method"], scope["path"]), body)
        replay = replayed(body, receive)
        if fault is None:
            await self._app(scope, replay, send)
            return
        answer: list[MutableMapping[str, Any]] = []
        if fault.after_effect or fault.kind == "delay":

            async def keep(message: MutableMapping[str, Any]) -> None:
                answer.append(message)

            if fault.after_effect:
                await self._app(scope, replay, keep)
        if fault.delay_seconds and await _gone_within(receive, fault.delay_seconds):
            return
        if fault.kind == "reset":
            await _cut(send)
        elif fault.kind == "delay" and fault.after_effect:
            for message in answer:
                await send(message)
        elif fault.kind == "delay":
            await self._app(scope, replay, send)
        else:
            await _answer(send, fault)


async def _gone_within(receive: Receive, seconds: float) -> bool:
    """Wait; True as soon as the client hung up."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def _answer(send: Send, fault: Fault) -> None:
    headers = {"content-type": "application/json", **fault.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": raw})
    await send({"type": "http.response.body", "body": fault.body.encode()})


async def _cut(send: Send) -> None:
    """Break the connection off: on a real server by its socket, in process by the error a client would see."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise httpx.ReadError("connection reset")
    transport.abort()
    await asyncio.sleep(0.01)
