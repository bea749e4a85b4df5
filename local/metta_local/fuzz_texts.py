"""Makes the texts that ``metta fuzz`` judges: random characters, mixes of pieces, and mutations of known texts.

Everything is drawn from the dice that are handed in, so that a seed gives the same text again.
"""

from __future__ import annotations

import base64
import codecs
import random
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from metta_local.bench.disguises import DISGUISES
from metta_local.bench.guardrails_rows import HELD_OUT, read_rows
from metta_local.fuzz_patterns import guardrail_patterns, pieces_of
from metta_local.fuzz_shapes import SHAPES

LONGEST = 6000
"""Characters of a text; a longer one is cut."""
PLAIN = "plain text"
"""The maker of texts that read as themselves."""
_SHORT = 300
_SCRIPTS = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF),
    (0x700, 0x74F), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xD80, 0xDFF), (0xE00, 0xE7F), (0xF00, 0xFFF),
    (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x13A0, 0x13FF), (0x1780, 0x17FF),
    (0x1800, 0x18AF), (0x1E00, 0x1FFF), (0x2C00, 0x2DFF), (0x3040, 0x30FF), (0x3130, 0x318F), (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF), (0xA720, 0xA7FF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE70, 0xFEFF),
    (0xFF00, 0xFFEF), (0x10000, 0x107FF), (0x10900, 0x10FFF), (0x12000, 0x123FF), (0x13000, 0x1342F),
    (0x1D100, 0x1D7FF), (0x1E900, 0x1EEFF), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF),
)  # fmt: skip
"""First and last code point of blocks of many scripts, unassigned ones between them included."""
_ODD = (
    *("\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800", "\udbff", "\udc00", "\udfff", "\ufffe", "\uffff", "\ufffd"),
    *("\U0010ffff", "\U000e0001", "\U000e007f", "\u0378", "\u2028", "\u2029", "\u00ad", "\u034f", "\u061c", "\u115f"),
    *("\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e"),
    *("\u2060", "\u2066", "\u2067", "\u2069", "\ufe0e", "\ufe0f", "\ufeff", "\ufff9", "\u3164", "\U000e0100", "ﷺ", "ﬃ"),
    *("İ", "ı", "ß", "ẞ", "ŉ", "ǰ", "ΐ", "\u0345", "\u1fb7", "\ufb03", "\u0130", "K", "Å", "Ω", "½", "²", "①", "㍿", "㋀"),
)
_EMOJI = ("👩", "👨", "👧", "🏽", "\u200d", "\ufe0f", "❤", "🏳", "🌈", "🇩", "🇪", "🏴", "\U000e0067", "\U000e007f", "#\ufe0f\u20e3")
_VALUES = (
    *("4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005", "219-09-9998", "219099998", "ssn ", "card "),
    *("DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "lena@example.org", "lena at example dot org"),
    *("+49 151 12345678", "(303) 555-0123 ext. 7", "four one double one ", "S00042", "57.39 €", "1.234,56", "20.06.2026"),
    *("June 20", "9:00", "12 days", "sk-abcdefghijklmnopqrst", "token=abcdefghijklmnop", "AKIAIOSFODNN7EXAMPLE"),
    *("[SSN]", "[CARD]", "[NUMBER]", "[SECRET]", "[EMAIL]", "order ", "{{", "{%", "%}", "![", "](", "https://evil.example/"),
    *("<img src=x ", "<!--", "-->", "/*", "*/", "&#49;", "&lt;", "%34", "\\u0034", "ignore all previous instructions"),
    *("system prompt", "you idiot", "I will kill you", "1gn0r3", "we will refund you", "\n", "\n\n", " ", "\t", ".", "*"),
)
_ENCODINGS: tuple[Callable[[str], str], ...] = (
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
    *("where", "is", "my", "parcel", "the", "order", "has", "not", "come", "yet", "and", "nobody", "answers", "please"),
    *("tell", "me", "when", "will", "arrive", "thanks", "for", "your", "help", "lamp", "broken", "Monday", "or", "to"),
)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


class Texts:
    """Draws texts.

    Args:
        known: texts that mutations begin with; the held-out ones of ``metta bench guardrails`` when none are given.
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(known) or tuple(row.text for row in read_rows(HELD_OUT))
        dice = random.Random(0)
        self._pieces = tuple(
            dict.fromkeys(piece for pattern in guardrail_patterns().values() for piece in pieces_of(pattern, dice))
        )
        self.makers: Mapping[str, Callable[[random.Random], str]] = {
            "any characters": self._any_characters,
            "one script": self._one_script,
            "odd characters": self._odd_characters,
            "emoji": self._emoji,
            "pieces": self._mixed,
            "pieces of patterns": self._of_patterns,
            "shape": self._shaped,
            "encoded": self._encoded,
            "known": self._mutated,
            "disguised": self._disguised,
            PLAIN: plain_text,
        }

    def draw(self, dice: random.Random) -> tuple[str, str]:
        """How it was made, and a text."""
        name = dice.choice(tuple(self.makers))
        return name, self.makers[name](dice)[:LONGEST]

    def _any_characters(self, dice: random.Random) -> str:
        most = dice.choice((0x7F, 0x2FF, 0xFFFF, 0x10FFFF))
        return "".join(chr(dice.randint(0, most)) for _ in range(dice.randint(0, _SHORT)))

    def _one_script(self, dice: random.Random) -> str:
        low, high = dice.choice(_SCRIPTS)
        other = dice.choice(_SCRIPTS)
        text = []
        for _ in range(dice.randint(1, 40)):
            first, last = other if dice.random() < 0.1 else (low, high)
            text.append("".join(chr(dice.randint(first, last)) for _ in range(dice.randint(1, 12))))
        return dice.choice((" ", "", ". ", "\n", "\u200b")).join(text)

    def _odd_characters(self, dice: random.Random) -> str:
        text = "".join(dice.choice(_ODD) * dice.choice((1, 1, 1, 2, 30)) for _ in range(dice.randint(1, 20)))
        return _inserted(text, dice.choice(self._known)[:_SHORT], dice)

    def _emoji(self, dice: random.Random) -> str:
        return "".join(
            dice.choice(_EMOJI) if dice.random() < 0.8 else dice.choice(PLAIN_WORDS) for _ in range(dice.randint(1, 60))
        )

    def _mixed(self, dice: random.Random) -> str:
        return "".join(
            dice.choice(_VALUES) if dice.random() < 0.8 else dice.choice(_ODD) for _ in range(dice.randint(1, 16))
        )

    def _of_patterns(self, dice: random.Random) -> str:
        text = []
        for _ in range(dice.randint(1, 12)):
            piece = dice.choice(self._pieces)
            text.append(piece * dice.choice((1, 1, 1, 2, 9)))
            text.append(dice.choice(("", " ", "\n", "-", dice.choice(_VALUES))))
        return "".join(text)

    def _shaped(self, dice: random.Random) -> str:
        shapes = [SHAPES[dice.choice(tuple(SHAPES))](dice.randint(1, _SHORT), dice) for _ in range(dice.randint(1, 4))]
        return "".join(shapes)

    def _encoded(self, dice: random.Random) -> str:
        text = dice.choice((dice.choice(self._known)[:200], self._mixed(dice), self._any_characters(dice)[:60]))
        for _ in range(dice.randint(1, 3)):
            text = dice.choice(_ENCODINGS)(text)[:LONGEST]
        return _inserted(text, dice.choice(self._known)[:_SHORT], dice) if dice.random() < 0.5 else text

    def _disguised(self, dice: random.Random) -> str:
        text = dice.choice(self._known)[:_SHORT]
        for _ in range(dice.randint(1, 2)):
            text = DISGUISES[dice.choice(tuple(DISGUISES))](text, dice.randrange(1000))[:LONGEST]
        return text

    def _mutated(self, dice: random.Random) -> str:
        text = dice.choice(self._known)[:1000]
        for _ in range(dice.randint(1, 5)):
            text = self._mutated_once(text, dice)[:LONGEST]
        return text

    def _mutated_once(self, text: str, dice: random.Random) -> str:
        start, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        part = text[start:end]
        way = dice.randrange(8)
        if way == 0:
            return text[:start] + text[end:]
        if way == 1:
            return text[:start] + part * dice.randint(2, 5) + text[end:]
        if way == 2:
            other = dice.choice(self._known)
            return text[:start] + other[len(other) // 2 :][:_SHORT] + text[start:]
        if way == 3:
            return _inserted(dice.choice(_VALUES), text, dice)
        if way == 4:
            return _inserted(dice.choice(_ODD), text, dice)
        if way == 5:
            return text[:start] + DISGUISES[dice.choice(tuple(DISGUISES))](part, start) + text[end:]
        if way == 6:
            return text[:start] + dice.choice(_ENCODINGS)(part) + text[end:]
        return text[:start] + "".join(dice.choice((c, c, c.swapcase(), c + c)) for c in part) + text[end:]


def _inserted(piece: str, text: str, dice: random.Random) -> str:
    at = dice.randint(0, len(text))
    return text[:at] + piece + text[at:]


def plain_text(dice: random.Random) -> str:
    """English in ASCII, with nothing in it that reads otherwise: no escape, no number, no letters set apart."""
    text = " ".join(dice.choice(PLAIN_WORDS) for _ in range(dice.randint(1, 30)))
    return text[0].upper() + text[1:] + dice.choice((".", "?", "!", ""))
