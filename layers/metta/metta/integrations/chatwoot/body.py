"""From bytes to a JSON object that means one thing to every reader; first step of ``parse_webhook``."""

from __future__ import annotations

import json
import math
from typing import Any

from metta.errors import MalformedRecord
from metta.integrations.chatwoot.text import clean_text


class _Repeated(dict[str, Any]):
    """An object in which a name occurs twice; readers disagree which value counts, so none does."""

    name = ""


def _repeated_name(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _no_constant(name: str) -> float:
    raise MalformedRecord(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise MalformedRecord("a number is too large")
    return value


def _show(part: object) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in clean_text(str(part)[:60]))


def _refuse_repeated(body: dict[str, Any]) -> None:
    """Raise for the first repeated name; iterative, since the nesting is the sender's choice."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), body)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Repeated):
            raise MalformedRecord("occurs twice", field=".".join((*path[:8], _show(value.name))))
        children = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [((*path[:8], _show(at)), child) for at, child in children if isinstance(child, dict | list)]


def load_object(raw: str | bytes) -> dict[str, Any]:
    """The object that ``raw`` holds.

    Raises:
        MalformedRecord: not UTF-8, not JSON, not an object, a name twice, NaN, numbers or nesting beyond reason.
    """
    repeated = False

    def to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        repeated = True
        marked = _Repeated(value)
        marked.name = _repeated_name(pairs)
        return marked

    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        body = json.loads(text, object_pairs_hook=to_object, parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise MalformedRecord(f"not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise MalformedRecord(f"not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise MalformedRecord("nested too deeply") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise MalformedRecord("a number is too large") from None
    if not isinstance(body, dict):
        raise MalformedRecord("not a JSON object")
    if repeated:
        _refuse_repeated(body)
    return body
