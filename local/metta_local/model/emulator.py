"""OpenAI's API on loopback: ``POST /v1/responses``, ``POST /v1/moderations``, ``GET /v1/models``, strict as the API is.

The base URL for a client is the server's URL plus ``/v1``. Answers come from a script or a fault rule where one
applies, else from the offline model. The same request gets the same answer, ids included.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from metta_local.model.moderating import check_moderation, judged, moderation_body
from metta_local.model.obedience import obey
from metta_local.model.offline import think
from metta_local.model.reading import read_request
from metta_local.model.replies import answered, broken_off, dripping, failed, malformed
from metta_local.model.scripting import (
    Call,
    Calls,
    Drip,
    Empty,
    Fail,
    Incomplete,
    Malformed,
    Moderate,
    Refuse,
    Reset,
    Rules,
    Say,
    Slow,
    Step,
)
from metta_local.model.usage import UsageMeter
from metta_local.model.wire import (
    call_item,
    check_authorization,
    check_request,
    invalid,
    message_item,
    refusal_item,
    response_body,
)

MODELS = ("gpt-5.6-luna", "gpt-5.6", "gpt-5.6-sol", "gpt-5.4-mini")


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came in, refused ones included."""

    path: str
    headers: dict[str, str]
    body: Any
    """Parsed JSON; None when it was none."""
    at: float
    """``time.monotonic()`` at its arrival."""


class ModelEmulator:
    """The emulated API; serve ``app`` with ``metta_local.serving.LoopbackServer``.

    Args:
        api_key: the key that is accepted.
        models: the models that exist.
        latency: seconds every answer takes at least.
        obedient: whether the model follows instructions that it finds in any data, for red-team tests.
    """

    def __init__(
        self,
        *,
        api_key: str = "sk-emulated-0000",
        models: Sequence[str] = MODELS,
        latency: float = 0.0,
        obedient: bool = False,
    ) -> None:
        self.api_key = api_key
        self.models = tuple(models)
        self.latency = latency
        self.obedient = obedient
        self.requests: list[RecordedRequest] = []
        self._scripts = Rules()
        self._faults = Rules()
        self._moderations = Rules()
        self._meter = UsageMeter()
        self.app = Starlette(
            routes=[
                Route("/v1/responses", self._responses, methods=["POST"]),
                Route("/v1/moderations", self._moderate, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
            ]
        )

    def script(self, steps: Sequence[Step], *, when: str | None = None, forever: bool = False) -> None:
        """Play ``steps``, one per request, for requests whose body contains ``when`` (any request without it)."""
        self._scripts.add(steps, when=when, times=None if forever else 1)

    def fault(self, step: Step, *, times: int | None = 1, when: str | None = None) -> None:
        """Answer the next ``times`` requests (None: all) with ``step``; faults come before scripts."""
        self._faults.add([step], when=when, times=times)

    def moderate(self, step: Step, *, times: int | None = 1, when: str | None = None) -> None:
        """Answer the next ``times`` moderations (None: all) with ``step``: ``Moderate``, ``Slow`` or a failure."""
        self._moderations.add([step], when=when, times=times)

    def lift_faults(self) -> None:
        """Let no fault apply any more."""
        self._faults.clear()

    def reset(self) -> None:
        """Forget scripts, faults and recorded requests."""
        self._scripts.clear()
        self._faults.clear()
        self._moderations.clear()
        self.requests.clear()

    async def _models(self, request: Request) -> Response:
        if refused := check_authorization(request.headers.get("authorization"), self.api_key):
            return failed(refused)
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "emulator"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def _responses(self, request: Request) -> Response:
        raw, body = await self._received(request)
        refused = check_authorization(request.headers.get("authorization"), self.api_key)
        refused = refused or check_request(body, self.models)
        if refused is None and body.get("stream"):
            refused = invalid("Streaming is not emulated.", "stream", "unsupported_value")
        if refused:
            return failed(refused)
        if self.latency:
            await asyncio.sleep(self.latency)
        text = json.dumps(body, ensure_ascii=False)
        step = self._faults.next(text) or self._scripts.next(text)
        while isinstance(step, Slow):
            await asyncio.sleep(step.seconds)
            step = step.then
        identity = hashlib.sha256(raw).hexdigest()[:24]
        return self._play(step if step is not None else self._think(body), body, identity)

    async def _moderate(self, request: Request) -> Response:
        raw, body = await self._received(request)
        refused = check_authorization(request.headers.get("authorization"), self.api_key) or check_moderation(body)
        if refused:
            return failed(refused)
        step = self._moderations.next(json.dumps(body, ensure_ascii=False))
        while isinstance(step, Slow):
            await asyncio.sleep(step.seconds)
            step = step.then
        if isinstance(step, Fail):
            return failed(step)
        if isinstance(step, Reset):
            return broken_off()
        if isinstance(step, Malformed):
            return JSONResponse({"id": "modr-1", "results": []})
        identity = hashlib.sha256(raw).hexdigest()[:24]
        return JSONResponse(moderation_body(body, identity, step if isinstance(step, Moderate) else None))

    async def _received(self, request: Request) -> tuple[bytes, Any]:
        """The body and what it says; every request is recorded."""
        raw = await request.body()
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        self.requests.append(RecordedRequest(request.url.path, dict(request.headers), body, time.monotonic()))
        return raw, body

    def _think(self, body: dict[str, Any]) -> Step:
        reading = read_request(body)
        if (body.get("text") or {}).get("format", {}).get("name") == "second_opinion":
            return Say(judged(reading.question))
        return (obey(reading) if self.obedient else None) or think(reading)

    def _play(self, step: Step, body: dict[str, Any], identity: str) -> Response:
        if isinstance(step, Fail):
            return failed(step)
        if isinstance(step, Reset):
            return broken_off()
        if isinstance(step, Malformed):
            return malformed(step.kind, body, identity)
        if isinstance(step, Drip):
            output = [message_item(identity, step.text)]
            return dripping(response_body(body, identity, output, self._meter.measure(body, output)), step.seconds)
        output = _output(step, identity)
        usage = self._meter.measure(body, output)
        status, reason = "completed", ""
        if isinstance(step, Incomplete):
            status, reason = ("failed", "") if step.reason == "failed" else ("incomplete", step.reason)
            usage["output_tokens"] = body.get("max_output_tokens", 0)
        return answered(response_body(body, identity, output, usage, status=status, reason=reason), identity)


def _output(step: Step, identity: str) -> list[dict[str, Any]]:
    if isinstance(step, Say):
        return [message_item(identity, step.text)]
    if isinstance(step, Refuse):
        return [refusal_item(identity, step.text)]
    if isinstance(step, Call):
        step = Calls((step,))
    if isinstance(step, Calls):
        return [
            call_item(
                f"{identity}{index}",
                call.name,
                call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False),
            )
            for index, call in enumerate(step.calls)
        ]
    if isinstance(step, Incomplete):
        return [] if step.reason == "failed" else [message_item(identity, "Your order")]
    if isinstance(step, Empty):
        return []
    raise TypeError(f"{type(step).__name__} has no output")
