"""Trouble on demand: a slow server, maintenance pages, broken connections, a revoked key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong with a request."""

    DELAY = "delay"
    """The answer comes after ``seconds``."""
    STATUS = "status"
    """An HTTP error of ``status`` with an HTML body."""
    MAINTENANCE = "maintenance"
    """HTTP 200 with an HTML page, as a proxy in front of a restarting server gives."""
    RESET = "reset"
    """The connection is closed without an answer."""
    TRUNCATED = "truncated"
    """The connection is closed in the middle of the answer."""
    DRIP = "drip"
    """The answer comes one byte now and then, for ``seconds``, so that no read ever times out."""
    BARE_ERROR = "bare_error"
    """A JSON-RPC error without ``data``; with JSON-2 an HTTP 500 whose JSON body names no exception."""
    NEITHER = "neither"
    """A JSON-RPC answer with neither result nor error; with JSON-2 an HTTP 200 with an empty body."""
    LIST = "list"
    """JSON of a kind that no answer is: a list with JSON-RPC, a string with JSON-2."""


@dataclass
class Fault:
    """One rule; it applies to the next ``times`` requests, or for as long as it stands.

    Args:
        kind: what goes wrong.
        times: how often; None means until it is cleared.
        seconds: for ``DELAY`` and ``DRIP``.
        status: for ``STATUS``.
        retry_after: value of the ``Retry-After`` header that goes with ``STATUS``.
        method: only requests of this ORM method (``search_read``), or ``login``; None means all.
        model: only requests on this model; None means all.
    """

    kind: FaultKind
    times: int | None = None
    seconds: float = 0.0
    status: int = 500
    retry_after: str | None = None
    method: str | None = None
    model: str | None = None


class Faults:
    """The rules of one emulator; safe to change from any thread."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let ``fault`` apply from the next request on."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._rules.clear()

    def take(self, method: str, model: str) -> Fault | None:
        """The fault that applies to this request; counts it."""
        return self._take(lambda rule: rule.method in (None, method) and rule.model in (None, model))

    def _take(self, applies: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for rule in self._rules:
                if not applies(rule):
                    continue
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule
        return None
