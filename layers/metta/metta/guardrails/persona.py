"""Stops replies that claim to come from a person: customers must not be deceived about whom they talk to."""

from __future__ import annotations

from metta.guardrails.hits import Hit
from metta.guardrails.lists import read_data
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex
from metta.messages import Action, MessageContext

_NAME = r"[a-z]{2,15}(?: [a-z]{2,15})?"
_BLANK = r"\s{1,3}"


class PersonaCheck:
    """Finds the sentences of ``data/persona.yaml``. It is no business rule: no policy switches it off."""

    def __init__(self) -> None:
        sources: list[str] = read_data("persona.yaml")["patterns"]
        patterns = [one.replace("NAME", _NAME).replace(" ", _BLANK) for one in sources]
        self._claim = regex(rf"(?<![^\W_])(?:{'|'.join(patterns)})(?![^\W_])")

    def __call__(self, view: View, _context: MessageContext) -> list[Hit]:
        """One hit a sentence."""
        return [
            Hit("rules", "impersonation", *view.span(*match.span()), 1.0, Action.BLOCK)
            for match in self._claim.finditer(view.folded)
        ]
