"""Token counts as the API reports them: estimated from sizes, with a prompt cache that knows repeated beginnings."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

_CHARACTERS_PER_TOKEN = 4
_CACHE_STEP = 128
"""Tokens by which a cached beginning grows."""
_CACHE_LEAST = 1024
"""Tokens from which on a beginning is cached."""


def tokens_of(text: str) -> int:
    """An estimate of how many tokens a text has."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


class UsageMeter:
    """Counts tokens and remembers the beginnings of earlier requests, per cache key."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def measure(self, request: dict[str, Any], output: list[dict[str, Any]]) -> dict[str, Any]:
        """The ``usage`` object of a response."""
        prompt = json.dumps(
            [request.get("instructions"), request.get("tools"), request.get("input")], ensure_ascii=False
        )
        input_tokens = tokens_of(prompt)
        output_tokens = tokens_of(json.dumps(output, ensure_ascii=False)) if output else 0
        return {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": self._cached(prompt, request)},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        }

    def _cached(self, prompt: str, request: dict[str, Any]) -> int:
        """Tokens at the beginning that an earlier request had, too; from now on this one counts as well."""
        digest = hashlib.sha256(f"{request['model']} {request.get('prompt_cache_key')}".encode())
        step = _CACHE_STEP * _CHARACTERS_PER_TOKEN
        cached, unbroken = 0, True
        for end in range(step, len(prompt) + 1, step):
            digest.update(prompt[end - step : end].encode("utf-8", "surrogatepass"))
            mark = digest.digest()
            unbroken = unbroken and mark in self._seen
            cached += _CACHE_STEP if unbroken else 0
            self._seen.add(mark)
        return cached if cached >= _CACHE_LEAST else 0
