"""The checks before and after the agent: PII, injection, toxicity, business rules and leaks; fixed texts; language."""

from metta.guardrails.engine import Guardrails
from metta.guardrails.foreign import ForeignTextCheck
from metta.guardrails.language import detect_language
from metta.guardrails.texts import FixedText, fixed_text, handoff_word

__all__ = ["FixedText", "ForeignTextCheck", "Guardrails", "detect_language", "fixed_text", "handoff_word"]
