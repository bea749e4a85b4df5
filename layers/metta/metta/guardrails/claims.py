"""Placeholder."""
from metta.guardrails.hits import Hit
from metta.guardrails.normalise import View
from metta.messages import MessageContext
from metta.policy import Policy


class ClaimCheck:
    """Checks figures."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, view: View, context: MessageContext) -> list[Hit]:
        """Hits."""
        return []
