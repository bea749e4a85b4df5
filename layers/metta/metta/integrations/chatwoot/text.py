"""Text as it may be stored: used on everything that comes from Chatwoot and on everything that goes there."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text without NUL and lone surrogates, which neither UTF-8 nor PostgreSQL can hold.

    They are dropped, not replaced, so that nobody can hide a word from the guardrails by splitting it with one.
    """
    if not _UNSTORABLE.search(text):
        return text
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def text_or_empty(value: object) -> str:
    """``value`` cleaned when it is text, else an empty string; for free-form objects that anyone may have written."""
    return clean_text(value) if isinstance(value, str) else ""
