"""The local webhook receiver: Chatwoot's POST over HTTP to the door that the ``webhook`` function has, too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from metta.errors import SettingsError
from metta.receiving.door import Door, Request
from metta.receiving.envelope import MAX_BODY_BYTES, Envelope
from metta.receiving.keyring import Keyring

PATH = "/webhooks/chatwoot"


class WebhookReceiver:
    """The receiver as an ASGI application (``app``), to be served on loopback.

    Args:
        sqs: a boto3 SQS client.
        queue_url: where webhooks go.
        secrets: those a signature may be made with, current one first.
        clock: unix seconds, for the signature's time window.

    Raises:
        SettingsError: no secret is given. A receiver that takes unsigned webhooks lets anyone talk as anyone.
    """

    def __init__(
        self, sqs: Any, queue_url: str, secrets: Sequence[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        if not any(secrets):
            raise SettingsError("not set: CHATWOOT_WEBHOOK_SECRET (the receiver takes signed webhooks only)")

        def put(envelope: Envelope) -> str:
            return envelope.send(sqs, queue_url)

        self._door = Door(Keyring([secret for secret in secrets if secret]), put, clock=clock)
        self.app = Starlette(
            routes=[
                Route(PATH, self._receive, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )

    async def _health(self, _: HttpRequest) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _receive(self, http: HttpRequest) -> Response:
        request = Request(http.method, dict(http.headers), await _bounded(http))
        answer = await anyio.to_thread.run_sync(self._door.receive, request)
        return Response(answer.body, answer.status, media_type="application/json")


async def _bounded(request: HttpRequest) -> bytes:
    """The body, or as much of it as shows that it is larger than SQS takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)
