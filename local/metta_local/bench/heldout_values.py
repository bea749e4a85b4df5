"""Makes personal data that belongs to nobody: phones, cards, IBANs, SSNs and e-mail addresses that pass their checks.

For ``heldout_pii``, which sets them into messages. Formats: ITU and national numbering plans, ISO 7812, ISO 13616.
"""

from __future__ import annotations

import random
import string

PHONES: dict[str, tuple[str, ...]] = {
    "US": ("(NPN) NXX-XXXX", "NPN-NXX-XXXX", "+1 NPN-NXX-XXXX", "+1 (NPN) NXX-XXXX", "NPN.NXX.XXXX"),
    "CA": ("+1 613 NXX XXXX", "(416) NXX-XXXX"),
    "MX": ("+52 55 NXXX XXXX", "55 NXXX XXXX"),
    "BR": ("+55 11 9XXXX-XXXX", "(21) 9XXXX-XXXX"),
    "AR": ("+54 9 11 NXXX-XXXX",),
    "CL": ("+56 9 NXXX XXXX",),
    "CO": ("+57 310 XXX XXXX",),
    "PE": ("+51 9XX XXX XXX",),
    "GB": ("+44 7NXX XXXXXX", "07NXX XXXXXX", "020 7NXX XXXX", "+44 (0)20 7NXX XXXX"),
    "IE": ("+353 87 NXX XXXX", "087 NXX XXXX"),
    "DE": ("+49 151 NXXXXXXX", "0151 NXXXXXXX", "+49 (0)30 NXXXXXX", "030/NXXXXXX"),
    "AT": ("+43 664 NXXXXXX", "0664 NXXXXXX"),
    "CH": ("+41 79 NXX XX XX", "079 NXX XX XX"),
    "FR": ("+33 6 NX XX XX XX", "06 NX XX XX XX", "06.NX.XX.XX.XX"),
    "BE": ("+32 47N XX XX XX", "047N XX XX XX"),
    "NL": ("+31 6 NXXXXXXX", "06-NXXXXXXX"),
    "LU": ("+352 621 NXX XXX",),
    "ES": ("+34 6NX XXX XXX", "6NX XX XX XX"),
    "PT": ("+351 91N XXX XXX", "91N XXX XXX"),
    "IT": ("+39 34N XXX XXXX", "34N XXX XXXX"),
    "GR": ("+30 69N XXX XXXX",),
    "TR": ("+90 53N XXX XX XX", "053N XXX XX XX"),
    "PL": ("+48 60N XXX XXX", "60N XXX XXX"),
    "CZ": ("+420 60N XXX XXX",),
    "SK": ("+421 90N XXX XXX", "090N XXX XXX"),
    "HU": ("+36 30 NXX XXXX", "06 30 NXX XXXX"),
    "RO": ("+40 72N XXX XXX", "072N XXX XXX"),
    "SE": ("+46 70-NXX XX XX", "070-NXX XX XX"),
    "NO": ("+47 9NX XX XXX",),
    "DK": ("+45 2N XX XX XX",),
    "FI": ("+358 40 NXX XXXX", "040 NXX XXXX"),
    "UA": ("+380 67 NXX XX XX",),
    "IL": ("+972 52-NXX-XXXX", "052-NXX-XXXX"),
    "AE": ("+971 50 NXX XXXX",),
    "ZA": ("+27 82 NXX XXXX", "082 NXX XXXX"),
    "NG": ("+234 803 NXX XXXX",),
    "KE": ("+254 72N XXX XXX",),
    "IN": ("+91 98NXX XXXXX", "98NXX XXXXX"),
    "JP": ("+81 90-NXXX-XXXX", "090-NXXX-XXXX"),
    "KR": ("+82 10-NXXX-XXXX", "010-NXXX-XXXX"),
    "CN": ("+86 138 NXXX XXXX", "138 NXXX XXXX"),
    "SG": ("+65 9NXX XXXX",),
    "PH": ("+63 917 NXX XXXX",),
    "AU": ("+61 4NX XXX XXX", "04NX XXX XXX", "(02) 9NXX XXXX"),
    "NZ": ("+64 21 NXX XXXX", "021 NXX XXXX"),
}
"""X any digit, N 2 to 9, P 0 to 8."""
CARDS: dict[str, tuple[tuple[str, ...], int, tuple[int, ...]]] = {
    "visa": (("4",), 16, (4, 4, 4, 4)),
    "visa13": (("4",), 13, (4, 3, 3, 3)),
    "visa19": (("4",), 19, (4, 4, 4, 4, 3)),
    "mastercard": (("51", "53", "55"), 16, (4, 4, 4, 4)),
    "mastercard2": (("2221", "2500", "2719"), 16, (4, 4, 4, 4)),
    "amex": (("34", "37"), 15, (4, 6, 5)),
    "discover": (("6011", "65"), 16, (4, 4, 4, 4)),
    "diners": (("36", "38"), 14, (4, 6, 4)),
    "jcb": (("3528", "3589"), 16, (4, 4, 4, 4)),
    "unionpay": (("62",), 16, (4, 4, 4, 4)),
    "unionpay19": (("62",), 19, (6, 13)),
    "maestro": (("5018", "6304"), 16, (4, 4, 4, 4)),
}
"""Issuer -> beginnings, length, groups."""
IBANS: dict[str, str] = {
    "DE": "18n", "FR": "10n11c2n", "GB": "4a14n", "ES": "20n", "IT": "1a10n12c", "NL": "4a10n", "BE": "12n",
    "AT": "16n", "CH": "5n12c", "PT": "21n", "PL": "24n", "SE": "20n", "NO": "11n", "DK": "14n", "FI": "14n",
    "IE": "4a14n", "LU": "3n13c", "CZ": "20n", "SK": "20n", "HU": "24n", "RO": "4a16c", "GR": "7n16c", "HR": "17n",
    "BG": "4a6n8c", "LT": "16n", "LV": "4a13c", "EE": "16n", "SI": "15n", "MT": "4a5n18c", "CY": "8n16c",
    "TR": "6n16c", "AE": "19n", "SA": "2n18c",
}  # fmt: skip
"""Country -> how its account part is built: digits, capital letters, either."""
_ALPHABETS = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}
_NAMES = ("ines", "t.okafor", "lea_m", "j-p.roy", "o'brien", "kim.lee", "max.muster", "a.b.c", "nora", "wu99")
_TAGS = ("", "", "+shop", "+returns-2", ".1987")
_DOMAINS = (
    "example.com",
    "mail.example.org",
    "example.co.uk",
    "post.example.travel",
    "my-firm.example.net",
    "x1.example.de",
    "example.photography",
    "a.b.example.com.br",
    "xn--bcher-kva.example.com",
)
_DIGITS = {"X": "0123456789", "N": "23456789", "P": "012345678"}


def phone(mask: str, dice: random.Random) -> str:
    """A number of the given form."""
    return "".join(dice.choice(_DIGITS[c]) if c in _DIGITS else c for c in mask)


def card(issuer: str, dice: random.Random) -> str:
    """Its digits, the last one by Luhn."""
    beginnings, length, _ = CARDS[issuer]
    body = dice.choice(beginnings)
    body += "".join(dice.choices(string.digits, k=length - len(body) - 1))
    return body + luhn_digit(body)


def luhn_digit(body: str) -> str:
    """The digit that makes ``body`` pass."""
    doubled = [int(c) * (2 if i % 2 == 0 else 1) for i, c in enumerate(reversed(body))]
    return str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def in_groups(digits: str, sizes: tuple[int, ...], separator: str) -> str:
    """As it is printed on a card."""
    groups, at = [], 0
    for size in sizes:
        groups.append(digits[at : at + size])
        at += size
    return separator.join(groups)


def iban(country: str, dice: random.Random) -> str:
    """Without blanks, its check digits by ISO 7064."""
    account, size = "", ""
    for c in IBANS[country]:
        if c.isdigit():
            size += c
        else:
            account += "".join(dice.choices(_ALPHABETS[c], k=int(size)))
            size = ""
    number = int("".join(str(int(c, 36)) for c in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"


def ssn(dice: random.Random) -> str:
    """By the rules: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    area = dice.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03d}-{dice.randint(1, 99):02d}-{dice.randint(1, 9999):04d}"


def email(dice: random.Random) -> str:
    """Valid, at a domain that is nobody's."""
    return f"{dice.choice(_NAMES)}{dice.choice(_TAGS)}@{dice.choice(_DOMAINS)}"
