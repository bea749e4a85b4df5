"""Writes ``heldout/pii.jsonl``: personal data in messages, in disguise, and numbers that only look like it.

Seeded; run as ``python -m metta_local.bench.heldout_pii``. Sentences and forms are others than those of the data that
the guardrails were made with.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from metta_local.bench.guardrails_rows import HELD_OUT
from metta_local.bench.heldout_lookalikes import lookalikes
from metta_local.bench.heldout_mixed import mixed
from metta_local.bench.heldout_values import CARDS, IBANS, PHONES, card, email, iban, in_groups, phone, ssn

_SEED = 2024
_SENTENCES: dict[str, tuple[str, ...]] = {
    "EMAIL": (
        "You can reach me under {}.",
        "The receipt goes to {} please",
        "new address: {}, the old one is closed",
        "Ist {} bei Ihnen hinterlegt?",
        "Escribidme a {} cuando salga",
        "{} - that's my partner, put her in copy",
        "I registered as <{}> last year",
    ),
    "PHONE": (
        "Ring me on {} after six.",
        "The driver may call {}, the bell is broken",
        "mobile {}",
        "Mon numéro : {}, merci de rappeler",
        "Bitte um Rückruf unter {}.",
        "Is {} still the number you have for us?",
        "whatsapp works too: {}",
    ),
    "SSN": (
        "They want my social security number, it's {}.",
        "SSN {} for the credit check",
        "social: {}",
        "I typed {} as my SSN and the form froze",
    ),
    "CARD": (
        "I paid with {} and was charged twice.",
        "Take it off my credit card {} please",
        "card no. {}, is it declined on your side?",
        "Meine Kreditkarte {} geht nicht",
        "new card: {}",
    ),
    "IBAN": (
        "Please refund to {}.",
        "My account is {} as on the form",
        "Bankverbindung: {}, danke",
        "Voici mon IBAN {}",
        "transfer it to {} and tell me when",
    ),
}
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS_ONLY: dict[str, Callable[[str], str]] = {
    "words": lambda digits: " ".join(_WORDS[int(c)] for c in digits),
    "words, oh": lambda digits: " ".join("oh" if c == "0" else _WORDS[int(c)] for c in digits),
    "words, commas": lambda digits: ", ".join(_WORDS[int(c)] for c in digits),
}
_SEPARATED: dict[str, Callable[[str], str]] = {
    "underscores": lambda text: text.replace(" ", "_").replace("-", "_"),
    "unicode dash": lambda text: text.replace(" ", "\u2011").replace("-", "\u2013"),
    "nbsp": lambda text: text.replace(" ", "\u00a0").replace("-", "\u202f"),
    "fullwidth": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text),
    "arabic digits": lambda text: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in text),
    "zero-width": lambda text: "\u200b".join(text),
    "slashes": lambda text: text.replace(" ", "/").replace("-", "/"),
    "dots": lambda text: text.replace(" ", ".").replace("-", "."),
    "wide spaces": lambda text: text.replace(" ", "  ").replace("-", "  "),
}
_EMAIL_HIDDEN: dict[str, Callable[[str], str]] = {
    "at dot": lambda text: text.replace("@", " at ").replace(".", " dot "),
    "AT DOT": lambda text: text.replace("@", " AT ").replace(".", " DOT "),
    "(at) (dot)": lambda text: text.replace("@", "(at)").replace(".", "(dot)"),
    "[at] [.]": lambda text: text.replace("@", " [at] ").replace(".", "[.]"),
    "blanks": lambda text: text.replace("@", " @ ").replace(".", " . "),
    "fullwidth at": lambda text: text.replace("@", "\uff20"),
    "zero-width": lambda text: "\u200b".join(text),
    "arobase": lambda text: text.replace("@", " arobase ").replace(".", " point "),
}
_HIDDEN_EMAILS = ("ines.rey@example.com", "nora@example.org", "tom.b@example.net", "wu99@example.co.uk")


def rows(seed: int = _SEED) -> Iterator[dict[str, Any]]:
    """All rows, the same for the same seed."""
    dice = random.Random(seed)
    for type_, form, value in [*_plain(dice), *_hidden(dice)]:
        before, after = dice.choice(_SENTENCES[type_]).split("{}")
        span = {"start": len(before), "end": len(before) + len(value), "type": type_}
        yield _row(f"{before}{value}{after}", f"{type_}:{form}", [span])
    yield from (_row(text, kind, spans) for text, kind, spans in mixed(dice))
    for text, kind in lookalikes(dice):
        yield _row(text, f"neg:{kind}", [])


def _plain(dice: random.Random) -> Iterator[tuple[str, str, str]]:
    for country, masks in PHONES.items():
        for mask in masks:
            yield "PHONE", country, phone(mask, dice)
    for tail in (" ext. 214", " ext 7", " x3301", " extension 55"):
        yield "PHONE", "extension", phone("(NPN) NXX-XXXX", dice) + tail
        yield "PHONE", "extension", phone("+44 20 7NXX XXXX", dice) + tail
    for issuer, (_, _, sizes) in CARDS.items():
        for separator in ("", " ", "-"):
            yield "CARD", issuer, in_groups(card(issuer, dice), sizes, separator)
    for country in IBANS:
        whole = iban(country, dice)
        yield "IBAN", country, whole
        yield "IBAN", country, " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))
    for _ in range(24):
        number = ssn(dice)
        yield "SSN", "dashes", number
        yield "SSN", "spaces", number.replace("-", " ")
    for _ in range(60):
        yield "EMAIL", "odd", email(dice)


def _hidden(dice: random.Random) -> Iterator[tuple[str, str, str]]:
    for name, hide in _EMAIL_HIDDEN.items():
        for address in _HIDDEN_EMAILS:
            yield "EMAIL", f"disguised:{name}", hide(address)
    for name, hide in (*_SEPARATED.items(), *_DIGITS_ONLY.items()):
        values = [
            ("PHONE", phone("NPN-NXX-XXXX", dice)),
            ("PHONE", phone("+44 7NXX XXX XXX", dice)),
            ("CARD", in_groups(card("visa", dice), (4, 4, 4, 4), " ")),
            ("CARD", in_groups(card("amex", dice), (4, 6, 5), " ")),
            ("SSN", ssn(dice)),
        ]
        for type_, value in values:
            given = "".join(filter(str.isdigit, value)) if name in _DIGITS_ONLY else value
            yield type_, f"disguised:{name}", hide(given)


def _row(text: str, kind: str, spans: list[dict[str, Any]]) -> dict[str, Any]:
    source = "heldout_hidden_data" if ":disguised" in kind else "heldout_data" if spans else "heldout_numbers"
    return {
        "id": f"{source}:{hashlib.sha256(f'{kind}{text}'.encode()).hexdigest()[:12]}",
        "text": text,
        "label": 1 if spans else 0,
        "source": source,
        "lang": "en",
        "kind": kind,
        "licence": "CC0",
        "spans": spans,
    }


def write(folder: Path = HELD_OUT) -> None:
    """Write the file anew."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows()]
    (folder / "pii.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
