"""Fixed texts a customer may see instead of a model's words; used where a guardrail, a limit or a failure decides.

They live in ``data/texts.yaml``, polite, in seven languages, and never say which rule fired.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from metta.guardrails.lists import read_data

if TYPE_CHECKING:
    from metta.policy import WorkingHours


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
    HANDOFF_WORD_LATER = "handoff_word_later"
    """A colleague takes over, but nobody is there now; holds ``{when}``."""
    EMPTY = "empty"
    """Nothing that could be understood came."""
    AI_ASSISTANT = "ai_assistant"
    """Whoever writes here is a machine."""


@cache
def _texts() -> dict[str, dict[str, str]]:
    content = read_data("texts.yaml")
    return {kind: {code: " ".join(text.split()) for code, text in content[kind].items()} for kind in FixedText}


def fixed_text(kind: FixedText, language: str) -> str:
    """The text of ``kind`` in ``language`` (a two-letter code, region ignored), in English where there is none."""
    texts = _texts()[kind]
    return texts.get(language[:2].lower(), texts["en"])


def handoff_word(language: str, hours: WorkingHours | None, now: datetime) -> str:
    """What a customer is told when a person takes over: also when the team is back, if it is not there.

    Args:
        language: two-letter code, region ignored.
        hours: of the team; None says nothing about them.
        now: aware time.
    """
    opens = hours.opens_next(now) if hours is not None else None
    if opens is None:
        return fixed_text(FixedText.HANDOFF_WORD, language)
    return fixed_text(FixedText.HANDOFF_WORD_LATER, language).format(when=said_time(opens, now, language))


def said_time(at: datetime, now: datetime, language: str) -> str:
    """A coming time in words, ``on Monday, 30 November, from 9:00 (CET)``; on the same day without the date.

    Args:
        at: aware time, in the time zone in which it is told.
        now: aware time.
        language: two-letter code, region ignored.
    """
    content = read_data("days.yaml")
    words = content.get(language[:2].lower(), content["en"])
    same_day = at.date() == now.astimezone(at.tzinfo).date()
    return str(words["today" if same_day else "later"]).format(
        weekday=words["weekdays"][at.weekday()],
        day=at.day,
        month=words["months"][at.month - 1],
        time=f"{at.hour}:{at.minute:02}",
        zone=at.tzname() or "UTC",
    )
