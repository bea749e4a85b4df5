"""Reads stretches that stand for bytes or letters one by one: base64 and its kin, numbers, Morse code, spelling words.

Called by ``hidden.py``. A decoder answers None unless printable words come out, so that honest keys and tables stay.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from metta.guardrails import glance
from metta.guardrails.lexicon import lexicon
from metta.guardrails.patterns import regex

Decoder = Callable[[str], str | None]

_BASE64 = regex(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{16,6000}+)={0,2}")
_HEX = regex(r"(?<![0-9A-Za-z])(?:(?:0x|\\x)?[0-9a-fA-F]{2}(?:, |[ :,\-\n])?){10,3000}+")
_BINARY = regex(r"(?<![0-9])(?:(?:0b)?[01]{7,8}(?:, |[ ,\n])?){6,1000}+")
_BASE32 = regex(r"(?<![A-Za-z0-9])(?:[A-Z2-7]{24,6000}+|[a-z2-7]{24,6000}+)={0,6}")
_BASE85 = regex(r"(?:<~)?[!-}]{20,4000}+(?:~>)?")
_NUMBERS = regex(r"(?<![\w.])(?:0o)?\d{1,3}(?:(?:[,;]? |[,;\-/\n]| / )(?:0o)?\d{1,3}){9,1500}+(?![\w])")
_NUMBER = regex(r"\d+")
_MORSE = regex(r"(?<!\S)[.\-]{1,6}(?:(?:[ \n]{1,3}|[/|]| [/|] )[.\-]{1,6}){8,1500}+(?!\S)")
_UU = regex(r"begin [0-7]{3} \S{1,60}\n((?:[!-`][ -`\n]{0,70}\n){1,80}+)(?:`\n)?end")

_MORSE_ALPHABET = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.. .----. ---..."
)
_MORSE_CODE = dict(zip(_MORSE_ALPHABET.split(), "abcdefghijklmnopqrstuvwxyz0123456789.,?':", strict=True))
_MORSE_SIGNS = str.maketrans("·•∙⋅−–—_", "....----")
_MORSE_LEAST = 12
"""Dots and dashes below which nothing was sent."""
_SPELLING_ALPHABET = (
    "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
)
_SPELLED = {word: word[0] for word in _SPELLING_ALPHABET.split()}
_ANY_SPELLED = "|".join(sorted(_SPELLED, key=len, reverse=True))
_SPELLING = regex(rf"\b(?:{_ANY_SPELLED})(?:[^\w]{{1,5}}(?:{_ANY_SPELLED})){{3,600}}+\b")
_SPELLING_WORD = regex(_ANY_SPELLED)
_SPELLING_KEYS = frozenset(_SPELLED)
_PIECES = regex(r"\S{1,100}+")
_MORSE_LETTER = regex(r"[.\-]+")
_MOST = 8
"""Encoded stretches of one kind that are looked at."""
_KNOWN = 0.5
"""Part of the letters that must stand in known words where any numbers could have been letters."""
_SIGNS_OF_BASE85 = 3
_SHORTEST, _SHORTEST_DRAWN = 16, 20
"""Characters of the shortest stretch that can be base64, and that can be of any printable signs."""
_FEWEST = 10
"""Digits below which there are no numbers that could be letters."""


def decoded(text: str, raw: bytes) -> Iterable[tuple[str, int, int]]:
    """What stretches of ``text``, with these octets, say when they are decoded, each with its place."""
    digits, coded = glance.digits(raw), glance.has_code(raw, _SHORTEST)
    drawn = not coded and glance.has_stretch(raw, _SHORTEST_DRAWN)
    return _decoded(text, raw) if digits >= _FEWEST or coded or drawn else ()


def _decoded(text: str, raw: bytes) -> Iterator[tuple[str, int, int]]:
    for pattern, decode, signs, least in _KINDS:
        if not glance.has_run(raw, signs, least) or pattern.search(text) is None:
            continue
        found = [(plain, *m.span()) for m in _first(pattern, text) if (plain := decode(m.group()))]
        yield from found
        if len(found) > 1:  # one text, encoded line by line
            yield "".join(item[0] for item in found), found[0][1], found[-1][2]


def in_pieces(text: str) -> tuple[str, int, int] | None:
    """Base64 cut into pieces of one length, by blanks or lines."""
    sizes = [len(piece) for piece in text.split()]
    if not any(a == b == c == d for a, b, c, d in zip(sizes, sizes[1:], sizes[2:], sizes[3:], strict=False)):
        return None
    size = start = number = 0
    for match in _PIECES.finditer(text):
        length = len(match.group())
        if length == size:
            number += 1
            continue
        if number >= 4:
            end = match.end() if length < size else match.start()
            return _whole(text, start, end)
        size, start, number = length, match.start(), 1
    return _whole(text, start, len(text)) if number >= 4 else None


def _whole(text: str, start: int, end: int) -> tuple[str, int, int] | None:
    plain = from_base64("".join(text[start:end].split()))
    return (plain, start, end) if plain else None


def spelled(folded: str, words: frozenset[str]) -> list[tuple[str, int, int]]:
    """Letters given by the words for them (alpha, bravo)."""
    if len(words & _SPELLING_KEYS) <= 3:
        return []
    return [(_apart(m.group(), _SPELLING_WORD, _SPELLED), *m.span()) for m in _first(_SPELLING, folded)]


def morse(text: str) -> Iterable[tuple[str, int, int]]:
    """Letters in Morse code, with any signs that pass for its dots and dashes."""
    plain = text if text.isascii() else text.translate(_MORSE_SIGNS)
    if plain.count(".") + plain.count("-") + plain.count("_") < _MORSE_LEAST:
        return ()
    return _sent(plain.replace("_", "-"))


def _sent(plain: str) -> Iterator[tuple[str, int, int]]:
    for match in _first(_MORSE, plain):
        read = _apart(match.group(), _MORSE_LETTER, _MORSE_CODE)
        if sum(map(str.isalpha, read)) * 2 > len(read):
            yield read, *match.span()


def _apart(found: str, piece: re.Pattern[str], letters: dict[str, str]) -> str:
    """The letters of ``found``, with blanks where what stands between two is not what mostly does."""
    gaps = Counter(piece.sub("\0", found).strip("\0").split("\0"))
    usual = gaps.most_common(1)[0][0]
    read: list[str] = []
    before = 0
    for match in piece.finditer(found):
        if read and found[before : match.start()] != usual:
            read.append(" ")
        read.append(letters.get(match.group(), ""))
        before = match.end()
    return lexicon().put_right("".join(read))


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for number, match in enumerate(pattern.finditer(text)):
        if number == _MOST:
            return
        yield match


def printable(raw: bytes) -> str | None:
    """The text that bytes are, if it is one that says something."""
    if len(raw) > 8 and raw[1::2].count(0) * 2 > len(raw) // 2:
        raw = raw.replace(b"\0", b"")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    shown = sum(c.isprintable() or c in "\n\r\t" for c in text)
    letters = sum(c.isalpha() for c in text)
    fine = shown == len(text) and letters * 2 > len(text) and (" " in text or "_" in text or _encoded_again(text))
    return text if fine and unicodedata.category(text[0]) != "Cn" else None


def _encoded_again(text: str) -> bool:
    match = _BASE64.fullmatch(text.strip())
    return match is not None and from_base64(match.group()) is not None


def from_base64(found: str) -> str | None:
    """What base64 says, of either alphabet, with or without its padding."""
    found = found.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return printable(base64.b64decode(found[: len(found) // 4 * 4] + _rest(found), validate=True))
    except (binascii.Error, ValueError):
        return None


def _rest(found: str) -> str:
    left = found[len(found) // 4 * 4 :]
    return left + "=" * (4 - len(left)) if len(left) > 1 else ""


def _from_hex(found: str) -> str | None:
    digits = re.sub(r"0x|\\x|[^0-9a-fA-F]", "", found)
    return printable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _from_binary(found: str) -> str | None:
    octets = re.findall("[01]{8}", found) or re.findall("[01]{7}", found)
    return printable(bytes(int(octet, 2) for octet in octets))


def _from_base32(found: str) -> str | None:
    found = found.rstrip("=").upper()
    try:
        return printable(base64.b32decode(found + "=" * (-len(found) % 8)))
    except (binascii.Error, ValueError):
        return None


def _from_base85(found: str) -> str | None:
    if sum(not c.isalnum() for c in found) < _SIGNS_OF_BASE85:
        return None
    for decode in (base64.b85decode, base64.a85decode):
        try:
            plain = printable(decode(found.removeprefix("<~").removesuffix("~>")))
        except (ValueError, OverflowError):
            continue
        if plain:
            return plain
    return None


def _from_numbers(found: str) -> str | None:
    """Code points in decimal or octal, or the places of letters in the alphabet."""
    found = found.replace("0o", "")
    numbers = _NUMBER.findall(found)
    for base, low, high, first in ((10, 32, 126, 0), (8, 32, 126, 0), (10, 1, 26, 96)):
        if base == 8 and any("8" in n or "9" in n for n in numbers):
            continue
        codes = [int(n, base) for n in numbers]
        if all(low <= code <= high for code in codes):
            if first:
                plain = _apart(found, _NUMBER, {n: chr(int(n) + first) for n in set(numbers)})
            else:
                plain = "".join(map(chr, codes))
            if lexicon().share_known(plain.lower()) >= _KNOWN and sum(map(str.isalpha, plain)) * 2 > len(plain):
                return plain
    return None


def uuencoded(original: str) -> str | None:
    """The text of the first uuencoded file in a text with its lines."""
    match = _UU.search(original) if "begin " in original else None
    if match is None:
        return None
    try:
        return printable(b"".join(binascii.a2b_uu(line) for line in match[1].splitlines()))
    except binascii.Error:
        return None


_DIGITS, _LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KINDS: tuple[tuple[re.Pattern[str], Decoder, bytes, int], ...] = (
    (_BASE64, from_base64, glance.table(f"{_DIGITS}{_LETTERS}+/_-"), 16),
    (_HEX, _from_hex, glance.table(f"{_DIGITS}abcdefABCDEFx\\ :,-\n"), 20),
    (_BINARY, _from_binary, glance.table("01b, \n"), 42),
    (_BASE32, _from_base32, glance.table(f"{_LETTERS}234567"), 24),
    (_BASE85, _from_base85, glance.table("".join(map(chr, range(33, 127)))), 20),
    (_NUMBERS, _from_numbers, glance.table(f"{_DIGITS}o,;-/\n "), 19),
)
"""Pattern, decoder, the characters that it is made of, and how many of them stand in a row at least."""
