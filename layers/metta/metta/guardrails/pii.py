"""Finds personal data: e-mail addresses, phone numbers, US social security numbers, payment cards, IBANs.

Every candidate is found by one bounded pattern and then judged by arithmetic and by the words before it, so that order,
tracking and part numbers, dates, prices and masked numbers are left alone. Works on the normalised view.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from metta.guardrails import phones
from metta.guardrails.emails import find_emails
from metta.guardrails.normalise import View
from metta.guardrails.numbers import IBAN_LENGTHS, is_card, is_iban, is_ssn, lengths_from
from metta.guardrails.spelled import spelled_numbers


class Found(NamedTuple):
    """Personal data in the view's text."""

    kind: str
    start: int
    end: int
    score: float
    value: str
    """Comparable form: digits, or the address in lower case."""


MASKS = {"EMAIL": "[EMAIL]", "PHONE": "[PHONE]", "SSN": "[SSN]", "CARD": "[CARD]", "IBAN": "[IBAN]"}

_CANDIDATE = re.compile(
    r"(?<![\w.,$€£¥#])(?<![\w][-/_])(?:\+ ?|\( ?)?\d(?:(?:[ \t]{0,2}[-./()\u00b7,_*|]{0,2}[ \t(]{0,2}|\n)\d)*+"
)
_RUN = re.compile(r"\d+")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ .\-]?\d(?:[ .\-]{0,2}[A-Za-z0-9]){11,34}+")
_DATE = re.compile(
    r"(?:\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2\d{4}|\d{1,2}([-./])\d{1,2}\3\d{2}(?!\d))(?!\d|[-./]\d)"
)
_BEFORE = 48
"""How many characters before a number can say what it is."""

_IS_CODE = re.compile(
    r"\b(?:order|orders|bestell\w{0,8}|auftrag\w{0,8}|pedido|commande|ordine|encomenda|bestelling|purchase|tracking|track|"
    r"sendung\w{0,8}|seguimiento|suivi|spedizione|rastreio|invoice|rechnung\w{0,8}|factura|facture|fattura|fatura|factuur|"
    r"ticket|case|ref|reference|referenz|referencia|booking|reservation|confirmation|isbn\w{0,3}|ean|gtin|upc|asin|imei|"
    r"serial\w{0,6}|seriennummer|sku|item|part|parts|artikel\w{0,8}|model|usps|ups|dhl|fedex|gls|dpd|hermes|parcel|shipment|"
    r"package|meter|reading|trace|commit|session|id|transaction|batch|version|build|ip|error|barcode|voucher|coupon|"
    r"policy|claim|member|customer|client|user|kundennummer|vat|ust|ein)\b"
)
_IS_CARD = re.compile(
    r"\b(?:card|cards|visa|mastercard|amex|maestro|cc|credit|debit|karte|kreditkarte|tarjeta|carte|carta|cartao|"
    r"kaart|creditcard|charge|charged?|pan|paid with|refund to|refunded to)\b"
)
_IS_SSN = re.compile(r"\b(?:ssn|social|social security|socialsecurity|soc sec|tax id|tin|itin)\b")
_MASKED = re.compile(
    r"[*x•#]{2,}[ \-]?$|\b(?:ending|ends|ended|last|endet|termina\w{0,4}|finissant)(?: \w{1,6}){0,3} ?$"
)


class _Number(NamedTuple):
    """A stretch of digits and separators in the view."""

    start: int
    end: int
    text: str
    runs: tuple[tuple[int, int, str], ...]
    """Start and end in the view, and the digits."""

    @property
    def digits(self) -> str:
        return "".join(run[2] for run in self.runs)

    @property
    def separators(self) -> list[str]:
        return [part.strip() for part in _RUN.split(self.text)[1:-1]]


def _last(pattern: re.Pattern[str], text: str) -> int:
    end = -1
    for match in pattern.finditer(text):
        end = match.end()
    return end


def _numbers(view: View) -> Iterator[_Number]:
    text = view.text
    for match in _CANDIDATE.finditer(text):
        if match.end() - match.start() < 7:
            continue
        runs = tuple(
            (match.start() + r.start(), match.start() + r.end(), r.group()) for r in _RUN.finditer(match.group())
        )
        if sum(len(run[2]) for run in runs) >= 7:
            yield _Number(match.start(), match.end(), match.group(), runs)
    yield from (_Number(start, end, digits, ((start, end, digits),)) for start, end, digits in spelled_numbers(view))


def _cards(number: _Number, before: str, *, whole: bool) -> Iterator[Found]:
    """Windows of whole digit groups that are card numbers; longest first, none overlapping."""
    code, card = _last(_IS_CODE, before), _last(_IS_CARD, before)
    if code > card or number.text[0] == "+":
        return
    runs, digits, between = number.runs, number.digits, number.separators
    offsets = [0, *accumulate(len(run[2]) for run in runs)]
    at = 0
    while at < len(runs):
        taken = 0
        for length in lengths_from(digits[offsets[at] : offsets[at] + 2]):
            to = bisect_left(offsets, offsets[at] + length) - 1
            if to >= len(runs) or offsets[to + 1] != offsets[at] + length:
                continue
            window = digits[offsets[at] : offsets[to + 1]]
            if not is_card(window) or (card < 0 and len(set(between[at:to])) > 1):
                continue
            if card >= 0 or whole or _stands_alone(window, to - at + 1):
                yield Found("CARD", runs[at][0], runs[to][1], 0.99 if card >= 0 else 0.9, window)
                taken = to - at + 1
                break
        at += taken or 1


def _stands_alone(digits: str, groups: int) -> bool:
    """Whether a number without any word about cards is one: 13 digits are as likely an article number."""
    return len(digits) >= 14 or groups >= 3


def _ssn(number: _Number, before: str, after: str) -> Found | None:
    digits = number.digits
    shape = tuple(len(run[2]) for run in number.runs)
    if shape not in ((3, 2, 4), (9,)) or not is_ssn(digits):
        return None
    said, code = max(_last(_IS_SSN, before), 0 if _IS_SSN.search(after) else -1), _last(_IS_CODE, before)
    if said < 0 and (shape == (9,) or code >= 0 or "-" not in number.text):
        return None
    if code > said:
        return None
    return Found("SSN", number.runs[0][0], number.runs[-1][1], 0.99 if said >= 0 else 0.85, digits)


def _ibans(view: View) -> Iterator[Found]:
    for match in _IBAN.finditer(view.text):
        places = [match.start() + i for i, char in enumerate(match.group()) if char.isalnum()]
        characters = "".join(view.text[i] for i in places).upper()
        length = IBAN_LENGTHS.get(characters[:2], 0)
        if length and len(places) >= length and is_iban(characters[:length]):
            yield Found("IBAN", places[0], places[length - 1] + 1, 0.99, characters[:length])


def _overlaps(found: list[Found], start: int, end: int) -> bool:
    return any(f.start < end and start < f.end for f in found)


def find_pii(view: View) -> list[Found]:
    """All personal data in the view's text, by place, none overlapping."""
    found: list[Found] = []
    folded = view.folded
    if "@" in folded or " at " in folded or "(at" in folded or "[at" in folded or "{at" in folded:
        found += [Found("EMAIL", start, end, score, value) for start, end, score, value in find_emails(view)]
    has_digits = _RUN.search(folded) is not None
    if has_digits:
        found += _ibans(view)
    taken = len(found)
    for number in _numbers(view):
        if taken and _overlaps(found[:taken], number.start, number.end):
            continue
        before = folded[max(0, number.start - _BEFORE) : number.start]
        after = folded[number.end : number.end + 24]
        alone = number.start < _BEFORE and len(folded) - number.end < _BEFORE
        whole = alone and not before.strip() and not folded[number.end :].strip(" .!?")
        cards = list(_cards(number, before, whole=whole)) if len(number.digits) >= 12 else []
        if cards:
            found += cards
            continue
        if ssn := _ssn(number, before, after):
            found.append(ssn)
            continue
        if _MASKED.search(before) or _DATE.match(number.text.lstrip("(")):
            continue
        code = _last(_IS_CODE, before)
        if score := phones.judge(number.text, number.runs, before, after, code=code, whole=whole):
            end = number.end + phones.extension(after)
            found.append(Found("PHONE", number.start, end, score, number.digits))
    found.sort(key=lambda f: f.start)
    return found
