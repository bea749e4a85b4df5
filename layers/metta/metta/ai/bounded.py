"""Texts and JSON of foreign origin, made safe to show to a model: cleaned, shortened, still valid JSON (I11)."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

from metta.messages import JsonObject

_KEPT_CONTROLS = "\n\t"
_SHRINKING = ((2000, 20), (500, 20), (300, 10), (200, 5), (120, 3), (80, 2), (40, 1))
"""Longest text and longest list, tried one after the other until the result fits."""
_DEEPEST = 8
"""Objects and lists within each other; what lies deeper is left out."""


def clean(text: str) -> str:
    """``text`` without control, invisible and direction-changing characters and without lone surrogates."""
    if text.replace("\n", " ").isprintable():
        return text
    return "".join(c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def shorten(text: str, limit: int, *, tail: int = 0) -> str:
    """``text`` with at most ``limit`` characters; what was left out shows as ``[...]``, before the last ``tail``."""
    if len(text) <= limit:
        return text
    mark = "\n[...]\n" if tail else "[...]"
    tail = min(tail, limit // 2)
    head = max(limit - tail - len(mark), 0)
    return text[:head] + mark + (text[-tail:] if tail else "")


def to_json(value: Any) -> str:
    """Compact JSON, as the model reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shrink(value: Any, longest_text: int, longest_list: int, depth: int = 0) -> Any:
    if isinstance(value, str):
        return shorten(clean(value), longest_text)
    if isinstance(value, dict | list) and depth == _DEEPEST:
        return "[...]"
    if isinstance(value, dict):
        return {clean(str(k)): _shrink(inner, longest_text, longest_list, depth + 1) for k, inner in value.items()}
    if isinstance(value, list):
        return [_shrink(inner, longest_text, longest_list, depth + 1) for inner in value[:longest_list]]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def bounded(value: JsonObject, limit: int) -> JsonObject:
    """``value`` cleaned, and shrunk until its JSON has at most ``limit`` characters.

    Long texts are shortened and long lists lose their end; ``"truncated": true`` then says so. What cannot be shrunk
    enough keeps its short plain fields only.
    """
    whole: JsonObject = _shrink(value, limit, limit)
    if len(to_json(whole)) <= limit:
        return whole
    for longest_text, longest_list in _SHRINKING:
        smaller: JsonObject = {**_shrink(value, longest_text, longest_list), "truncated": True}
        if len(to_json(smaller)) <= limit:
            return smaller
    least: JsonObject = {"truncated": True}
    for key, inner in whole.items():
        if isinstance(inner, bool | int | float) and len(to_json({**least, key: inner})) <= limit:
            least[key] = inner
    return least
