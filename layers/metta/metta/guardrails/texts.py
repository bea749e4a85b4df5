"""Fixed texts a customer may see instead of a model's words; used where a guardrail, a limit or a failure decides.

They live in ``data/texts.yaml``, polite, in seven languages, and never say which rule fired.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from metta.guardrails.lists import read_data


class FixedText(StrEnum):
    """What a fixed text is for."""

    BLOCKED = "blocked"
    """The message was not passed on, or the reply was not good enough to send."""
    ABUSE = "abuse"
    """The message was abusive; stay calm and offer help."""
    ATTACHMENT_ONLY = "attachment_only"
    """Only an attachment came, which cannot be opened."""
    HANDOFF_WORD = "handoff_word"
    """A colleague takes over."""
    EMPTY = "empty"
    """Nothing that could be understood came."""


@cache
def _texts() -> dict[str, dict[str, str]]:
    content = read_data("texts.yaml")
    return {kind: {code: " ".join(text.split()) for code, text in content[kind].items()} for kind in FixedText}


def fixed_text(kind: FixedText, language: str) -> str:
    """The text of ``kind`` in ``language`` (a two-letter code, region ignored), in English where there is none."""
    texts = _texts()[kind]
    return texts.get(language[:2].lower(), texts["en"])
