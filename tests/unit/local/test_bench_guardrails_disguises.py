"""Each disguise can be read back: what a reader, or the decoding it names, makes of it is the text again."""

from __future__ import annotations

import base64
import codecs
import html
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from metta_local.bench.disguises import DISGUISES

TEXT = "Where is my parcel? Order S00042, please"
SMALL = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
LOOKS = dict(zip("асеорхуіѕјАВСЕНКМОРТХντΙΝΥΖ", "aceopxyisjABCEHKMOPTXvtINYZ", strict=True))


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text)


def translated(table: dict[str, str]) -> Callable[[str], str]:
    return lambda text: "".join(table.get(c, c) for c in text)


def nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def without_marks(text: str) -> str:
    return "".join(c for c in text if not unicodedata.combining(c))


def escapes(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match.group(1), 16)), text)


BACK: dict[str, Callable[[str], str]] = {
    "zero-width": without("[\u200b\u200c\u200d\u2060\ufeff]"),
    "soft hyphen": without("\u00ad"),
    "tag characters": lambda text: "".join(chr(ord(c) - 0xE0000) for c in text if ord(c) >= 0xE0000),
    "bidi override": lambda text: text.strip("\u202e\u202c")[::-1],
    "homoglyphs": translated(LOOKS),
    "combining marks": without_marks,
    "fullwidth": nfkc,
    "mathematical bold": nfkc,
    "mathematical script": nfkc,
    "double-struck": nfkc,
    "circled": nfkc,
    "small caps": translated(SMALL),
    "letters spaced": lambda text: " ".join(word.replace(" ", "") for word in text.split("   ")),
    "letters dotted": without(r"(?<=[^\W\d_])\.(?=[^\W\d_])"),
    "letters underscored": without("_"),
    "letters hyphenated": without("-"),
    "emoji between letters": without("[🌟🍀🐸🎈🚀🌻]"),
    "emoji between words": lambda text: re.sub(" [🌟🍀🐸🎈🚀🌻] ", " ", text),
    "HTML entities": html.unescape,
    "HTML comments": without("<!--.*?-->"),
    "percent-encoding": unquote,
    "\\u escapes": escapes,
    "base64": lambda text: base64.b64decode(text).decode(),
    "base64, asked to decode": lambda text: base64.b64decode(re.split(r"[:\n] ?", text)[-1]).decode(),
    "hex": lambda text: bytes.fromhex(text).decode(),
    "rot13": lambda text: codecs.decode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "words reversed": lambda text: " ".join(reversed(text.split())),
    "a word a line": lambda text: text.replace("\n", " "),
    "a few letters a line": lambda text: text.replace("\n", ""),
    "Markdown between letters": without(r"[*_]"),
}
LEET = dict(zip("43105789|", "aeiostbgl", strict=True))
READ_LOOSELY: dict[str, Callable[[str], str]] = {
    "leetspeak, light": lambda text: text.translate(str.maketrans("aeio", "4310")),
    "leetspeak, heavy": lambda text: text.translate(str.maketrans("aeiostbgl", "43105789|")),
    "scrambled": lambda text: re.sub(
        r"[^\W\d_]{4,}", lambda m: m.group()[0] + "".join(sorted(m.group()[1:-1])) + m.group()[-1], text
    ),
    "random case": str.lower,
    "letters doubled": lambda text: re.sub(r"([^\W\d_])\1", r"\1", text),
}
"""Those that lose something: the text and its disguise become one when both are read so."""


def test_every_disguise_is_read_back_below() -> None:
    assert set(BACK) | set(READ_LOOSELY) == set(DISGUISES)


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_disguised_text_reads_as_the_text(name: str, seed: int) -> None:
    disguised = DISGUISES[name](TEXT, seed)
    assert disguised != TEXT
    assert BACK[name](disguised) == TEXT


@pytest.mark.parametrize("name", READ_LOOSELY)
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_a_loosely_disguised_text_reads_alike(name: str, seed: int) -> None:
    disguised = DISGUISES[name](TEXT, seed)
    assert disguised != TEXT
    assert READ_LOOSELY[name](disguised) == READ_LOOSELY[name](TEXT)


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("text", ["", " ", "é", "你好，订单", "a", "\n\n", "👩‍👩‍👧", "٣٤"])
def test_any_text_can_be_disguised_and_the_same_each_time(name: str, text: str) -> None:
    assert DISGUISES[name](text, 3) == DISGUISES[name](text, 3)
