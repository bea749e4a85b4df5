"""What a check reports to the engine: a finding in the making, with what the policy wants done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from metta.actions import Action
from metta.guardrails.normalise import View

if TYPE_CHECKING:
    from metta.messages import MessageContext


class Hit(NamedTuple):
    """One thing a check noticed. Places are code points of the original text, end exclusive."""

    check: str
    kind: str
    start: int
    end: int
    score: float
    action: Action
    instead: str | None = None
    """What takes the place's place when the verdict's text is made; None leaves it as it is."""
    below: bool = False
    """True for a score below the check's threshold: no finding, but who is asked for a second opinion depends on it."""


Check = Callable[[View, "MessageContext"], list[Hit]]
"""A check: pure, linear, and free to raise, since the engine turns that into a hand-off."""
