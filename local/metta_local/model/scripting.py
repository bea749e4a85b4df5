"""What a script or a fault rule can make the emulated model do instead of thinking."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Say:
    """Answer with this text."""

    text: str


@dataclass(frozen=True)
class Call:
    """Call a function; ``arguments`` as a string goes out as it is, valid JSON or not."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True)
class Calls:
    """Call several functions in one response."""

    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Refuse:
    """Decline: a content part of type ``refusal``."""

    text: str = "I cannot help with that."


@dataclass(frozen=True)
class Empty:
    """Complete, with no output at all."""


@dataclass(frozen=True)
class Incomplete:
    """Break off: ``max_output_tokens`` or ``content_filter``; ``failed`` gives status ``failed``."""

    reason: str = "max_output_tokens"


@dataclass(frozen=True)
class Malformed:
    """Status 200 with a body that is no response: ``json``, ``html``, ``shape`` or ``item``."""

    kind: str = "json"


@dataclass(frozen=True)
class Fail:
    """An error answer, in the API's shape.

    Attributes:
        status: HTTP status code.
        code: machine-readable word, such as ``context_length_exceeded``; None as the API often has it.
        retry_after: seconds for the ``retry-after`` header, which is left out when None.
        headers: further headers, such as ``x-should-retry``.
    """

    status: int
    code: str | None = None
    message: str = "The server had an error while processing your request."
    kind: str = "server_error"
    param: str | None = None
    retry_after: float | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reset:
    """Close the connection in the middle of the answer."""


@dataclass(frozen=True)
class Drip:
    """Send the answer in small pieces over ``seconds``, so that no wait for a single piece is long."""

    seconds: float
    text: str = "At last."


@dataclass(frozen=True)
class Slow:
    """Wait ``seconds`` and then go on with ``then``, or with thinking."""

    seconds: float
    then: Step | None = None


@dataclass(frozen=True)
class Moderate:
    """Answer a moderation with these scores; categories left out have next to none."""

    scores: dict[str, float]


Step = Say | Call | Calls | Refuse | Empty | Incomplete | Malformed | Fail | Reset | Drip | Slow | Moderate


@dataclass
class _Rule:
    steps: list[Step]
    when: str | None
    times: int | None
    """How often the list is played; None for ever."""
    at: int = 0

    def take(self) -> Step:
        step = self.steps[self.at]
        self.at += 1
        if self.at == len(self.steps):
            self.at = 0
            if self.times is not None:
                self.times -= 1
        return step

    @property
    def over(self) -> bool:
        return self.times == 0


class Rules:
    """Scripts and faults in the order in which they were given; may be changed while the server runs."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, steps: Sequence[Step], *, when: str | None, times: int | None) -> None:
        """Play ``steps`` for requests whose body contains ``when``."""
        if not steps:
            raise ValueError("a script needs at least one step")
        if times is not None and times < 1:
            raise ValueError("times must be at least 1")
        with self._lock:
            self._rules.append(_Rule(list(steps), when, times))

    def next(self, body: str) -> Step | None:
        """The step for this request, from the first rule that applies to it."""
        with self._lock:
            for rule in self._rules:
                if rule.when is None or rule.when in body:
                    step = rule.take()
                    if rule.over:
                        self._rules.remove(rule)
                    return step
        return None

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def __len__(self) -> int:
        return len(self._rules)
