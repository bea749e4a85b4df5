"""Text from Odoo made plain: no markup, no control or invisible characters, bounded. It stays untrusted data."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, tzinfo
from html.parser import HTMLParser

_MARKUP = re.compile(r"<[A-Za-z/!][^<>]*>|&[A-Za-z]+;|&#")
_BLOCKS = frozenset(("br", "p", "div", "li", "ul", "ol", "tr", "td", "table", "h1", "h2", "h3", "h4", "h5", "h6"))
_UNSEEN = frozenset(("script", "style", "template", "head", "noscript"))
_REFERENCE = re.compile(r"\[([^\[\]]{1,64})\]\s*(.*)", re.DOTALL)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:([ T]\d\d:\d\d:\d\d)(?:\.\d+)?)?")
_MAX_SOURCE_CHARS = 20_000


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def plain(value: object, limit: int) -> str:
    """``value`` as one line of visible text of at most ``limit`` characters; empty for Odoo's ``False``.

    HTML loses its markup, comments, scripts and styles.
    """
    if not isinstance(value, str):
        return ""
    source = value[:_MAX_SOURCE_CHARS]
    if _MARKUP.search(source):
        parser = _Plain()
        parser.feed(source)
        parser.close()
        source = "".join(parser.parts)
    line = " ".join((source if source.isascii() and source.isprintable() else visible(source)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def visible(text: str) -> str:
    """``text`` without invisible characters, and with a blank for each control character."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c
        for c in text
        if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn")
    )


def first_line(value: object, limit: int) -> str:
    """The first line of a multi-line text, made plain."""
    return plain(value.strip().partition("\n")[0], limit) if isinstance(value, str) else ""


def name_of(value: object, limit: int = 120) -> str:
    """The display name of a many2one, ``[id, name]``; empty when there is none."""
    return plain(value[1], limit) if isinstance(value, list) and len(value) == 2 else ""


def id_of(value: object) -> int | None:
    """The id of a many2one, ``[id, name]`` or a bare id; None when there is none."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def split_reference(name: str) -> tuple[str, str]:
    """``[REF] Name`` as Odoo displays a product, in its two parts; the reference is empty when there is none."""
    match = _REFERENCE.fullmatch(name)
    return (match[1].strip(), match[2].strip()) if match and match[2].strip() else ("", name)


def day(value: object, zone: tzinfo = UTC) -> str | None:
    """The ISO date of a date, or of a naive UTC date-time in ``zone``, as Odoo sends them; None when empty."""
    if not isinstance(value, str) or not (match := _DATE.fullmatch(value)):
        return None
    if match[2] is None or zone is UTC:
        return match[1]
    try:
        return datetime.fromisoformat(match[0][:19]).replace(tzinfo=UTC).astimezone(zone).date().isoformat()
    except (ValueError, OverflowError):  # the first and the last day there is
        return match[1]


def link(value: object) -> str | None:
    """``value`` when it is one plain web address; None otherwise (Odoo may hold JSON of several)."""
    if isinstance(value, str) and re.fullmatch(r"https?://[!-~]{3,500}", value) and not re.search(r"[<>\"'\\]", value):
        return value
    return None


_DECIMALS = dict.fromkeys(re.findall("...", "BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXVNDVUVXAFXOFXPF"), 0) | dict.fromkeys(
    re.findall("...", "BHDIQDJODKWDLYDOMRTND"), 3
)
"""Currencies that have other than two decimals; Odoo sends amounts as bare numbers."""


def money(amount: object, currency: object) -> str | None:
    """An amount with its currency, for example ``57.39 EUR``; None unless both are known."""
    code = name_of(currency, 10)
    if not code or isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    decimals = _DECIMALS.get(code, 2)
    return f"{round(amount, decimals) + 0.0:.{decimals}f} {code}"  # no minus before nothing


def quantity(value: object) -> float | int | None:
    """A quantity, whole where it is whole; None when unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    rounded = round(float(value), 3)
    return int(rounded) if rounded.is_integer() else rounded
