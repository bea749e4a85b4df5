"""The local webhook receiver: takes Chatwoot's POST, checks its signature and puts it on the queue.

It does on this machine what API Gateway and the ``webhook`` function do in the cloud. The signature is checked over
the raw bytes, here at the door, because its time window cannot be judged once a message has waited on a queue.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import anyio.to_thread
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from metta.errors import SettingsError
from metta.integrations.chatwoot import signature
from metta_local.envelope import HEADERS, MAX_BODY_BYTES, Envelope, NotAWebhookError, wrap

log = logging.getLogger(__name__)

PATH = "/webhooks/chatwoot"
WINDOW_SECONDS = 300.0
"""How far a signature's timestamp may be from now."""
_THROTTLED = frozenset({"RequestThrottled", "ThrottlingException", "Throttling", "OverLimit", "KmsThrottled"})


class WebhookReceiver:
    """The receiver as an ASGI application (``app``), to be served on loopback.

    Args:
        sqs: a boto3 SQS client.
        queue_url: where webhooks go.
        secrets: those a signature may be made with, current one first.
        clock: unix seconds, for the signature's time window.

    Answers 200 when the webhook is on the queue; 401 when its signature is missing, wrong or outside the window;
    413 above what SQS takes; 400 when it is no webhook; 429 when SQS throttles and 500 when it cannot be reached, the
    two codes after which Chatwoot's bot webhook tries again.

    Raises:
        SettingsError: no secret is given. A receiver that takes unsigned webhooks lets anyone talk as anyone.
    """

    def __init__(
        self, sqs: Any, queue_url: str, secrets: Sequence[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        if not any(secrets):
            raise SettingsError("not set: CHATWOOT_WEBHOOK_SECRET (the receiver takes signed webhooks only)")
        self._sqs = sqs
        self._queue_url = queue_url
        self._secrets = tuple(secret for secret in secrets if secret)
        self._clock = clock
        self.app = Starlette(
            routes=[
                Route(PATH, self._receive, methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
            ]
        )

    async def _health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def _receive(self, request: Request) -> JSONResponse:
        raw = await _bounded(request)
        if raw is None:
            log.warning("refused a webhook: more than %d bytes", MAX_BODY_BYTES)
            return JSONResponse({"error": f"body larger than {MAX_BODY_BYTES} bytes"}, status_code=413)
        headers = {name: value for name in HEADERS if (value := request.headers.get(name))}
        if not self._is_genuine(raw, headers):
            log.warning("refused a webhook: signature missing, wrong or outside its time window")
            return JSONResponse({"error": "signature missing, wrong or outside its time window"}, status_code=401)
        try:
            envelope = wrap(raw, headers)
        except NotAWebhookError as error:
            log.warning("refused a webhook: %s", error)
            return JSONResponse({"error": str(error)}, status_code=400)
        return await self._queue(envelope)

    async def _queue(self, envelope: Envelope) -> JSONResponse:
        try:
            message_id = await anyio.to_thread.run_sync(envelope.send, self._sqs, self._queue_url)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            log.warning("the queue did not take a webhook: %s", code)
            throttled = code.rsplit(".", 1)[-1] in _THROTTLED
            return JSONResponse({"error": "the queue is not available"}, status_code=429 if throttled else 500)
        return JSONResponse({"queued": message_id})

    def _is_genuine(self, raw: bytes, headers: dict[str, str]) -> bool:
        return signature.verify(self._secrets, headers, raw, now=self._clock(), window_seconds=WINDOW_SECONDS)


async def _bounded(request: Request) -> bytes | None:
    """The body, or None as soon as it is larger than SQS takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)
