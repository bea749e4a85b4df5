"""Recognises keys, tokens and internal ids by their form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex

SECRET_MASK = "[SECRET]"  # noqa: S105 - what stands in a secret's place

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("API_KEY", regex(r"\bsk-(?:proj-|ant-|live-|test-)?[A-Za-z0-9_\-]{16,200}+")),
    ("API_KEY", regex(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,120}+")),
    ("AWS_KEY", regex(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("API_KEY", regex(r"\bAIza[A-Za-z0-9_\-]{30,60}+")),
    ("TOKEN", regex(r"\b(?:gh[pousr]|github_pat|shp(?:at|ca|pa|ss)|npm|whsec|hf)_[A-Za-z0-9_]{20,100}+")),
    ("TOKEN", regex(r"\b(?:xox[abprs]|glpat)-[A-Za-z0-9\-_]{10,120}+")),
    ("JWT", regex(r"\beyJ[A-Za-z0-9_\-]{8,2000}+\.[A-Za-z0-9_\-]{8,2000}+(?:\.[A-Za-z0-9_\-]{0,2000}+)?")),
    (
        "PEM",
        regex(r"-----BEGIN [A-Z ]{0,30}(?:PRIVATE KEY|CERTIFICATE)-----[^-]{0,8000}+(?:-----END [A-Z ]{0,40}-----)?"),
    ),
    (
        "TOKEN",
        regex(
            r"(?i:(?<![^\W_])(?:pubsub_token|api[_-]access[_-]token|access[_-]token|website[_-]token|hmac[_-]token|api[_-]key|"
            r"secret[_-]?(?:access[_-])?key|client[_-]secret|x-api-key|password_hash)\b[\"' ]{0,3}[:=][\"' ]{0,3})"
            r"[A-Za-z0-9+/_\-]{12,200}+"
        ),
    ),
    (
        "TOKEN",
        regex(
            r"(?i:(?<![^\W_])(?:password|passwd|passphrase|passwort|kennwort|contrasena|mot de passe|senha|wachtwoord)"
            r"\b ?(?:[=:]|is:?|ist:?|es:?|est:?) ?)"
            r"[\"'`]?(?=[A-Za-z!-/:-@]{0,40}\d)(?=\d{0,40}[A-Za-z])[A-Za-z0-9!#$%&*+./@_\-]{8,64}+"
        ),
    ),
    ("TOKEN", regex(r"(?i:\bbearer )[A-Za-z0-9._\-]{20,600}+")),
    (
        "CONNECTION",
        regex(
            r"\b(?:postgres(?:ql)?|mysql|mongodb|redis|amqp)(?:\+[a-z]{1,9})?://[^\s:/@]{1,80}+:[^\s@]{1,80}+@\S{1,100}+"
        ),
    ),
)
_HINTS: tuple[tuple[str, int], ...] = (
    *(("sk-", 0), ("k_live_", 1), ("k_test_", 1), ("akia", 2), ("asia", 2), ("aiza", 3), ("_", 4), ("xox", 5)),
    *(("glpat-", 5), ("eyj", 6), ("-----begin", 7), ("token", 8), ("key", 8), ("secret", 8), ("password_hash", 8)),
    *(("password", 9), ("passwd", 9), ("passphrase", 9), ("passwort", 9), ("kennwort", 9), ("contrasena", 9)),
    *(("mot de passe", 9), ("senha", 9), ("wachtwoord", 9), ("bearer ", 10), ("://", 11)),
)
"""What a folded text must hold before a form, given by its place, is looked for at all."""


def find_secrets(view: View) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end (in the view's text) of every key, token or connection string."""
    folded = view.folded
    sought = -1
    for hint, form in _HINTS:
        if form != sought and hint in folded:
            sought = form
            kind, pattern = _FORMS[form]
            for match in pattern.finditer(view.text):
                yield kind, match.start(), match.end()
