"""What single characters mean to the checks: which are invisible, which look like others, which fold together."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from metta.guardrails.patterns import regex

_CACHED = 4096
"""Characters remembered, so that hostile text cannot fill the memory."""

_GROWN = 4
"""Characters that one may become ("(10)"); a sign that stands for a phrase stays one, or its repeats would swell."""

_SAME = {
    **dict.fromkeys("‘’‚‛`´ʼ′＇", "'"),
    **dict.fromkeys("“”„‟«»″＂", '"'),
    **dict.fromkeys("‐‑‒–—―−﹘﹣－⁃", "-"),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("\u2028\u2029\x85", "\n"),
    **dict.fromkeys("\u2800", " "),
    **dict(zip("ɑɡɩҽ", "agie", strict=True)),
    **dict(zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", "abcdefghijklmnopqrstuvwxyz", strict=True)),
    **dict.fromkeys("\u115f\u1160\u3164\uffa0\u180b\u180c\u180d\u180e", ""),
}
_STRIKES = frozenset(
    code
    for low, high in (
        (0x0300, 0x036F),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0xFE20, 0xFE2F),
        (0x0488, 0x0489),
    )
    for code in range(low, high + 1)
)
_SQUARED = {first + i: chr(ord("a") + i) for first in (0x249C, 0x1F130, 0x1F150, 0x1F170, 0x1F1E6) for i in range(26)}

_NUMBERS = ("Nd", "No")
_SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "

CYRILLIC_GREEK = str.maketrans(
    "авеёіјкмнорсѕтухԁһӏԛѡьпцгзияғѵАВЕЅІЈКМНОРСТУХЗИЯαβγεικνορτυχωησςδλμπθξΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "abeeijkmhopcstyxdhlqwbnurenrfvABESIJKMHOPCTYXENRaByeikvoptuxwnosdlunoeABEZHIKMNOPTYX",
)
"""Letters that pass for Latin ones; applied only inside words that mix scripts."""


def is_invisible(code: int) -> bool:
    """Whether a code point shows nothing by itself: format, control, variation selector, tag, surrogate."""
    if code in (9, 10, 13):
        return False
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0xD800 <= code <= 0xDFFF:
        return True
    return unicodedata.category(chr(code)) in ("Cf", "Cc") or _SAME.get(chr(code)) == ""


def _plain(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if char in _SAME:
        return _SAME[char]
    sort = unicodedata.category(char)
    if sort in _NUMBERS and (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    if sort != "Lo":  # what most scripts are made of
        if is_invisible(code) or code in _STRIKES:
            return ""
        if code in _SQUARED:
            return _SQUARED[code]
        if sort == "Ll" and (name := unicodedata.name(char, "")).startswith(_SMALL_CAPITAL):
            letter = name[len(_SMALL_CAPITAL) :]
            if len(letter) == 1:
                return letter.lower()
    plain = unicodedata.normalize("NFKC", char)
    if plain and plain[0] == " " and len(plain) > 1:
        return " "
    return plain if len(plain) <= _GROWN else char


class _Cache(dict[int, str]):
    """A translation table that works characters out when they are first seen."""

    def __missing__(self, code: int) -> str:
        value = self.work_out(chr(code))
        if len(self) >= _CACHED:
            self.clear()  # what one text filled it with must not shut out the letters of the next
        self[code] = value
        return value

    def work_out(self, char: str) -> str:
        return _plain(char)


def _remember(kept: set[str], chars: set[str]) -> None:
    if len(kept) + len(chars) > _CACHED:
        kept.clear()
    kept.update(islice(chars, _CACHED))


_PLAIN_ALREADY: set[str] = set()
"""Characters that ``PLAIN`` leaves as they are."""


def are_plain(chars: set[str]) -> bool:
    """Whether all of these are their own plain form, so that a text of them is."""
    new = chars - _PLAIN_ALREADY
    if not new:
        return True
    plain = {char for char in new if PLAIN[ord(char)] == char}
    _remember(_PLAIN_ALREADY, plain)
    return len(plain) == len(new)


class _Fold(_Cache):
    def work_out(self, char: str) -> str:
        if char < "\u2000" or "\u2c60" <= char <= "\u2c7f" or "\ua720" <= char <= "\ua7ff":
            char = unicodedata.normalize("NFKD", char)[0]
        return _FOLDED.get(char) or char.lower()[:1] or char


_FOLDED = {"ß": "s", "ẞ": "s", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d", "ł": "l", "Ł": "l", "ı": "i", "æ": "a", "Æ": "a"}

PLAIN = _Cache()
"""Code point -> compatibility form without invisible characters; may be longer or empty."""
FOLD = _Fold()
"""Code point -> one lower-case character without accents, so that places stay the same."""


def fold(text: str) -> str:
    """Lower case without accents, code point for code point."""
    return text.lower() if text.isascii() else text.translate(FOLD)


_CONTROLS = regex(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_JOINERS = regex(r"[\u200c\u200d\ufe0e\ufe0f]+")
_JOINER_CODES = frozenset((0x200C, 0x200D, 0xFE0E, 0xFE0F))


def _joined(char: str) -> bool:
    """Letters between which joiners carry meaning: Arabic script (Persian, Urdu) and the Indic ones."""
    return "\u0600" <= char <= "\u08ff" or "\u0900" <= char <= "\u0dff"


def _pictured(char: str) -> bool:
    return char > "\u203b" and (unicodedata.category(char) == "So" or "\U0001f3fb" <= char <= "\U0001f3ff")


def _keep_joiners(match: re.Match[str]) -> str:
    text, run = match.string, match.group()
    before = text[match.start() - 1] if match.start() else ""
    after = text[match.end() : match.end() + 1]
    if not before:
        return ""
    if _pictured(before):
        selector = next((c for c in run if c in "\ufe0e\ufe0f"), "")
        glue = "\u200d" if "\u200d" in run and after and _pictured(after) else ""
        return selector + glue
    if after and _joined(before) and _joined(after):
        return next((c for c in run if c in "\u200c\u200d"), "")
    return ""


_VISIBLE: set[str] = set()
"""Characters that were found to show something, so that common letters are looked up once; bounded by ``_CACHED``."""


def strip_invisible(text: str) -> str:
    """Drop what cannot be seen, keeping the joiners of emoji and of Persian and Indic words (idempotent)."""
    if text.isascii():
        return _CONTROLS.sub("", text) if not text.isprintable() else text
    new = set(text) - _VISIBLE
    if not new:
        return text
    invisible = {char for char in new if is_invisible(ord(char))}
    _remember(_VISIBLE, new - invisible)
    unwanted = {code: None for code in map(ord, invisible) if code not in _JOINER_CODES}
    if unwanted:
        text = text.translate(unwanted)
    return _JOINERS.sub(_keep_joiners, text)
