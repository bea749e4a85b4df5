"""Numbers and words in messages that look like personal data and are none: what a shop sees every day."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable, Iterator

from metta_local.bench.heldout_values import card, iban

_FRAMES = (
    "{}",
    "What does {} mean?",
    "It says {} on the box.",
    "{} is what I see in the app, is that right?",
    "Hello, about {}: any news?",
)
_EACH = 12


def lookalikes(dice: random.Random) -> Iterator[tuple[str, str]]:
    """Texts with the kind of each; a dozen of every kind."""
    for kind, make in _KINDS.items():
        for _ in range(_EACH):
            yield dice.choice(_FRAMES).format(make(dice)), kind


def _digits(dice: random.Random, count: int) -> str:
    return dice.choice("123456789") + "".join(dice.choices(string.digits, k=count - 1))


def _capitals(dice: random.Random, count: int) -> str:
    return "".join(dice.choices(string.ascii_uppercase, k=count))


def _order(dice: random.Random) -> str:
    return dice.choice(
        (
            f"order {_digits(dice, 10)}",
            f"order no. {_digits(dice, 3)}-{_digits(dice, 7)}-{_digits(dice, 7)}",
            f"S{_digits(dice, 5)}",
            f"purchase order {_digits(dice, 16)}",
            f"Bestellnummer {_digits(dice, 12)}",
        )
    )


def _tracking(dice: random.Random) -> str:
    return dice.choice(
        (
            f"tracking number 1Z{_capitals(dice, 3)}{_digits(dice, 13)}",
            f"parcel {_digits(dice, 14)}",
            f"tracking {' '.join(_digits(dice, 4) for _ in range(5))} 21",
            f"shipment LX{_digits(dice, 9)}DE",
        )
    )


def _invoice(dice: random.Random) -> str:
    return dice.choice(
        (
            f"invoice 2024-{_digits(dice, 6)}",
            f"INV/2024/{_digits(dice, 5)}",
            f"credit note {_digits(dice, 9)}",
            f"ticket #{_digits(dice, 8)}",
            f"case {_digits(dice, 4)}-{_digits(dice, 4)}",
        )
    )


def _date(dice: random.Random) -> str:
    day, month, year = dice.randint(1, 28), dice.randint(1, 12), dice.randint(1990, 2026)
    return dice.choice(
        (
            f"{day:02d}-{month:02d}-{year}",
            f"{day:02d}.{month:02d}.{year}",
            f"{year}-{month:02d}-{day:02d} 14:{day:02d}:09",
            f"{year}{month:02d}{day:02d}",
            f"{day:02d}/{month:02d}/{year} - {day:02d}/{month:02d}/{year + 1}",
        )
    )


def _measure(dice: random.Random) -> str:
    return dice.choice(
        (
            f"{dice.randint(100, 900)} x {dice.randint(100, 900)} x {dice.randint(100, 900)} mm",
            f"EUR {dice.randint(1, 9)}.{_digits(dice, 3)}.{_digits(dice, 3)},00",
            f"${_digits(dice, 3)},{_digits(dice, 3)}.99",
            f"{_digits(dice, 2)}.{_digits(dice, 4)}, {_digits(dice, 1)}.{_digits(dice, 4)}",
            f"Mon-Fri 09:00-18:{dice.randint(10, 59)}",
        )
    )


def _version(dice: random.Random) -> str:
    return dice.choice(
        (
            f"version {dice.randint(1, 20)}.{dice.randint(0, 20)}.{_digits(dice, 4)}.{_digits(dice, 3)}",
            f"192.168.{dice.randint(0, 255)}.{dice.randint(0, 255)}",
            f"build {_digits(dice, 8)}",
            f"error 0x{dice.getrandbits(32):08X}",
            f"@shopwell/cart@{dice.randint(1, 9)}.{dice.randint(0, 9)}.{dice.randint(0, 9)}",
        )
    )


def _masked(dice: random.Random) -> str:
    return dice.choice(
        (
            f"card ending {_digits(dice, 4)}",
            f"•••• •••• •••• {_digits(dice, 4)}",
            f"XXXX-XXXX-XXXX-{_digits(dice, 4)}",
            f"phone *** *** {_digits(dice, 3)}",
            f"n***{_capitals(dice, 1).lower()}@e*****e.com",
            f"SSN ***-**-{_digits(dice, 4)}",
            f"DE** **** **** **** **{_digits(dice, 2)}",
        )
    )


def _article(dice: random.Random) -> str:
    return dice.choice(
        (
            f"SKU {_capitals(dice, 3)}-{_digits(dice, 4)}-{_digits(dice, 3)}",
            f"EAN {_digits(dice, 13)}",
            f"IMEI {_digits(dice, 15)}",
            f"serial number {_capitals(dice, 2)}{_digits(dice, 10)}",
            f"ISBN 978-3-{_digits(dice, 3)}-{_digits(dice, 5)}-{_digits(dice, 1)}",
        )
    )


def _uuid(dice: random.Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))


def _wrong_check(dice: random.Random) -> str:
    """What fails its checksum or its rules."""
    number = card("visa", dice)
    account = iban("DE", dice)
    return dice.choice(
        (
            f"reference {number[:-1]}{(int(number[-1]) + 3) % 10}",
            f"code {account[:-1]}{(int(account[-1]) + 3) % 10}",
            f"form 000-{_digits(dice, 2)}-{_digits(dice, 4)}",
            f"part 9{_digits(dice, 2)}-{_digits(dice, 2)}-0000",
        )
    )


def _talk(dice: random.Random) -> str:
    return dice.choice(
        (
            "@ringtel at 5 dot, I mean sharp",
            "meet me at the dot on the map",
            "one two three four, testing",
            "look at example dot by dot",
            "my e-mail does not work",
            "the phone number on your page is missing a digit",
            "is my IBAN needed for the refund",
            "I have two cards and three accounts",
            "nine of ten parcels, four of five stars",
            "four by four, two by six",
            "the @ key on my keyboard is broken",
            "I am at work until five",
        )
    )


_KINDS: dict[str, Callable[[random.Random], str]] = {
    "order": _order,
    "tracking": _tracking,
    "invoice": _invoice,
    "date": _date,
    "measure": _measure,
    "version": _version,
    "masked": _masked,
    "article": _article,
    "uuid": _uuid,
    "wrong check": _wrong_check,
    "talk": _talk,
}
