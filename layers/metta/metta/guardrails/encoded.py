"""Offers ``pii`` the plain text of encoded stretches, also of those that are nothing but digits when decoded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from itertools import islice

from metta.guardrails import glance
from metta.guardrails.patterns import regex

_RUN = regex(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{15,6000}+={0,2}")
_HEX = regex(r"(?:[0-9a-fA-F]{2})+$")
_SPACED = regex(r"(?<![^\W_])(?:[0-9a-fA-F]{2} ){8,200}[0-9a-fA-F]{2}(?![^\W_])")
_MOST = 8
"""Stretches that are looked at."""
SHORTEST = 15
"""Characters of an SSN in its form, encoded; no shorter word is worth a look."""
_HEX_LEAST = {"3": 18, "4": 30, "5": 30}
"""Digits in hexadecimal by what they begin with (a digit or a country's letter), and how many there are at least."""
_LEAST = 9
"""Digits of a social security number, the shortest that is sought."""


def decoded_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """Start and end of each stretch in base64 or hexadecimal, and its text, if that has digits enough or an @."""
    if text.count(" 3") >= _LEAST - 1:
        for match in islice(_SPACED.finditer(text), _MOST):
            plain = _plain(bytes.fromhex(match.group()))
            if sum(map(str.isdecimal, plain)) >= _LEAST:
                yield match.start(), match.end(), plain
    if not glance.has_code(glance.octets(text), SHORTEST):
        return
    for match in islice((m for m in _RUN.finditer(text) if _may_hide(m.group())), _MOST):
        run = match.group()
        plain = _plain(bytes.fromhex(run)) if _HEX.match(run) else ""
        plain = plain or _from_base64(run)
        if "@" in plain or sum(map(str.isdecimal, plain)) >= _LEAST:
            yield match.start(), match.end(), plain


def _may_hide(run: str) -> bool:
    """Whether it is more than a number; digits in hexadecimal are themselves digits, and many."""
    return not run.isdigit() or len(run) >= _HEX_LEAST.get(run[0], len(run) + 1)


def _from_base64(run: str) -> str:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _plain(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except binascii.Error:
        return ""


def _plain(raw: bytes) -> str:
    try:
        plain = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        return ""
    return plain if plain.isprintable() else ""
