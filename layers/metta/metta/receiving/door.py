"""The door that webhooks come through: size, signature, age, form, and onto the queue; for function and local receiver.

The signature is checked over the raw bytes and here, because its time window cannot be judged once a message has waited
on a queue. Chatwoot's bot webhook tries again after 429 and 500 only; after anything else that is not a success, a 503
or a timeout included, it opens the conversation at once. So trouble of our own is 429 or 500, and comes in time.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from metta.integrations.chatwoot.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, is_fresh
from metta.observability import Meter, Metric
from metta.receiving.envelope import HEADERS, MAX_BODY_BYTES, Envelope, NotAWebhookError, wrap
from metta.receiving.keyring import Keyring

log = logging.getLogger(__name__)

WINDOW_SECONDS = 300.0
"""How far a signature's timestamp may be from now."""
_THROTTLED = frozenset({"RequestThrottled", "ThrottlingException", "Throttling", "OverLimit", "KmsThrottled"})


@dataclass(frozen=True)
class Request:
    """An HTTP request as the door sees it."""

    method: str
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes
    """The raw bytes; of one that is larger than ``MAX_BODY_BYTES``, any part that is, too."""


class Answer(Enum):
    """What the caller is told: a status and a fixed word, never why."""

    QUEUED = 200, "queued"
    BAD_REQUEST = 400, "bad request"
    UNAUTHORIZED = 401, "unauthorized"
    TOO_LARGE = 413, "too large"
    BUSY = 429, "try again"
    FAILED = 500, "failed"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def body(self) -> str:
        """JSON."""
        return json.dumps({"status" if self is Answer.QUEUED else "error": self.value[1]})


class _Refused(Exception):  # noqa: N818 - not an error of ours
    def __init__(self, answer: Answer, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.answer, self.reason = answer, reason


class Door:
    """Takes webhooks in.

    Args:
        keyring: checks signatures.
        put: puts an envelope on the queue and returns its message id; raises botocore's errors.
        meter: counts; the caller flushes it.
        clock: Unix seconds, for the signature's time window.
    """

    def __init__(
        self,
        keyring: Keyring,
        put: Callable[[Envelope], str],
        meter: Meter | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keyring = keyring
        self._put = put
        self._meter = meter
        self._clock = clock

    def receive(self, request: Request) -> Answer:
        """Put a genuine webhook on the queue; never raises, logs one line, and in it nothing of the request."""
        try:
            envelope = self._opened(request)
        except _Refused as refused:
            return self.refuse(refused.answer, refused.reason, str(refused))
        except Exception as error:  # noqa: BLE001 - the caller needs an answer that lets it try again
            return self._failed(Answer.FAILED, "broken", type(error).__name__)
        try:
            message_id = self._put(envelope)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            throttled = code.rsplit(".", 1)[-1] in _THROTTLED
            answer, reason = (Answer.BUSY, "throttled") if throttled else (Answer.FAILED, "queue")
            return self._failed(answer, reason, code)
        except BotoCoreError as error:
            return self._failed(Answer.FAILED, "queue", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the caller needs an answer that lets it try again
            return self._failed(Answer.FAILED, "broken", type(error).__name__)
        log.info("queued a webhook", extra={"message_id": message_id, "conversation": envelope.group})
        self._count(Metric.WEBHOOKS_RECEIVED)
        return Answer.QUEUED

    def refuse(self, answer: Answer, reason: str, detail: str) -> Answer:
        """Refuse one that cannot even be handed in; ``detail`` is for the log and quotes nothing."""
        log.warning("refused a webhook: %s", detail, extra={"reason": reason})
        self._count(Metric.WEBHOOKS_REFUSED, reason=reason)
        return answer

    def _opened(self, request: Request) -> Envelope:
        if request.method.upper() != "POST":
            raise _Refused(Answer.BAD_REQUEST, "malformed", "not a POST")
        if len(request.body) > MAX_BODY_BYTES:
            raise _Refused(Answer.TOO_LARGE, "size", f"more than {MAX_BODY_BYTES} bytes")
        given = {name.lower(): value for name, value in request.headers.items()}
        headers = {name: given[name.lower()] for name in HEADERS if given.get(name.lower())}
        if not {SIGNATURE_HEADER, TIMESTAMP_HEADER} <= headers.keys():
            raise _Refused(Answer.UNAUTHORIZED, "unsigned", "no signature")
        # Age first: it is no secret, and an old webhook is worth neither a digest nor a look for newer secrets.
        if not is_fresh(headers[TIMESTAMP_HEADER], now=self._clock(), window_seconds=WINDOW_SECONDS):
            raise _Refused(Answer.UNAUTHORIZED, "stale", "its timestamp is outside the time window")
        if not self._keyring.signed(headers, request.body):
            raise _Refused(Answer.UNAUTHORIZED, "signature", "its signature is wrong")
        try:
            return wrap(request.body, headers)
        except NotAWebhookError as error:
            raise _Refused(Answer.BAD_REQUEST, "malformed", str(error)) from None

    def _failed(self, answer: Answer, reason: str, detail: str) -> Answer:
        log.error("a webhook was not queued: %s", detail, extra={"reason": reason})
        self._count(Metric.WEBHOOKS_FAILED, reason=reason)
        return answer

    def _count(self, metric: Metric, **words: Any) -> None:
        if self._meter is not None:
            self._meter.count(metric, **words)
