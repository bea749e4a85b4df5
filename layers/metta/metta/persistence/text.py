r"""What PostgreSQL cannot hold, written so that a reader sees what was there; and the digest of a JSON value.

PostgreSQL's text has no NUL and no lone surrogates, its jsonb no NaN and no infinity. They are written as ``\u0000``,
``\ud800``, ``"NaN"``: escaped, never dropped. Rows that went through this say so in their column ``escaped``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from decimal import Decimal
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The JSON value with everything in it escaped that PostgreSQL cannot hold."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def storable_json(value: Any) -> tuple[str, bool]:
    """The value as JSON that PostgreSQL takes, and whether something in it had to be escaped.

    Decimals, datetimes and whatever else JSON has no word for become their text.
    """
    try:
        text = _dumps(value)
        text.encode()
    except ValueError:  # NaN or infinity; or a lone surrogate (UnicodeEncodeError)
        return _dumps(storable(value)), True
    if "\\u0000" not in text:
        return text, False
    escaped = _dumps(storable(value))
    return escaped, escaped != text  # a customer may have typed a backslash and u0000: nothing to escape in that


def canonical(value: Any) -> str:
    """The value as a jsonb column gives it back, in one form: sorted keys, whole numbers without a fraction."""
    return json.dumps(_whole(storable(value)), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def digest(value: Any) -> str:
    """SHA-256 (hex) of ``canonical``."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)


def _whole(value: Any) -> Any:
    """jsonb keeps 1e16 as 10000000000000000 (the digits as written, not the float's exact value): digest both alike."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {str(name): _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
