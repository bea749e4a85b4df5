"""Chatwoot's webhook signature: HMAC-SHA256 over ``timestamp.body`` (contract 2), for receivers and the emulator."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

SIGNATURE_HEADER = "X-Chatwoot-Signature"
TIMESTAMP_HEADER = "X-Chatwoot-Timestamp"
DELIVERY_HEADER = "X-Chatwoot-Delivery"


def sign(secret: str | SecretStr, timestamp: str | int, body: bytes) -> str:
    """The value of ``X-Chatwoot-Signature`` for a raw body sent at ``timestamp`` (Unix seconds)."""
    key = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    digest = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def is_fresh(timestamp: str, *, now: float, window_seconds: float) -> bool:
    """Whether the value of ``X-Chatwoot-Timestamp`` is a time, and one within the window around ``now``."""
    return _is_time(timestamp) and abs(now - int(timestamp)) <= window_seconds


def _is_time(timestamp: str) -> bool:
    return timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12


def verify(
    secrets: Iterable[str | SecretStr],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    window_seconds: float | None = None,
) -> bool:
    """Whether one of ``secrets`` signed ``body``; takes the same time whichever it is.

    Args:
        secrets: current secret and, while it is rotated, the previous one.
        headers: names in any case.
        body: the raw bytes; a body parsed and written again does not verify, since Rails escapes ``& < >``.
        now: Unix seconds, the clock unless given.
        window_seconds: how far the timestamp may be from ``now``; None leaves its age unchecked, as is right once the
            body waited in a queue.
    """
    given = {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
    signature, timestamp = given.get(SIGNATURE_HEADER.lower()), given.get(TIMESTAMP_HEADER.lower())
    if not signature or not timestamp or not _is_time(timestamp):
        return False
    offered = signature.encode("utf-8", "surrogatepass")
    matches = [
        hmac.compare_digest(offered, sign(secret, timestamp, body).encode())
        for secret in secrets
        if (secret.get_secret_value() if isinstance(secret, SecretStr) else secret)
    ]
    fresh = True
    if window_seconds is not None:
        fresh = is_fresh(timestamp, now=time.time() if now is None else now, window_seconds=window_seconds)
    return any(matches) and fresh
