"""Messages with several pieces of personal data beside numbers that are none, as people sign, quote and correct."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from metta_local.bench.heldout_values import CARDS, IBANS, PHONES, card, email, iban, in_groups, phone, ssn

_EACH = 5
_HOLE = re.compile(r"\{(EMAIL|PHONE|SSN|CARD|IBAN|ORDER|PARCEL|DATE|AMOUNT)\}")
_MESSAGES = (
    "Order {ORDER} of {DATE}, {AMOUNT}: nothing yet.\n\nI. Rey\n{PHONE}\n{EMAIL}",
    "{PHONE} or {PHONE}",
    "not {EMAIL} but {EMAIL}!",
    "parcel {PARCEL} / {PHONE} / {DATE}",
    "{CARD} {DATE} {AMOUNT}",
    "Refund of {AMOUNT} for {ORDER} to {IBAN}, not to {CARD}",
    "> On {DATE} you wrote: what is your number?\n{PHONE}, and the order is {ORDER}",
    "name: J. Roy; mail: {EMAIL}; tel: {PHONE}; order: {ORDER}; paid: {AMOUNT}",
    "{EMAIL},{EMAIL},{EMAIL}",
    "({PHONE})",
    "my details as asked: {SSN}, {CARD}, {PHONE}. Please confirm by {DATE}",
    "{IBAN}\n{AMOUNT}\n{ORDER}",
    "Ref.{ORDER} {PHONE}",
    "ship to flat 4, 221 Mill Road, 90210; call {PHONE} when 2 minutes away",
    "mailto:{EMAIL}?subject={ORDER}",
    "the driver ({PHONE}) said parcel {PARCEL} is 12.5 kg, 60x40x40",
)


def mixed(dice: random.Random) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Texts with kind and spans; each message several times with other data."""
    for message in _MESSAGES:
        for _ in range(_EACH):
            yield _filled(message, dice)


def _filled(message: str, dice: random.Random) -> tuple[str, str, list[dict[str, Any]]]:
    text, done, spans = "", 0, []
    for hole in _HOLE.finditer(message):
        text += message[done : hole.start()]
        value = _VALUES[hole.group(1)](dice)
        if hole.group(1) in _PERSONAL:
            spans.append({"start": len(text), "end": len(text) + len(value), "type": hole.group(1)})
        text += value
        done = hole.end()
    return text + message[done:], "mixed", spans


def _phone(dice: random.Random) -> str:
    return phone(dice.choice(PHONES[dice.choice(list(PHONES))]), dice)


def _card(dice: random.Random) -> str:
    issuer = dice.choice(list(CARDS))
    return in_groups(card(issuer, dice), CARDS[issuer][2], dice.choice(("", " ", "-")))


def _iban(dice: random.Random) -> str:
    return iban(dice.choice(list(IBANS)), dice)


def _order(dice: random.Random) -> str:
    return dice.choice((f"S{dice.randint(10000, 99999)}", f"#{dice.randint(10**6, 10**7)}"))


def _parcel(dice: random.Random) -> str:
    return f"{dice.randint(10**13, 10**14 - 1)}"


def _date(dice: random.Random) -> str:
    return f"{dice.randint(1, 28):02d}-{dice.randint(1, 12):02d}-{dice.randint(2019, 2026)}"


def _amount(dice: random.Random) -> str:
    return f"{dice.randint(1, 1999)},{dice.randint(10, 99)} EUR"


_PERSONAL: dict[str, Callable[[random.Random], str]] = {
    "EMAIL": email,
    "PHONE": _phone,
    "SSN": ssn,
    "CARD": _card,
    "IBAN": _iban,
}
_VALUES = {**_PERSONAL, "ORDER": _order, "PARCEL": _parcel, "DATE": _date, "AMOUNT": _amount}
