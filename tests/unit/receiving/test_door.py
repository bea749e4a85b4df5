"""Only Chatwoot's own fresh webhooks pass the door, others learn nothing, and trouble of ours can be tried again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from metta.integrations.chatwoot.signature import sign
from metta.observability import Meter
from metta.receiving.door import Answer, Door, Request
from metta.receiving.envelope import MAX_BODY_BYTES, Envelope
from metta.receiving.keyring import Keyring
from metta.settings import load

PAYLOADS = Path(__file__).parents[2] / "payloads" / "chatwoot"
RAW = (PAYLOADS / "16_wire_body.raw").read_bytes()
VECTOR = json.loads((PAYLOADS / "16_wire_headers.json").read_bytes())
SECRET: str = VECTOR["secret"]
SENT_AT = int(VECTOR["headers"]["X-Chatwoot-Timestamp"])
GENUINE = Request("POST", VECTOR["headers"], RAW)
PRIVATE = "private-words-of-a-customer"


def signed(body: bytes, *, at: int = SENT_AT, secret: str = SECRET) -> Request:
    headers = {"X-Chatwoot-Timestamp": str(at), "X-Chatwoot-Signature": sign(secret, at, body)}
    return Request("POST", headers, body)


class Desk:
    """A door with a queue behind it, at the time at which the vector was sent."""

    def __init__(self, error: Exception | None = None, put: Callable[[Envelope], str] | None = None) -> None:
        self.queued: list[Envelope] = []
        self.error = error
        self.meter = Meter(load({}))
        self.door = Door(Keyring([SECRET]), self._put, self.meter, clock=lambda: SENT_AT + 1.0)

    def _put(self, envelope: Envelope) -> str:
        if self.error is not None:
            raise self.error
        self.queued.append(envelope)
        return "sqs-1"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("metta")
    before, logger.propagate = (logger.propagate, logger.level), True
    with caplog.at_level(logging.INFO, "metta"):
        yield caplog
    logger.propagate = before[0]


def emitted(meter: Meter, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Metric -> the reasons it was counted with, the total left out."""
    meter.flush()
    found: dict[str, list[str]] = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        names = [metric["Name"] for one in line["_aws"]["CloudWatchMetrics"] for metric in one["Metrics"]]
        for name in names:
            found.setdefault(name, []).extend([line["reason"]] if "reason" in line else [])
    return found


def test_chatwoots_own_webhook_is_queued_as_it_came(
    log: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk()

    assert desk.door.receive(GENUINE) is Answer.QUEUED

    (envelope,) = desk.queued
    assert envelope.body.encode() == RAW
    assert envelope.headers == {k: v for k, v in VECTOR["headers"].items() if k.startswith("X-Chatwoot")}
    assert [(one.message_id, one.conversation) for one in log.records] == [("sqs-1", envelope.group)]  # type: ignore[attr-defined]
    assert emitted(desk.meter, capsys) == {"WebhooksReceived": []}


REFUSED: dict[str, tuple[Request, Answer, str]] = {
    "forged": (signed(PRIVATE.encode(), secret="guessed"), Answer.UNAUTHORIZED, "signature"),
    "changed": (replace(GENUINE, body=RAW + b" "), Answer.UNAUTHORIZED, "signature"),
    "not even ASCII": (
        Request("POST", GENUINE.headers | {"X-Chatwoot-Signature": "sha256=\u00fc"}, RAW),
        Answer.UNAUTHORIZED,
        "signature",
    ),
    "unsigned": (Request("POST", {}, PRIVATE.encode()), Answer.UNAUTHORIZED, "unsigned"),
    "replayed": (signed(RAW, at=SENT_AT - 300), Answer.UNAUTHORIZED, "stale"),
    "from the future": (signed(RAW, at=SENT_AT + 302), Answer.UNAUTHORIZED, "stale"),
    "no time": (
        Request("POST", GENUINE.headers | {"X-Chatwoot-Timestamp": PRIVATE}, RAW),
        Answer.UNAUTHORIZED,
        "stale",
    ),
    "oversized": (signed(b"{}" + b" " * MAX_BODY_BYTES), Answer.TOO_LARGE, "size"),
    "no JSON": (signed(PRIVATE.encode()), Answer.BAD_REQUEST, "malformed"),
    "no event": (signed(json.dumps({PRIVATE: PRIVATE}).encode()), Answer.BAD_REQUEST, "malformed"),
    "deep": (signed(b"[" * 100_000), Answer.BAD_REQUEST, "malformed"),
    "read": (replace(GENUINE, method="GET"), Answer.BAD_REQUEST, "malformed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_with_a_fixed_word_and_one_line_without_its_content(
    name: str, log: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    request, answer, reason = REFUSED[name]
    desk = Desk()

    assert desk.door.receive(request) is answer

    assert desk.queued == []
    (line,) = log.records
    assert (line.levelname, line.reason) == ("WARNING", reason)  # type: ignore[attr-defined]
    assert PRIVATE not in repr(vars(line))
    assert emitted(desk.meter, capsys) == {"WebhooksRefused": [reason]}


def test_the_caller_is_told_a_status_and_a_word() -> None:
    assert {one.status: json.loads(one.body) for one in Answer} == {
        200: {"status": "queued"},
        400: {"error": "bad request"},
        401: {"error": "unauthorized"},
        413: {"error": "too large"},
        429: {"error": "try again"},
        500: {"error": "failed"},
    }


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": PRIVATE}}, "SendMessage")


@pytest.mark.parametrize(
    ("error", "answer", "reason"),
    [
        (refusal("RequestThrottled"), Answer.BUSY, "throttled"),
        (refusal("AWS.SimpleQueueService.OverLimit"), Answer.BUSY, "throttled"),
        (refusal("AccessDenied"), Answer.FAILED, "queue"),
        (EndpointConnectionError(endpoint_url=PRIVATE), Answer.FAILED, "queue"),
        (ReadTimeoutError(endpoint_url=PRIVATE), Answer.FAILED, "queue"),
        (ZeroDivisionError(PRIVATE), Answer.FAILED, "broken"),
    ],
)
def test_what_the_queue_does_not_take_can_be_sent_again(
    error: Exception,
    answer: Answer,
    reason: str,
    log: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk = Desk(error)

    assert desk.door.receive(GENUINE) is answer

    (line,) = log.records
    assert (line.levelname, line.reason) == ("ERROR", reason)  # type: ignore[attr-defined]
    assert PRIVATE not in repr(vars(line))
    assert emitted(desk.meter, capsys) == {"WebhooksFailed": [reason]}


def test_a_defect_of_ours_is_no_refusal(log: pytest.LogCaptureFixture) -> None:
    class Broken(Keyring):
        def signed(self, *_: Any) -> bool:
            raise ZeroDivisionError(PRIVATE)

    door = Door(Broken([SECRET]), lambda _: "", clock=lambda: float(SENT_AT))

    assert door.receive(GENUINE) is Answer.FAILED
    assert PRIVATE not in repr([vars(line) for line in log.records])
