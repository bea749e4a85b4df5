"""Ends a reply at an earlier sentence where it is longer than the policy lets it be on a channel."""

from __future__ import annotations

import re

from metta.guardrails.patterns import regex

_MARKED_LINK = regex(r"!?\[[^\[\]\n]{0,300}\]\([^()\s]{0,2000}\)")
_SENTENCE_END = regex(r"[.!?…][\"'»”’)\]*_]{0,3}(?=\s)|[。！？]|(?<=\S)(?=\n)")
_BLANK = regex(r"\s+")
_SHORT_WORD = regex(
    r"(?:^|[^\w])(?:[^\W\d_]{1,2}|\d{1,9}|approx|bzw|incl|inkl|max|min|num|núm|pág|art|mrs|sra|tel|str|usw)$",
    re.IGNORECASE,
)
"""Before a full stop, it is the stop of an abbreviation, a numbered point or a date more often than of a sentence."""
_FIGURE_ENDS = regex(r"(?:\d|[€$£%#]|\b(?:EUR|USD|GBP|CHF|No\.|Nr\.))$")
_FIGURE_BEGINS = regex(r"[\d€$£%+(]|(?:EUR|USD|GBP|CHF)\b")
_LEAST = 4
"""A sentence counts when it ends behind this fraction of the limit: otherwise too little would be left."""
_ELLIPSIS = " …"


def fit(text: str, limit: int) -> str:
    """``text`` when it has at most ``limit`` characters, else as many of its sentences as fit.

    Where no sentence ends in time it ends at a word, with an ellipsis; never inside of a word, link or figure. A text
    without any such place stays whole.
    """
    if len(text) <= limit:
        return text
    links = [match.span() for match in _MARKED_LINK.finditer(text)]
    ends = [m.end() for m in _SENTENCE_END.finditer(text, 0, limit + 1) if m.end() <= limit and _ends(text, m, links)]
    if ends and ends[-1] >= limit // _LEAST:
        return _tidy(text[: ends[-1]])
    blanks = [m.start() for m in _BLANK.finditer(text, 0, limit) if m.start() <= limit - len(_ELLIPSIS)]
    places = [place for place in blanks if place and _breaks(text, place, links)]
    return _tidy(text[: places[-1]]) + _ELLIPSIS if places else text


def _inside(place: int, links: list[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in links)


def _ends(text: str, match: re.Match[str], links: list[tuple[int, int]]) -> bool:
    """Whether a sentence ends here: not where a colon announces more, nor behind an abbreviation."""
    if _inside(match.start(), links):
        return False
    before = text[max(0, match.start() - 12) : match.start()]
    if not match.group():
        return not before.endswith(":")
    return match.group()[0] != "." or text[match.end() : match.end() + 1] == "\n" or not _SHORT_WORD.search(before)


def _breaks(text: str, place: int, links: list[tuple[int, int]]) -> bool:
    """Whether the words around a blank can be parted."""
    if _inside(place, links):
        return False
    return not (_FIGURE_ENDS.search(text[max(0, place - 8) : place]) and _FIGURE_BEGINS.match(text[place:].lstrip()))


def _tidy(text: str) -> str:
    """Without what only led to the part that is gone: an announcement, an open emphasis."""
    text = text.rstrip()
    head, _, last = text.rpartition("\n")
    if head.strip() and last.endswith(":"):
        text = head.rstrip()
    if text.count("**") % 2:
        at = text.rindex("**")
        text = (text[:at] + text[at + 2 :]).rstrip()
    return text.rstrip(" ,;:-–")
