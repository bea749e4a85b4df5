"""Undoes what stands for characters or cuts words apart in markup: entities, escapes, comments, tags, emphasis.

``normalise.py`` replaces what the patterns match by what the functions beside them make of it.
"""

from __future__ import annotations

import html
import re

from metta.guardrails.chars import PLAIN
from metta.guardrails.patterns import regex

_CODE = r"\+[0-9a-fA-F]{4,5}(?![0-9a-zA-Z]) ?"
ESCAPED = regex(
    r"&(?:#\d{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z]{2,24};)|%[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2}){0,39}+|"
    r"\\x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2}){0,39}+|=(?<!\w=)[0-9A-F]{2}(?:=[0-9A-F]{2}){1,1999}+|"
    r"\\[01][0-7]{2}(?:\\[01][0-7]{2}){2,39}+|\\u[0-9a-fA-F]{4}|%u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|"
    rf"\\U[0-9a-fA-F]{{8}}|U{_CODE}(?:[Uu]{_CODE}){{3,399}}+|u{_CODE}(?:[Uu]{_CODE}){{3,399}}+"
)
"""Every alternative begins with its one sign, so that a search leaps from sign to sign."""
COMMENT = regex(r"<!--([^<>]{0,200}?)-->")
TAGS = regex(
    r"(?:</?(?:b|i|u|s|q|em|strong|span|wbr|font|small|big|sub|sup|mark|code|ins|del|tt) ?/?>){1,4}+", re.IGNORECASE
)
EMPHASIS = regex(
    r"(\*\*\*?|~~|`)([^\W\d_]{1,20})\1(?=[^\W\d_])|(?<![^\W_])([*_]{1,2})([^\W\d_]{1,20})\3(?=[^\W\d_])|"
    r"(?<=[^\W\d_])(__?)([^\W\d_])\5(?=[^\W\d_])"
)
"""Marks around a part of a word. A single star in a word is left, as it may stand for a letter of a rude word."""
_HEX = re.compile("[0-9a-fA-F]{2}")
_CODES = re.compile("[0-9a-fA-F]{4,8}")


def may_escape(text: str) -> bool:
    """Whether anything of an escape stands in it; in place of a search, which costs more in every message."""
    return "&" in text or "%" in text or "\\" in text or "=" in text or "U+" in text or "u+" in text


def may_stress(text: str) -> bool:
    """Whether anything of emphasis stands in it."""
    return "*" in text or "_" in text or "`" in text or "~~" in text


def unescaped(match: re.Match[str]) -> str:
    """What an escape stands for, as the checks see it; itself where it stands for nothing."""
    found = match.group()
    kind = found[:2]
    if kind[0] == "&":
        plain = html.unescape(found)
    elif kind in ("U+", "u+"):
        plain = "".join(_character(code) for code in _CODES.findall(found))
    elif kind in ("\\u", "%u", "\\U"):
        plain = _character(found[2:].strip("{}"))
    elif kind in ("\\0", "\\1"):
        plain = bytes(int(code, 8) for code in found[1:].split("\\")).decode("utf-8", "replace")
    else:
        plain = bytes.fromhex("".join(_HEX.findall(found))).decode("utf-8", "replace")
    plain = "".join([PLAIN[ord(c)] for c in plain])
    return found if "\ufffd" in plain else plain


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < 0x110000 else "\ufffd"


def unless_inside(match: re.Match[str]) -> str:
    """Nothing in place of a comment or a tag that stands inside a word, else itself."""
    text, before, after = match.string, match.start() - 1, match.end()
    inside = before >= 0 and after < len(text) and text[before].isalnum() and text[after].isalnum()
    return "" if inside else match.group()


def unmarked(match: re.Match[str]) -> str:
    """The letters without the marks around them."""
    return match[2] or match[4] or match[6]
