"""Arithmetic of identifying numbers: payment cards, IBANs and US social security numbers."""

from __future__ import annotations

import re
from functools import cache

from metta.guardrails.patterns import regex

_ISSUERS: tuple[tuple[int, int, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (1, 4, 4, (16, 19), (13,)),
    (2, 51, 55, (16,), ()),
    (4, 2221, 2720, (16,), ()),
    (2, 34, 34, (15,), ()),
    (2, 37, 37, (15,), ()),
    (4, 6011, 6011, (16, 19), (17, 18)),
    (2, 64, 65, (16, 19), (17, 18)),
    (3, 300, 305, (14, 16), (17, 18, 19)),
    (4, 3095, 3095, (14, 16), ()),
    (2, 36, 36, (14, 16), (17, 18, 19)),
    (2, 38, 39, (14, 16), (17, 18, 19)),
    (4, 3528, 3589, (16, 17, 18, 19), ()),
    (2, 62, 62, (16, 17, 18, 19), (14, 15)),
    (4, 2200, 2205, (16, 17, 18, 19), ()),
    (2, 50, 50, (16,), (12, 13, 14, 15, 17, 18, 19)),
    (2, 56, 58, (16,), (12, 13, 14, 15, 17, 18, 19)),
    (2, 60, 60, (16,), (12, 13, 14, 15, 17, 18, 19)),
    (2, 63, 63, (16,), (12, 13, 14, 15, 17, 18, 19)),
    (2, 67, 67, (16,), (12, 13, 14, 15, 17, 18, 19)),
    (2, 69, 69, (), (12, 13, 14, 15, 16, 17, 18, 19)),
    (2, 81, 82, (), (16,)),
    (4, 9792, 9792, (16,), ()),
    (4, 8600, 8600, (), (16,)),
    (4, 9860, 9860, (), (16,)),
)
"""Width of the prefix, its first and last value, how long such card numbers usually are, and how long they can be, too
(ISO/IEC 7812 ranges of the networks); the second are met in so many other numbers that a word must name the card."""

_BBAN = """AD 8n12c AE 19n AL 8n16c AO 21n AT 16n AZ 4a20c BA 16n BE 12n BG 4a6n8c BH 4a14c BI 23n BR 23n1a1c BY 4c4n16c
CH 5n12c CR 18n CV 21n CY 8n16c CZ 20n DE 18n DJ 23n DK 14n DO 4c20n DZ 22n EE 16n EG 25n ES 20n FI 14n FK 2a12n FO 14n
FR 10n11c2n GB 4a14n GE 2a16n GI 4a15c GL 14n GR 7n16c GT 24c HN 4a20n HR 17n HU 24n IE 4a14n IL 19n IQ 4a15n IS 22n
IT 1a10n12c JO 4a4n18c KW 4a22c KZ 3n13c LB 4n20c LC 4a24c LI 5n12c LT 16n LU 3n13c LV 4a13c LY 21n MC 10n11c2n MD 20c
ME 18n MG 23n MK 3n10c2n MN 16n MR 23n MT 4a5n18c MU 4a19n3a MZ 21n NI 4a20n NL 4a10n NO 11n OM 3n16c PK 4a16c PL 24n
PS 4a21c PT 21n QA 4a21c RO 4a16c RS 18n RU 14n15c SA 2n18c SC 4a20n3a SD 14n SE 20n SI 15n SK 20n SM 1a10n12c SO 19n
ST 21n SV 4a20n TL 19n TN 20n TR 6n16c UA 6n19c VA 18n VG 4a16n XK 16n YE 4a4n18c"""
"""Country, then how many digits (n), letters (a) or either (c) follow the check digits (SWIFT's IBAN registry)."""


_SORTS = {"n": "[0-9]", "a": "[0-9A-Za-z]", "c": "[0-9A-Za-z]"}
_PARTS = regex(r"(\d{1,2})([nac])")
_MISTYPED = str.maketrans("OoIl", "0011")
IBAN_FORMS = dict(zip(_BBAN.split()[::2], _BBAN.split()[1::2], strict=True))


@cache
def iban_form(country: str, *, mistyped: bool = False) -> re.Pattern[str] | None:
    """What may stand behind the country's letters, with up to three separators between any two characters.

    Args:
        country: two upper-case letters.
        mistyped: letters may stand in the place of digits of their shape.
    """
    form = IBAN_FORMS.get(country)
    if form is None:
        return None
    sorts = {**_SORTS, "n": "[0-9OoIl]"} if mistyped else _SORTS
    parts = "".join(rf"(?:[\W_]{{0,3}}{sorts[sort]}){{{size}}}" for size, sort in _PARTS.findall("2n" + form))
    return regex(parts)


def mended(country: str, characters: str) -> str:
    """The characters behind a country's letters, digits in the place of letters of their shape where digits belong."""
    sorts = "".join([sort * int(size) for size, sort in _PARTS.findall("2n" + IBAN_FORMS[country])])
    return "".join([c.translate(_MISTYPED) if s == "n" else c for c, s in zip(characters, sorts, strict=True)])


_ONCE = bytes.maketrans(b"0123456789", bytes(range(10)))
_TWICE = bytes.maketrans(bytes(range(10)), bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_BY_START: dict[str, list[tuple[int, int, int, tuple[int, ...], tuple[int, ...]]]] = {}
for _issuer in _ISSUERS:
    for _value in range(_issuer[1], _issuer[2] + 1):
        for _start in [f"{_value}{d}" for d in range(10)] if _issuer[0] == 1 else [str(_value)[:2]]:
            if _issuer not in _BY_START.setdefault(_start, []):
                _BY_START[_start].append(_issuer)
_LENGTHS = {
    start: tuple(sorted({n for issuer in issuers for n in issuer[3] + issuer[4]}, key=lambda n: (abs(n - 16), n)))
    for start, issuers in _BY_START.items()
}


def is_issued(digits: str, *, named: bool = True) -> bool:
    """Whether a payment network issues numbers of this prefix and length; the rarer ones count only when ``named``."""
    size = len(digits)
    for width, low, high, usual, rare in _BY_START.get(digits[:2], ()):
        if (size in usual or (named and size in rare)) and low <= int(digits[:width]) <= high:
            return True
    return False


def lengths_from(start: str) -> tuple[int, ...]:
    """How long card numbers are that begin with these two digits, most usual first; empty when none do."""
    return _LENGTHS.get(start, ())


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    codes = digits.encode("ascii").translate(_ONCE)
    return (sum(codes[-1::-2]) + sum(codes[-2::-2].translate(_TWICE))) % 10 == 0


def is_card(digits: str, *, named: bool = True) -> bool:
    """Whether 12 to 19 digits can be the number of a payment card."""
    return 12 <= len(digits) <= 19 and is_issued(digits, named=named) and len(set(digits)) > 1 and luhn(digits)


def is_article(digits: str) -> bool:
    """Whether 13 digits are an article number (EAN-13, check digit of GS1)."""
    total = sum(map(int, digits[:12:2])) + 3 * sum(map(int, digits[1:12:2]))
    return len(digits) == 13 and (total + int(digits[12])) % 10 == 0


def is_iban(characters: str) -> bool:
    """Whether upper-case letters and digits form an IBAN: country, form, remainder 97 (ISO 13616)."""
    form = iban_form(characters[:2])
    if form is None or not form.fullmatch(characters, 2):
        return False
    return int("".join([str(int(c, 36)) for c in characters[4:] + characters[:4]])) % 97 == 1


def is_iban_country(letters: str) -> bool:
    """Whether two upper-case letters are a country with IBANs."""
    return letters in IBAN_FORMS


def is_ssn(digits: str) -> bool:
    """Whether nine digits can be a US social security number (area, group and serial rules of the SSA)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return len(digits) == 9 and area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
