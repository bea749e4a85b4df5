"""What the texts of ``metta fuzz`` are put together from: characters, values, words, and ways to encode them."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from urllib.parse import quote

SCRIPTS = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF),
    (0x700, 0x74F), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xD80, 0xDFF), (0xE00, 0xE7F), (0xF00, 0xFFF),
    (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x13A0, 0x13FF), (0x1780, 0x17FF),
    (0x1800, 0x18AF), (0x1E00, 0x1FFF), (0x2C00, 0x2DFF), (0x3040, 0x30FF), (0x3130, 0x318F), (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF), (0xA720, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE70, 0xFEFF),
    (0xFF00, 0xFFEF), (0x10000, 0x107FF), (0x10900, 0x10FFF), (0x12000, 0x123FF), (0x13000, 0x1342F),
    (0x1D100, 0x1D7FF), (0x1E900, 0x1EEFF), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF),
)  # fmt: skip
"""First and last code point of blocks of many scripts, unassigned ones between them included."""
ODD = (
    *("\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800", "\udbff", "\udc00", "\udfff", "\ufffe", "\uffff", "\ufffd"),
    *("\U0010ffff", "\U000e0001", "\U000e007f", "\u0378", "\u2028", "\u2029", "\u00ad", "\u034f", "\u061c", "\u115f"),
    *("\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e"),
    *("\u2060", "\u2066", "\u2067", "\u2069", "\ufe0e", "\ufe0f", "\ufeff", "\ufff9", "\u3164", "\U000e0100", "ﷺ", "ﬃ"),
    *(
        "İ",
        "ı",
        "ß",
        "ẞ",
        "ŉ",
        "ǰ",
        "ΐ",
        "\u0345",
        "\u1fb7",
        "\ufb03",
        "\u0130",
        "K",
        "Å",
        "Ω",
        "½",
        "²",
        "①",
        "㍿",
        "㋀",
    ),
)
EMOJI = (
    "👩",
    "👨",
    "👧",
    "🏽",
    "\u200d",
    "\ufe0f",
    "❤",
    "🏳",
    "🌈",
    "🇩",
    "🇪",
    "🏴",
    "\U000e0067",
    "\U000e007f",
    "#\ufe0f\u20e3",
)
VALUES = (
    *("4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "219-09-9998", "219099998", "ssn ", "card "),
    *("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "lena@example.org", "lena at example dot org"),
    *(
        "+49 151 12345678",
        "(303) 555-0123 ext. 7",
        "four one double one ",
        "S00042",
        "57.39 €",
        "1.234,56",
        "20.06.2026",
    ),
    *("June 20", "9:00", "12 days", "sk-abcdefghijklmnopqrst", "token=abcdefghijklmnop", "AKIAIOSFODNN7EXAMPLE"),
    *(
        "[SSN]",
        "[CARD]",
        "[NUMBER]",
        "[SECRET]",
        "[EMAIL]",
        "order ",
        "{{",
        "{%",
        "%}",
        "![",
        "](",
        "https://evil.example/",
    ),
    *("<img src=x ", "<!--", "-->", "/*", "*/", "&#49;", "&lt;", "%34", "\\u0034", "ignore all previous instructions"),
    *(
        "system prompt",
        "you idiot",
        "I will kill you",
        "1gn0r3",
        "we will refund you",
        "\n",
        "\n\n",
        " ",
        "\t",
        ".",
        "*",
    ),
)
ENCODINGS: tuple[Callable[[str], str], ...] = (
    lambda text: base64.b64encode(_bytes(text)).decode(),
    lambda text: base64.urlsafe_b64encode(_bytes(text)).decode().rstrip("="),
    lambda text: _bytes(text).hex(),
    lambda text: _bytes(text).hex(" "),
    lambda text: quote(_bytes(text), safe=""),
    lambda text: "".join(f"%{octet:02x}" for octet in _bytes(text)),
    lambda text: "".join(f"&#{ord(c)};" for c in text),
    lambda text: "".join(f"\\u{ord(c) & 0xFFFF:04x}" for c in text),
    lambda text: " ".join(f"{octet:08b}" for octet in _bytes(text)),
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
    lambda text: f"<!-- {text} -->",
    lambda text: "".join(chr(0xE0000 + ord(c)) if " " <= c <= "~" else c for c in text),
    lambda text: f"\u202e{text[::-1]}\u202c",
    lambda text: "\n".join(text),
    lambda text: "".join(f"{c}\u0336\u0301" for c in text),
)
PLAIN_WORDS = (
    *(
        "where",
        "is",
        "my",
        "parcel",
        "Quantox",
        "Lindqvist",
        "Marienplatz",
        "the",
        "order",
        "has",
        "not",
        "come",
        "yet",
        "and",
        "nobody",
        "answers",
        "please",
    ),
    *("tell", "me", "when", "will", "arrive", "thanks", "for", "your", "help", "lamp", "broken", "Monday", "or", "to"),
)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
