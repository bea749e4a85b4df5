"""Recognises keys, tokens and internal ids by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.normalise import View

SECRET_MASK = "[SECRET]"  # noqa: S105 - what stands in a secret's place

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("API_KEY", re.compile(r"\bsk-(?:proj-|ant-|live-|test-)?[A-Za-z0-9_\-]{16,200}+")),
    ("API_KEY", re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,120}+")),
    ("AWS_KEY", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("API_KEY", re.compile(r"\bAIza[A-Za-z0-9_\-]{30,60}+")),
    ("TOKEN", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,100}+")),
    ("TOKEN", re.compile(r"\bxox[abprs]-[A-Za-z0-9\-]{10,120}+")),
    ("JWT", re.compile(r"\beyJ[A-Za-z0-9_\-]{8,2000}+\.[A-Za-z0-9_\-]{8,2000}+(?:\.[A-Za-z0-9_\-]{0,2000}+)?")),
    (
        "PEM",
        re.compile(
            r"-----BEGIN [A-Z ]{0,30}(?:PRIVATE KEY|CERTIFICATE)-----[^-]{0,8000}+(?:-----END [A-Z ]{0,40}-----)?"
        ),
    ),
    (
        "TOKEN",
        re.compile(
            r"(?i:\b(?:pubsub_token|api[_-]access[_-]token|access[_-]token|website[_-]token|hmac[_-]token|api[_-]key|"
            r"secret[_-]?(?:access[_-])?key|client[_-]secret|x-api-key|password_hash)\b[\"' ]{0,3}[:=][\"' ]{0,3})"
            r"[A-Za-z0-9+/_\-]{12,200}+"
        ),
    ),
    ("TOKEN", re.compile(r"(?i:\bbearer )[A-Za-z0-9._\-]{20,600}+")),
    (
        "CONNECTION",
        re.compile(
            r"\b(?:postgres(?:ql)?|mysql|mongodb|redis|amqp)(?:\+[a-z]{1,9})?://[^\s:/@]{1,80}+:[^\s@]{1,80}+@\S{1,100}+"
        ),
    ),
)
_HINTS = (
    "sk-",
    "sk_",
    "rk_",
    "akia",
    "asia",
    "aiza",
    "gh",
    "xox",
    "eyj",
    "-----begin",
    "token",
    "key",
    "secret",
    "bearer",
    "://",
)


def find_secrets(view: View) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end (in the view's text) of every key, token or connection string."""
    folded = view.folded
    if not any(hint in folded for hint in _HINTS):
        return
    for kind, pattern in _FORMS:
        for match in pattern.finditer(view.text):
            yield kind, match.start(), match.end()
