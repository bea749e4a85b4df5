"""Offers other readings of a text that may hide something: encoded, reversed, rotated, scrambled, cut into lines.

A reading is offered only where it reads better than what stands there, so that honest texts get none, and the checks
judge the reading and not the disguise.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

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


_BASE64 = regex(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{16,6000}+)={0,2}")
_HEX = regex(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9a-fA-F]{2}[ :,]?){10,3000}+")
_BINARY = regex(r"(?<![0-9])(?:[01]{8}[ ,]?){6,1000}+")
_COMMENT = regex(r"<!--([^<>]{12,400}?)-->|/\*([^*]{12,400}?)\*/")
_WORD = regex(r"[^\W\d_]{3,400}+")
_SHORT_LINES = 9
"""Mean length of lines that may be one text cut into pieces."""
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


def readings(original: str, text: str, folded: str, words: frozenset[str]) -> Iterator[Reading]:
    """Every other reading, best kinds first.

    Args:
        original: the text as it came, with its lines.
        text: the view's text.
        folded: the same in lower case.
        words: the distinct words of ``folded``.
    """
    yield from _encoded(text)
    if "<!--" in text or "/*" in text:
        for match in _first(_COMMENT, text):
            yield Reading(match[1] or match[2], *match.span(), deeper=True, instead=False)
    unknown = words - lexicon().words
    if sum(map(len, unknown)) >= _STRANGE:
        yield from _unscrambled(folded[:_HEAD])
        yield from _joined_lines(original[:_HEAD], folded)


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for number, match in enumerate(pattern.finditer(text)):
        if number == _MOST:
            return
        yield match


def _encoded(text: str) -> Iterator[Reading]:
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex), (_BINARY, _from_binary)):
        if pattern.search(text) is None:
            continue
        found = [
            Reading(plain, *m.span(), deeper=True, instead=True)
            for m in _first(pattern, text)
            if (plain := decode(m.group()))
        ]
        yield from found
        if len(found) > 1:  # one text, encoded line by line
            yield Reading(
                "".join(item.text for item in found), found[0].start, found[-1].end, deeper=True, instead=True
            )


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
    before = known.share_known(part)
    ways = [known.put_right(part)]
    ways.append(codecs.encode(part, "rot13"))
    ways.append(part[::-1])
    best = max(ways, key=known.share_known)
    share = known.share_known(best)
    if share >= _READABLE and share >= before + _BETTER:
        yield Reading(best, start, end, deeper=False, instead=True)


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
    if lines >= 4 and len(original) < _SHORT_LINES * lines:
        joined = original.replace("\r", "").replace("\n", "")
        read = known.put_right(joined.lower())
        better = known.share_known(read) >= known.share_known(folded) + _BETTER
        yield Reading(read, 0, len(folded), deeper=False, instead=better)


def _printable(raw: bytes) -> str | None:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    shown = sum(c.isprintable() or c in "\n\r\t" for c in text)
    spaced = " " in text or "_" in text
    letters = sum(c.isalpha() for c in text)
    fine = shown == len(text) and spaced and letters * 2 > len(text)
    return text if fine and unicodedata.category(text[0]) != "Cn" else None


def _from_base64(found: str) -> str | None:
    found = found.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _printable(base64.b64decode(found[: len(found) // 4 * 4] + _rest(found), validate=True))
    except (binascii.Error, ValueError):
        return None


def _rest(found: str) -> str:
    left = found[len(found) // 4 * 4 :]
    return left + "=" * (4 - len(left)) if len(left) > 1 else ""


def _from_hex(found: str) -> str | None:
    digits = re.sub(r"0x|\\x|[ :,]", "", found)
    return _printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _from_binary(found: str) -> str | None:
    return _printable(bytes(int(octet, 2) for octet in re.findall("[01]{8}", found)))
