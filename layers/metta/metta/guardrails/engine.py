"""Placeholder while the rooms are built together."""

from __future__ import annotations

from metta.messages import Action, Direction, MessageContext, Verdict
from metta.policy import Policy


class Guardrails:
    """The checks before and after the agent (port ``metta.ports.Guardrails``)."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.version = f"rules-1+policy-{policy.version}"

    def protect(self, *texts: str) -> None:
        """Name texts (the agent's instructions) that no reply may repeat."""

    def validate_input(self, text: str, context: MessageContext) -> Verdict:
        """Judge a customer's text."""
        return Verdict(direction=Direction.INPUT, action=Action.ALLOW, text=text, version=self.version)

    def validate_output(self, text: str, context: MessageContext) -> Verdict:
        """Judge a text that a model wrote."""
        return Verdict(direction=Direction.OUTPUT, action=Action.ALLOW, text=text, version=self.version)

    def sanitize(self, text: str) -> str:
        """The text without invisible characters and what must never be stored or shown."""
        return text
