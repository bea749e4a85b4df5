"""Arithmetic of identifying numbers: payment cards, IBANs and US social security numbers."""

from __future__ import annotations

_ISSUERS: tuple[tuple[int, int, int, frozenset[int]], ...] = (
    (1, 4, 4, frozenset((13, 16, 19))),
    (2, 51, 55, frozenset((16,))),
    (4, 2221, 2720, frozenset((16,))),
    (2, 34, 34, frozenset((15,))),
    (2, 37, 37, frozenset((15,))),
    (4, 6011, 6011, frozenset((16, 19))),
    (3, 644, 649, frozenset((16, 19))),
    (2, 65, 65, frozenset((16, 19))),
    (3, 300, 305, frozenset((14, 16))),
    (2, 36, 36, frozenset((14, 16))),
    (2, 38, 39, frozenset((14, 16))),
    (4, 3528, 3589, frozenset((16, 17, 18, 19))),
    (2, 62, 62, frozenset((16, 17, 18, 19))),
    (4, 2200, 2204, frozenset((16, 17, 18, 19))),
    (2, 60, 60, frozenset((16,))),
    (4, 5018, 5018, frozenset(range(12, 20))),
    (4, 5020, 5020, frozenset(range(12, 20))),
    (4, 5038, 5038, frozenset(range(12, 20))),
    (4, 5893, 5893, frozenset(range(12, 20))),
    (4, 6304, 6304, frozenset(range(12, 20))),
    (4, 6759, 6763, frozenset(range(12, 20))),
)
"""Length of the prefix, its first and last value, and how long such card numbers are (ISO/IEC 7812 ranges)."""

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_BY_START: dict[str, list[tuple[int, int, int, frozenset[int]]]] = {}
for _issuer in _ISSUERS:
    for _value in range(_issuer[1], _issuer[2] + 1):
        for _start in [f"{_value}{d}" for d in range(10)] if _issuer[0] == 1 else [str(_value)[:2]]:
            if _issuer not in _BY_START.setdefault(_start, []):
                _BY_START[_start].append(_issuer)
_LENGTHS = {
    start: tuple(sorted({n for issuer in issuers for n in issuer[3]}, key=lambda n: (abs(n - 16), n)))
    for start, issuers in _BY_START.items()
}


def is_issued(digits: str) -> bool:
    """Whether a payment network issues numbers of this prefix and length."""
    for width, low, high, lengths in _BY_START.get(digits[:2], ()):
        if len(digits) in lengths and low <= int(digits[:width]) <= high:
            return True
    return False


def lengths_from(start: str) -> tuple[int, ...]:
    """How long card numbers are that begin with these two digits, most usual first; empty when none do."""
    return _LENGTHS.get(start, ())


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(d)] for d in digits[-2::-2])
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether 12 to 19 digits can be the number of a payment card."""
    return 12 <= len(digits) <= 19 and is_issued(digits) and len(set(digits)) > 1 and luhn(digits)


def is_iban(characters: str) -> bool:
    """Whether upper-case letters and digits form an IBAN: country, length, remainder 97 (ISO 13616)."""
    if IBAN_LENGTHS.get(characters[:2]) != len(characters) or not characters[2:4].isdigit():
        return False
    return int("".join(str(int(c, 36)) for c in characters[4:] + characters[:4])) % 97 == 1


def is_ssn(digits: str) -> bool:
    """Whether nine digits can be a US social security number (area, group and serial rules of the SSA)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return len(digits) == 9 and area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"
