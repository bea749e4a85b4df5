"""The checks of a reply. A message needs none of them, so that they are read and built when the first reply comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metta.guardrails.claims import ClaimCheck
from metta.guardrails.hits import Check
from metta.guardrails.leak import LeakCheck
from metta.guardrails.persona import PersonaCheck
from metta.guardrails.personal import OutputPersonalData
from metta.guardrails.rules import OutputRules
from metta.guardrails.toxicity import OutputToxicity

if TYPE_CHECKING:
    from metta.policy import Policy


class ReplyChecks:
    """What judges the texts that a model wrote.

    Args:
        policy: actions, thresholds, phrases and facts.
        leak: knows the texts that no reply may repeat.
    """

    def __init__(self, policy: Policy, leak: LeakCheck) -> None:
        self.rules = OutputRules(policy)
        self.checks: tuple[tuple[str, Check], ...] = (
            ("pii", OutputPersonalData(policy)),
            ("leak", leak),
            ("toxicity", OutputToxicity(policy)),
            ("rules", self.rules),
            ("rules", ClaimCheck(policy)),
            ("rules", PersonaCheck()),
        )
