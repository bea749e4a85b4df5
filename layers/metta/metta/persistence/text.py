r"""What PostgreSQL cannot hold, written so that a reader sees what was there; and the digest of a JSON value.

PostgreSQL's text has no NUL and no lone surrogates, its jsonb no NaN and no infinity, and neither it nor Python's JSON
takes numbers or depth without end. They are written as ``\u0000``, ``\ud800``, ``"nan"``, in hex, as JSON in a text:
escaped, not dropped. Rows that went through this say so in their column ``escaped``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from json import encoder
from typing import Any

DEEPEST = 100
"""Objects and lists inside one another; what is further inside is kept as a text that holds its JSON."""
_DEEPEST_READ = DEEPEST + 10
_LONGEST_INT = 14_000
"""Bits, which is some 4,200 digits: Python turns no more into text, nor back."""
_MAYBE_WHOLE = re.compile(r"\.0[],}]|\.0$|[0-9]e\+")
"""How Python writes a whole float, and what else may look so."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SMALL = 2**64
_KEYS = {True: "true", False: "false", None: "null"}
_TOO_DEEP = "(nested too deep to be kept)"


class Storable:
    """Makes values storable; ``escaped`` tells afterwards whether anything in them had to be."""

    __slots__ = ("escaped",)

    def __init__(self) -> None:
        self.escaped = False

    def columns(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row, each column a value of its own."""
        return {name: value if _is_plain(value) else self.value(value, DEEPEST) for name, value in row.items()}

    def value(self, value: Any, left: int) -> Any:
        """A value, objects and lists in it as deep as ``left``."""
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return self._said(hex(value)) if value.bit_length() > _LONGEST_INT else value
        if isinstance(value, float):
            return value if math.isfinite(value) else self._said(str(value))
        if isinstance(value, dict | list | tuple):
            if not left:
                return self._said(self._text(_inside(value)))
            if isinstance(value, dict):
                return self._object(value, left - 1)
            return [item if _is_plain(item) else self.value(item, left - 1) for item in value]
        return self._text(str(value))

    def _text(self, text: str) -> str:
        if (text.isascii() and "\x00" not in text) or not _UNSTORABLE.search(text):
            return str(text)
        return self._said(_UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))

    def _object(self, value: dict[Any, Any], left: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, item in value.items():
            key = name if type(name) is str and _is_plain(name) else self._key(name)
            if key in found:
                number = 2
                while f"{key} ({number})" in found or f"{key} ({number})" in value:
                    number += 1
                key = self._said(f"{key} ({number})")
            found[key] = item if _is_plain(item) else self.value(item, left)
        return found

    def _key(self, name: Any) -> str:
        """As JSON has it."""
        if isinstance(name, str):
            return self._text(name)
        return _KEYS[name] if name is None or isinstance(name, bool) else str(self.value(name, 0))

    def _said(self, text: str) -> str:
        self.escaped = True
        return text


def _is_plain(value: Any) -> bool:
    """Whether nothing can be wrong with it: most of what there is, told at once."""
    if value.__class__ is str:
        return value.isascii() and "\x00" not in value
    if value is None or value is True or value is False:
        return True
    if value.__class__ is int:
        return bool(-_SMALL < value < _SMALL)
    return value.__class__ is float and math.isfinite(value)


def storable(value: Any) -> tuple[Any, bool]:
    """The value as JSON that PostgreSQL takes and gives back, and whether something in it had to be escaped.

    Decimals, datetimes and whatever else JSON has no word for become their text.
    """
    walk = Storable()
    return walk.value(value, DEEPEST), walk.escaped


def as_json(value: Any) -> str:
    """A storable value as JSON text."""
    return _ENCODER.encode(value)


def canonical(value: Any) -> str:
    """The value as a jsonb column gives it back, in one form: sorted keys, whole numbers without a fraction."""
    try:
        text = _sorted(value)
    except RecursionError:
        text = ""
    whole = (".0" in text or "e+" in text) and _MAYBE_WHOLE.search(text)  # to look for the two costs next to nothing
    if text and not whole and text.count("[") + text.count("{") < DEEPEST:
        return text
    return _sorted(_whole(value, _DEEPEST_READ))


def digest(value: Any) -> str:
    """SHA-256 (hex) of ``canonical`` of what is stored of the value."""
    return hashlib.sha256(canonical(storable(value)[0]).encode()).hexdigest()


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SORTING = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_MAKE: Any = getattr(encoder, "c_make_encoder", None)
_ONCE = _MAKE and _MAKE(None, _SORTING.default, encoder.encode_basestring, None, ":", ",", True, False, True)


def _sorted(value: Any) -> str:
    """What ``_SORTING.encode`` gives. That makes its C encoder anew for every value, a third of the time it takes."""
    return _SORTING.encode(value) if _ONCE is None else "".join(_ONCE(value, 0))


def _inside(value: Any) -> str:
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        return _TOO_DEEP


def _whole(value: Any, left: int) -> Any:
    """jsonb keeps 1e16 as 10000000000000000 (the digits as written, not the float's exact value): digest both alike."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        if not left:
            return [_inside(value)]  # nothing that Metta wrote goes down so far: only that it differs matters
        return {name: _whole(item, left - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item, left - 1) for item in value] if left else [_inside(value)]
    return value
