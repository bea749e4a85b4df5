"""Words of the private hand-off note, which the team reads; the languages are those of ``policy.TeamLanguage``.

They live in ``data/handoff_note.yaml``, apart from the texts that customers see. Every entry has every language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import get_args

from metta.guardrails.lists import read_data
from metta.policy import TeamLanguage


@dataclass(frozen=True)
class NoteWords:
    """The note's words in one language."""

    why: dict[str, str]
    """Reason, as the audit log shows it (whole, or up to its ``:``) -> why the conversation goes to a person."""
    detail: dict[str, str]
    """Check, or kind of what it found -> what that is."""
    words: dict[str, str]
    """Everything else, by name; some hold ``{fields}``."""

    def reason(self, reason: str) -> str:
        """Say a stable ``reason`` for people; what has no words of its own is added as code."""
        if reason in self.why:
            return self.why[reason]
        name, _, rest = reason.partition(":")
        words = self.why.get(name)
        if words is None:
            return f"{self.words['unknown_reason']} ({as_code(reason)})" if reason else self.words["unknown_reason"]
        if not rest:
            return words
        check, _, kind = rest.partition("/")
        keys = (check,) if check == "broken" else (kind, check)
        detail = next((self.detail[key] for key in keys if key in self.detail), as_code(rest))
        return f"{words} ({detail})"


def as_code(name: str) -> str:
    """A machine's word as inline code, shortened and without anything that could end the code."""
    return f"`{''.join(sign for sign in name if sign.isalnum() or sign in '_-:/. ')[:80]}`"


@cache
def note_words(language: TeamLanguage) -> NoteWords:
    """The words in ``language``."""
    content = read_data("handoff_note.yaml")
    assert language in get_args(TeamLanguage)  # noqa: S101 - the policy permits no other
    return NoteWords(
        *({key: texts[language] for key, texts in content[section].items()} for section in ("why", "detail", "words"))
    )
