"""Offers other readings of a text that may hide something: encoded, reversed, rotated, scrambled, cut into lines.

A reading is offered only where it reads better than what stands there, so that honest texts get none, and the checks
judge the reading and not the disguise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from metta.guardrails.ciphers import GLUED, best, glued, pictured, rot47, upside_down
from metta.guardrails.decoders import decoded, in_pieces, morse, spelled, uuencoded
from metta.guardrails.lexicon import lexicon
from metta.guardrails.patterns import regex


class Reading(NamedTuple):
    """Another text that may stand in ``start`` to ``end`` of the view."""

    text: str
    start: int
    end: int
    deeper: bool
    """Whether it may hide something in its turn."""
    instead: bool
    """Whether it stands in place of what is there, which then says nothing; else it is there beside it."""


_COMMENT = regex(r"<!--([^<>]{12,400}?)-->|/\*([^*]{12,400}?)\*/")
_WORD = regex(r"[^\W\d_]{3,400}+")
_SHORT_LINES = 9
"""Mean length of lines that may be one text cut into pieces."""
_CUT_LINES = 18
"""The same, where joining the lines makes known words of their ends."""
_MOST = 8
"""Encoded stretches of one kind that are looked at."""
_HEAD = 4000
"""Characters of the text that other readings are sought for."""
_STRANGE = 10
"""Letters in unknown words from which another reading is sought."""
_FEWEST = 3
"""Unknown words that make a stretch worth reading otherwise, unless one is as long as ``_ONE_WORD`` letters."""
_ONE_WORD = 18
_READABLE = 0.6
_BETTER = 0.25


def readings(
    original: str, text: str, folded: str, words: frozenset[str], octets: bytes, *, odd: bool = True
) -> Iterator[Reading]:
    """Every other reading, best kinds first.

    Args:
        original: the text as it came, with its lines.
        text: the view's text.
        folded: the same in lower case.
        words: the distinct words of ``folded``.
        octets: those of ``text``.
        odd: whether it has signs that few messages have.
    """
    covered = 0
    for found in decoded(text, octets):
        yield Reading(*found, deeper=True, instead=True)
        covered += found[2] - found[1]
    if "<!--" in text or "/*" in text:
        for match in _first(_COMMENT, text):
            yield Reading(match[1] or match[2], *match.span(), deeper=True, instead=False)
    for read in _signs(original, text, folded, words, odd=odd):
        yield read
        covered += read.end - read.start
    if covered * 2 > len(text):
        return
    unknown = words - lexicon().words
    if sum(map(len, unknown)) >= _STRANGE:
        read_glued = glued(folded)
        if read_glued is not None:
            yield Reading(read_glued, 0, min(len(folded), GLUED), deeper=False, instead=True)
            return
        yield from _unscrambled(folded[:_HEAD])
        yield from _joined_lines(original[:_HEAD], folded)
        pieces = in_pieces(text[:_HEAD])
        if pieces is not None:
            yield Reading(*pieces, deeper=True, instead=True)


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for number, match in enumerate(pattern.finditer(text)):
        if number == _MOST:
            return
        yield match


def _signs(original: str, text: str, folded: str, words: frozenset[str], *, odd: bool) -> Iterator[Reading]:
    """Signs and words that stand for letters."""
    for found in (*morse(text), *spelled(folded, words)):
        yield Reading(*found, deeper=False, instead=True)
    # the view joins and decodes what looks like signs between letters, so these are read as they came
    head = original[:_HEAD]
    drawn = (rot47(head), pictured(head)) if odd else ()
    for read in (*drawn, upside_down(head), uuencoded(head)):
        if read is not None:
            yield Reading(read, 0, len(text), deeper=False, instead=True)


def _unscrambled(folded: str) -> Iterator[Reading]:
    """The strangest stretch of the text, read in every way that makes words of it; the best way only."""
    stretch = _strangest(folded)
    if stretch is None:
        return
    start, end, number = stretch
    if number < _FEWEST and end - start < _ONE_WORD:
        return
    if (end - start) * 2 > len(folded):
        start, end = 0, len(folded)
    part, known = folded[start:end], lexicon()
    read = best(part, known.share_known(part), _READABLE, _BETTER)
    if read is not None:
        yield Reading(read[0], start, end, deeper=False, instead=read[1])


def _strangest(folded: str) -> tuple[int, int, int] | None:
    """The stretch with the most letters in unknown words, those in known words taken off, and how many those words are.

    None if they are few letters.
    """
    known = lexicon().words
    best = running = number = 0
    low = 0
    found: tuple[int, int, int] | None = None
    for match in _WORD.finditer(folded):
        size = match.end() - match.start()
        if running <= 0:
            running, low, number = 0, match.start(), 0
        if match.group() in known:
            running -= size
            continue
        running, number = running + size, number + 1
        if running > best:
            best, found = running, (low, match.end(), number)
    return found if best >= _STRANGE else None


def _joined_lines(original: str, folded: str) -> Iterator[Reading]:
    """The text with its lines joined, when they are so short that words are cut."""
    known = lexicon()
    lines = original.count("\n") + 1
    if lines >= 4 and len(original) < _CUT_LINES * lines:
        joined = original.replace("\r", "").replace("\n", "")
        read = known.put_right(joined.lower())
        better = known.share_known(read) >= known.share_known(folded) + _BETTER
        if better or len(original) < _SHORT_LINES * lines:
            yield Reading(read, 0, len(folded), deeper=False, instead=better)
