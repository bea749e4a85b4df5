"""Structured logs: Powertools' JSON shape, the keys of ``log_keys``, personal data and secrets masked at the handler.

Rooms log through the standard library (``logging.getLogger(__name__)``, names below ``metta``). No line ever holds a
customer's text; the mask stands behind that rule, for what a library or an error's text might let slip.
"""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, TypeVar

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from pydantic import SecretStr

from metta.observability.masking import Mask
from metta.settings import Settings

T = TypeVar("T")

LIBRARIES = (
    "agents",
    "aws_lambda_powertools",
    "aws_xray_sdk",
    "asyncio",
    "boto3",
    "botocore",
    "httpx",
    "httpx2",
    "odoorpc",
    "openai",
    "opentelemetry",
    "psycopg",
    "urllib3",
)
"""Loggers of libraries that a worker uses: their warnings leave through the same handler, all else is left out."""
OWN_KEYS = frozenset(
    (
        "level",
        "location",
        "timestamp",
        "service",
        "xray_trace_id",
        "function_request_id",
        "conversation",
        "message_id",
        "message_ids",
        "chatwoot_message_ids",
        "turn",
        "turns",
        "frames",
    )
)
"""Keys whose values are ids and words of our own; a mask could only mistake an id for a number of a person."""

_formatter: LambdaPowertoolsFormatter | None = None


def set_up_logging(settings: Settings, stream: IO[str] | None = None) -> None:
    """Give ``metta``'s and the libraries' loggers Powertools' structured JSON handler. Safe to call again.

    Args:
        settings: level and service name; its secrets are masked.
        stream: where lines go; standard output when None, as Lambda wants it.
    """
    global _formatter
    mask = Mask(_secrets(settings))
    _formatter = LambdaPowertoolsFormatter(
        service=settings.powertools_service_name,
        utc=True,
        json_serializer=partial(_serialized, mask),
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter)
    for name, level in (("metta", settings.log_level), *((library, "WARNING") for library in LIBRARIES)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


@contextmanager
def log_keys(**keys: object) -> Iterator[None]:
    """Put ``keys`` on every line that this thread and the coroutines it starts log inside the block."""
    if _formatter is None:
        yield
        return
    before = dict(_formatter.thread_safe_get_current_keys())
    _formatter.thread_safe_append_keys(**keys)
    try:
        yield
    finally:
        _formatter.thread_safe_clear_keys()
        _formatter.thread_safe_append_keys(**before)


def with_log_keys(function: Callable[..., T], *args: Any) -> Callable[[], T]:
    """``function`` bound to a copy of the present log keys and span, for a pool thread that may have others."""
    return partial(contextvars.copy_context().run, function, *args)


def _serialized(mask: Mask, line: dict[str, Any]) -> str:
    masked = {key: value if key in OWN_KEYS else mask.value(value) for key, value in line.items()}
    text = json.dumps(masked, default=lambda value: mask.text(str(value)), separators=(",", ":"), ensure_ascii=False)
    # Half a character pair, which no stream takes: logging would print the line's arguments as they are instead.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _secrets(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
