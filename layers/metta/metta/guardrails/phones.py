"""Judges whether a stretch of digits is a phone number, by its form and by what the words around it say.

Forms are those of the national plans that can be told from other numbers (ITU E.164 and E.123; trunk prefixes); all
others need a word that names them.
"""

from __future__ import annotations

from itertools import pairwise

from metta.guardrails.naming import NUMBER, PHONE, Named
from metta.guardrails.patterns import regex

_EXTENSION = regex(
    r"[ .,\-(/\n]{0,3}(?:ext(?:ension|n)?|x|durchwahl|dw|poste|int(?:erno|erne|ern)?|anexo|ramal|toestel|klapka|wew|"
    r"anknytning|(?:доб|вн)|#)[ .:\-/#\n]{0,3}\d{1,6}(?![\w@+]|[.\-]\w)\)?"
)
_MONEY = regex(
    r" ?(?:[$€£¥%](?! ?\d)|"
    r"(?:eur|usd|gbp|euros?|dollars?|yen|kwh|km|kg|cm|mm|ml|chf|kr|ft|vnd|mah|mb|gb|pcs|stk|stuck|"
    r"points|punkte|puntos|punti|followers|views)\b(?!\.? ?\d))"
)
_PRICED = regex(
    r"(?<![0-9])(?<![0-9] )"
    r"(?:[$€£¥]|\b(?:eur|usd|gbp|rs|inr|chf|total was|total|amount|price|paid|cost|costs|preis|prix)\.?) ?$"
)
_SIGNS = frozenset("$€£¥")
_GROUPED = regex(r"[1-9]\d{0,2}(?:([,. '])\d{3})(?:\1\d{3}){0,5}[.,]\d{2}$|\d{1,3}(?:,\d{2,3})+(?:\.\d\d)?$")
_NANP = regex(r"(?:\+? ?1[ .\-/]{0,2})?\(? ?[2-9]\d\d ?\)?[ .\-/_|~]{0,3}[2-9]\d\d[ .\-/_|~]{1,3}\d{4}$")
_BRACKETED = regex(r"(?:\+? ?\d{1,3} ?|0|8 ?)?\( ?\d{2,5} ?\)")
_TIME = r"(?:[01]?\d|2[0-4])[:.][0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_CEP = regex(r"(?<![^\W_])cep[ :.\-]{0,3}$")
_POSTCODE = regex(r"\d{5}-?\d{3}$")
"""A Brazilian postcode; "cep" is also a Turkish mobile, whose numbers are longer."""
_TIMES = regex(rf"{_TIME}(?:[^\w.:]{{1,3}}{_TIME})*$|(?:[01]\d|2[0-3])[0-5]\d ?- ?(?:[01]\d|2[0-4])[0-5]\d$")
_OCTET = r"(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])"
_IP = regex(rf"{_OCTET}(?:\.{_OCTET}){{3}}$")
_BARE = regex(
    r"(?:[2-9]\d\d[2-9]\d{6}|[6-9]\d{9}|0[1-9]\d{8,9}|01[5-7]\d{9}|1[3-9]\d{9}|1[2-9]\d\d[2-9]\d{6}|89\d{9}|3[2-9]\d{8}|[67]\d{8})$"
)
_TRUNK = regex(r"(?:0[1-9]\d{8,9}|01[5-7]\d{9})$")
_UNUSUAL = regex(r"[,:*;|~\n]")
_ANY = "123456789"
_HIGH = "56789"
_NATIONAL: dict[tuple[int, ...], str] = {
    (3, 3, 3): _HIGH, (3, 2, 2, 2): _HIGH, (2, 3, 2, 2): _ANY, (2, 3, 4): "9", (2, 4, 4): _ANY,
    (1, 2, 2, 2, 2): _ANY, (5, 5): "6789",
    (4, 3, 3): "156789", (3, 4, 4): "1", (2, 5, 4): _ANY, (3, 3, 4): "23456789", (3, 7): "3", (3, 3, 2, 2): "345679",
    (1, 4, 4): "9", (2, 1, 4, 4): _ANY, (1, 3, 3, 4): "18", (1, 3, 3, 2, 2): "8", (1, 3, 2, 2, 2): "8",
}  # fmt: skip
"""Groups of national numbers without a trunk zero, and the digits they begin with."""
_AMERICAN = frozenset(((3, 3, 4), (1, 3, 3, 4), (3, 7), (1, 3, 7)))
_SSN_SHAPE = (3, 2, 4)
_DIALLED = 13
"""Digits in one group that a phone number has at most; couriers have longer ones."""
_BRAZILIAN = (2, 1, 4, 4)
"""Groups of a mobile there, and, with dots, of a version."""
_COUNTED = "01234567890"
_TAXPAYER = (3, 3, 3, 2)
"""Groups of a Brazilian taxpayer's number."""
_CODES = frozenset(
    """1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82
    84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234
    235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262
    263 264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374
    375 376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590
    591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689
    690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968
    970 971 972 973 974 975 976 977 979 992 993 994 995 996 998""".split()  # noqa: SIM905 - reads better so
)
"""Country calling codes (ITU-T E.164 list)."""

Runs = tuple[tuple[int, int, str], ...]


def extension(after: str) -> int:
    """Length of the extension that the folded text behind a number begins with."""
    found = _EXTENSION.match(after)
    return found.end() if found else 0


def is_money(before: str, after: str) -> tuple[bool, bool]:
    """Whether the folded text before a number, and that behind it, names a currency."""
    behind = after.lstrip()[:1] in _SIGNS if after else False
    return _PRICED.search(before[-14:]) is not None, behind or _MONEY.match(after) is not None


def is_international(digits: str) -> bool:
    """Whether digits begin with a country's calling code and are as long as E.164 allows, an optional zero included."""
    if not any(digits[:size] in _CODES for size in (1, 2, 3)):
        return False
    return len(digits) == 11 if digits[0] == "1" else 8 <= len(digits) <= 16


def judge(text: str, runs: Runs, before: str, after: str, *, named: Named, whole: bool) -> float:
    """How surely it is a phone number, 0 when it is none.

    Args:
        text: digits with separators, with ``+`` or a bracket in front where there is one.
        runs: its digit groups.
        before: folded text before it.
        after: folded text behind it.
        named: what the words around it say it is; nothing that is called a code comes here, except behind ``+``.
        whole: the message consists of nothing else.
    """
    digits = "".join([run[2] for run in runs])
    size = len(digits)
    if size > 17 or len(set(digits)) == 1 or _PRICED.search(before[-14:]) or _MONEY.match(after):
        return 0.0
    if text[0] == "+" or text[:2] == "(+":
        return 0.98 if is_international(digits) else 0.0
    shape = tuple([len(run[2]) for run in runs])
    for prefix in ("00", "011"):
        if (
            shape != _TAXPAYER
            and runs[0][2].startswith(prefix[:2])
            and digits.startswith(prefix)
            and is_international(digits[len(prefix) :])
            and size >= 11
        ):
            return 0.9
    if _TIMES.match(text) or _IP.match(text) or (_POSTCODE.match(text) and _CEP.search(before)):
        return 0.0
    formed = _formed(text, digits, runs)
    if named.kind in (PHONE, NUMBER):
        if formed:
            return 0.95
        if named.kind == NUMBER:
            grouped = len(shape) > 1 and max(shape) > 2 and 8 <= size <= 12 and not _UNUSUAL.search(text)
            return 0.8 if (grouped or _BARE.match(text)) and not _GROUPED.match(text) else 0.0
        if size > _DIALLED and len(shape) == 1:
            return 0.0
        if 7 <= size <= 15 and (named.gap <= 2 or size >= 9) and not _GROUPED.match(text):
            return 0.9
        return 0.0
    if shape == _SSN_SHAPE or _UNUSUAL.search(text) or _GROUPED.match(text):
        return 0.0
    if formed:
        return formed
    return 0.75 if whole and _BARE.match(text) and digits not in _COUNTED else 0.0


def _formed(text: str, digits: str, runs: Runs) -> float:
    """How surely the form alone is that of a national number."""
    shape = tuple([len(run[2]) for run in runs])
    size = len(digits)
    if _NANP.match(text):
        return 0.9
    if 9 <= size <= 12 and len(shape) > 1 and _BRACKETED.match(text):
        return 0.85
    if "." in text and 1 in shape[1:]:  # a version
        return 0.0
    if digits[0] == "0":
        if len(shape) == 1:
            return 0.75 if _TRUNK.match(digits) and digits not in _COUNTED else 0.0
        return 0.85 if digits[1] != "0" and _trunk(size, shape) and not _is_series(text, runs) else 0.0
    firsts = _NATIONAL.get(shape)
    if firsts is None or digits[0] not in firsts or ("." in text and (" " in text or shape == _BRAZILIAN)):
        return 0.0
    if shape == (5, 5) and (digits.endswith("00") or digits[3:5] == "00"):
        return 0.0
    return 0.75


def may_be_formed(start: str, size: int, shape: tuple[int, ...]) -> bool:
    """Whether groups alone could be a phone number, by their first digits and sizes; most are asked in vain."""
    if start[0] == "0":
        if start[:2] == "00" or (start.startswith("011") and size > 10):
            return size > 10
        return _trunk(size, shape) if len(shape) > 1 else 10 <= size <= 11
    return shape in _NATIONAL or shape in _AMERICAN


def _is_series(text: str, runs: Runs) -> bool:
    """Whether pairs only go up or down by the same step, or a lone digit ends a row of blanks, as in IMEI and ISBN."""
    if len(runs[-1][2]) == 1 and len(runs) > 2:
        return text[-2] == " " and len(runs[-2][2]) > 1
    pairs = [int(run[2]) for run in runs if len(run[2]) == 2]
    return len(pairs) == len(runs) and len({b - a for a, b in pairwise(pairs)}) == 1


def _trunk(size: int, shape: tuple[int, ...]) -> bool:
    """Whether groups behind a trunk zero are those of a phone number: pairs come in fives."""
    if size == 12:
        return len(shape) <= 5 and 3 <= shape[0] <= 5
    if (shape[0] == 1 and shape[1] != 3) or shape == _TAXPAYER:
        return False
    return 9 <= size <= 11 and shape[0] <= 6 and not (set(shape) == {2} and size != 10)
