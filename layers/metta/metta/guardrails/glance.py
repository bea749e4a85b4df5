"""A first look at a text, in place of searches that can find nothing in it; ``View`` and what it calls ask.

One byte a character and one table say which characters matter to what. That costs a message a microsecond, where the
searches themselves would cost ten.
"""

from __future__ import annotations

from metta.guardrails.patterns import regex

_OCTETS = range(256)
_SPACE = "".join(chr(code) for code in _OCTETS if chr(code).isspace())
_LETTERS_AND_DIGITS = "".join(chr(code) for code in _OCTETS if chr(code).isalnum())


def table(of: str) -> bytes:
    """One that makes the same letter of all of these characters, and a blank of every other; for ``has_run``."""
    return bytes(ord("a") if chr(code) in of else ord(" ") for code in _OCTETS)


_WORDS = table(_LETTERS_AND_DIGITS)
_CODES = table(_LETTERS_AND_DIGITS + "+/=_-")
_BLACK = table("".join(chr(code) for code in _OCTETS if not chr(code).isspace()))
_ANY_WORDS = table(_LETTERS_AND_DIGITS + "?")
_NO_SIGNS = (_LETTERS_AND_DIGITS + _SPACE).encode("latin-1")
_USUAL = _NO_SIGNS + b",.'!?:;()\"-"
_NO_DIGITS = bytes(code for code in _OCTETS if not 48 <= code < 58)
_BESIDE = regex(" a {1,6}a ")
"""Two letters or digits that stand alone, with as many signs between them as a disguise has."""


def octets(text: str) -> bytes:
    """One byte a character; a question mark for each that is in no script of Western Europe."""
    return text.encode("latin-1", "replace")


def has_others(text: str, raw: bytes) -> bool:
    """Whether ``text`` has characters that its octets do not show."""
    return not text.isascii() and raw.count(b"?") > text.count("?")


def rare(raw: bytes) -> bytes:
    """The signs that few messages have, in their order: what codes, markup and drawings are made of."""
    return raw.translate(None, _USUAL)


def signs(raw: bytes) -> bytes:
    """All that is no letter, no digit and no white space."""
    return raw.translate(None, _NO_SIGNS)


def digits(raw: bytes) -> int:
    """How many digits there are."""
    return len(raw.translate(None, _NO_DIGITS))


def may_be_apart(raw: bytes) -> bool:
    """Whether two letters stand alone side by side, as in words that are spaced or dotted."""
    return _BESIDE.search(f" {raw.translate(_WORDS).decode('latin-1')} ") is not None


def has_code(raw: bytes, least: int) -> bool:
    """Whether so many letters, digits and signs of base64 stand in a row, as in keys and codes."""
    return has_run(raw, _CODES, least)


def has_stretch(raw: bytes, least: int) -> bool:
    """Whether so many characters stand in a row without white space."""
    return has_run(raw, _BLACK, least)


def has_word(raw: bytes, least: int) -> bool:
    """Whether so many letters stand in a row, in whatever script."""
    return has_run(raw, _ANY_WORDS, least)


def has_run(raw: bytes, letters: bytes, least: int) -> bool:
    """Whether so many of the characters of a table stand in a row."""
    return b"a" * least in raw.translate(letters)
