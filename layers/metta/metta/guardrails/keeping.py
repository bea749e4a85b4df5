"""Masks personal data in what the audit log keeps, where the policy wants no addresses and names in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metta.guardrails.normalise import View
from metta.guardrails.pii import MASKS, find_pii

NAME = "[NAME]"
LEAST_LETTERS = 3
"""A shorter part of a name is a word that texts use for something else, too."""
_PART = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_MASKED = re.compile(r"\[(?:EMAIL|PHONE|SSN|CARD|IBAN|NAME)\]")


def masked_for_audit(text: str, names: Sequence[str]) -> str:
    """``text`` without e-mail addresses, phone, bank, card and social security numbers, and the names given.

    Args:
        text: as it would be kept.
        names: what the contact is called: the whole of each, and of those in letters each part, is masked.
    """
    view = View(text)
    pieces: list[str] = []
    done = 0
    for start, end, mask in sorted((*view.span(found.start, found.end), MASKS[found.kind]) for found in find_pii(view)):
        if start >= done:
            pieces += (text[done:start], mask)
            done = end
    pieces.append(text[done:])
    return _without("".join(pieces), names)


def _without(text: str, names: Sequence[str]) -> str:
    wanted = {name.strip() for name in names if len(name.strip()) >= LEAST_LETTERS and not _MASKED.fullmatch(name)}
    wanted |= {part for name in names if "@" not in name for part in _PART.findall(name) if len(part) >= LEAST_LETTERS}
    if not wanted:
        return text
    longest_first = "|".join(re.escape(name) for name in sorted(wanted, key=len, reverse=True))
    return re.sub(rf"(?<![\w])(?:{longest_first})(?![\w])", NAME, text, flags=re.IGNORECASE)
