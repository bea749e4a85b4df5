"""Finds personal data: e-mail addresses, phone numbers, US social security numbers, payment cards, IBANs.

Every stretch of digits is found by one bounded pattern and then judged by arithmetic, by its form and by the words
around it, so that order, tracking and part numbers, dates, prices and masked numbers are left alone. Works on the
normalised view.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from metta.guardrails import glance, phones
from metta.guardrails.called import BEFORE, BEHIND, around, called
from metta.guardrails.cards import find_cards
from metta.guardrails.emails import find_emails
from metta.guardrails.encoded import SHORTEST, decoded_texts
from metta.guardrails.found import Found
from metta.guardrails.ibans import find_ibans
from metta.guardrails.naming import (
    CODE,
    PHONE,
    SSN,
    Named,
    named_before,
)
from metta.guardrails.normalise import View
from metta.guardrails.numbers import is_ssn
from metta.guardrails.parted import find_parted
from metta.guardrails.patterns import regex
from metta.guardrails.several import explained, goes_on, is_compound, read_several
from metta.guardrails.spelled import lettered_numbers, spelled_numbers, unspaced_numbers
from metta.guardrails.stretches import DATE, LEAST, LISTING, MANY, PARTING, RUN, STRETCH, Number, read, split, undated
from metta.guardrails.strewn import LEAST as CARD_LEAST
from metta.guardrails.strewn import SSN_DIGITS, find_formed_ssns, find_strewn
from metta.guardrails.wordings import in_words, lettered

__all__ = ["MASKS", "Found", "find_pii"]

MASKS = {"EMAIL": "[EMAIL]", "PHONE": "[PHONE]", "SSN": "[SSN]", "CARD": "[CARD]", "IBAN": "[IBAN]"}

_NATIONAL = 9
"""Digits that a number in a list has at least when what stands beside it is too short to be one."""
_MASKED = regex(r"[*x•#]{2,}[ \-]?$")
_BACKWARDS = frozenset(("backwards", "backward", "ruckwarts", "reves", "envers", "rovescio", "achterstevoren"))
_TURNED = frozenset(("EMAIL", "CARD", "IBAN"))
_LINE = regex(r"\n")


def _ssn(number: Number, named: Named) -> Found | None:
    digits = number.digits
    if len(digits) != 9 or not is_ssn(digits) or named.kind == CODE or number.text[0] == "+":
        return None
    said = named.kind == SSN
    if not said:
        shape = tuple([len(run[2]) for run in number.runs])
        gaps = {g.strip() for g in RUN.split(number.text)[1:-1]}
        if shape != (3, 2, 4) or len(gaps) != 1 or (named.kind == PHONE and named.gap <= 1):
            return None
    return Found("SSN", number.runs[0][0], number.runs[-1][1], 0.99 if said else 0.85, digits)


def _judged(view: View, number: Number, told: int) -> Iterable[Found]:
    """What a stretch is; words before ``told``, the end of the address in front of it, say nothing of it."""
    folded = view.folded
    before, after = folded[max(told, number.start - BEFORE) : number.start], folded[number.end : number.end + BEHIND]
    named = called(before, after)
    alone = number.start < BEFORE and len(folded) - number.end < BEHIND
    whole = alone and not told and not before.strip() and not after.strip(" .!?")
    listed = named.kind == CODE and goes_on(before, number)
    if not listed and not is_compound(number):
        return _as_one(view, number, named, before, whole=whole)
    known, several = 0, list[Found]()
    for part in split(number, _LINE) if len(number.runs) > MANY else (number,):
        if len(part.runs) <= MANY:
            digits, values = _several(folded, part, named, (before, after), listed=listed)
            known += digits
            several += values
    found = list(_as_one(view, number, named, before, whole=whole)) if known < number.size else []
    return several if known > explained(found) else found


def _as_one(view: View, number: Number, named: Named, before: str, *, whole: bool) -> Iterator[Found]:
    """What the stretch is when it is one value, or a list of values of the same sort."""
    folded = view.folded
    if named.kind == CODE and number.text[0] != "+":
        for part in split(number, _LINE)[1:] if "\n" in number.text else ():
            yield from _judged(view, part, part.start)
        return
    if number.text[0] != "+" and number.size >= 12:
        cards = list(find_cards(number, named.kind, whole=whole))
        if cards:
            yield from cards
            return
    if len(number.runs) > MANY:
        yield from _table(number, named)
        return
    if found := _ssn(number, named):
        yield found
        return
    if _MASKED.search(before[-4:]):
        return
    rest = undated(number)
    if rest is not None:
        yield from _phones(folded, rest, named, whole=whole)


def _several(
    folded: str, number: Number, named: Named, around: tuple[str, str], *, listed: bool
) -> tuple[int, list[Found]]:
    masked = _MASKED.search(around[0][-4:]) is not None

    def phone(part: Number, called: Named) -> Found | None:
        if masked and part.start == number.start:
            return None
        return next(_phone(folded, part, called, whole=False), None)

    return read_several(number, named, phone, money=phones.is_money(*around), listed=listed)


def _table(number: Number, named: Named) -> Iterator[Found]:
    """The numbers of a long list, all judged by what the words before the list say."""
    alike = named._replace(gap=max(named.gap, 3))
    for part in split(number, LISTING):
        if part.size < LEAST or len(part.runs) > MANY:
            continue
        if found := _ssn(part, named):
            yield found
        elif score := phones.judge(part.text, part.runs, "", "", named=alike, whole=False):
            yield Found("PHONE", part.start, part.end, score, part.digits)


def _phones(folded: str, number: Number, named: Named, *, whole: bool) -> Iterator[Found]:
    """The phone number, or those of a list; a list of short parts is looked at as one number first."""
    parts = split(number, LISTING)
    longest = max(parts, key=_size)
    if len(parts) > 1 and longest.size >= _NATIONAL and all(part is longest or part.size < LEAST for part in parts):
        found = list(_phone(folded, longest, named, whole=False))
        if found:
            yield from found
            return
    parts = split(number, PARTING)
    if len(parts) == 1 or any(part.size < LEAST for part in parts):
        found = list(_phone(folded, number, named, whole=whole))
        if found or len(parts) == 1:
            yield from found
            return
    for part in parts:
        rest = undated(part)
        if rest is not None:
            yield from _phone(folded, rest, named, whole=False)


def _size(number: Number) -> int:
    return number.size


def _phone(folded: str, number: Number, named: Named, *, whole: bool) -> Iterator[Found]:
    before, after = around(folded, number.start, number.end)
    more = phones.extension(after)
    if not more and after[:1].isalpha() and after[:1] < "\u0250" and named.kind != PHONE:
        return
    score = phones.judge(number.text, number.runs, before, after, named=named, whole=whole)
    if score:
        yield Found("PHONE", number.start, number.end + more, score, number.digits)


def _is_free(found: list[Found], start: int, end: int) -> bool:
    """Whether nothing in a list that is sorted by place lies there."""
    at = bisect_left(found, end, key=_start)
    return at == 0 or found[at - 1].end <= start


def _start(found: Found) -> int:
    return found.start


def find_pii(view: View) -> list[Found]:
    """All personal data in the view's text, by place, none overlapping."""
    found = _straight(view)
    if view.words.isdisjoint(_BACKWARDS):
        return found
    return _merged(found, [*_turned(view)])


def _turned(view: View) -> Iterator[Found]:
    """Addresses, cards and IBANs that are written backwards, as the text says."""
    turned = View(view.text[::-1])
    size = len(view.text)
    for found in _straight(turned) if len(turned.text) == size else ():
        start, end = size - found.end, size - found.start
        if found.kind in _TURNED and named_before(view.folded[max(0, start - BEFORE) : start]).kind != CODE:
            yield Found(found.kind, start, end, found.score, found.value)


def _straight(view: View) -> list[Found]:
    text = view.text
    found: list[Found] = [Found("EMAIL", *place) for place in find_emails(view)]
    raw = view.octets
    digits = glance.digits(raw)
    if digits:
        places = [*find_ibans(text)] if digits > 1 else []
        for number in lettered_numbers(view):
            places += lettered(view, number)
        if places:
            found = _merged(found, places)
    told = found
    if digits >= SSN_DIGITS and (strewn := [*find_formed_ssns(text, view.folded)]):
        found = _merged(found, strewn)
    if digits >= CARD_LEAST and (strewn := [*find_strewn(text, view.folded)]):
        found = _merged(found, strewn)
    if digits >= LEAST and (parted := [*find_parted(text, view.folded)]):
        found = _merged(found, parted)
    if digits >= LEAST:
        numbers: list[Found] = []
        plain = _without(text, found) if found else text
        for match in STRETCH.finditer(plain):
            start, end = match.span()
            date = DATE.match(text, start)
            if date is None or date.end() != end:
                numbers += _judged(view, read(text, start, end), _told(told, start) if told else 0)
        if numbers:
            found = _merged(found, numbers) if found else numbers
    spelled = [place for number in spelled_numbers(view) for place in in_words(view, number)]
    if spelled:
        found = _merged(found, spelled)
    may_hide = glance.has_code(raw, SHORTEST) or digits >= SSN_DIGITS
    if not may_hide and text.isascii():
        return found
    unspaced = [place for number in unspaced_numbers(view, raw) for place in in_words(view, number)]
    encoded = [place for start, end, plain in decoded_texts(text) for place in _encoded(plain, start, end)]
    return _merged(encoded, _merged(found, unspaced)) if encoded or unspaced else found


def _encoded(plain: str, start: int, end: int) -> Iterator[Found]:
    """The first value in a text that was encoded, a phone number if it is all of it; it stands for the whole."""
    for found in _straight(View(plain)):
        if found.kind != "PHONE" or found.end - found.start + 2 >= len(plain):
            yield Found(found.kind, start, end, found.score, found.value)
            return


def _told(found: list[Found], start: int) -> int:
    """Where the last of the places before one ends."""
    at = bisect_left(found, start, key=_start)
    return found[at - 1].end if at else 0


def _without(text: str, found: list[Found]) -> str:
    """The text with a sign that no number contains in all the places, so that none goes on into the next number."""
    parts: list[str] = []
    at = 0
    for place in found:
        parts += (text[at : place.start], "<" * (place.end - place.start))
        at = place.end
    return "".join((*parts, text[at:]))


def _merged(found: list[Found], more: list[Found]) -> list[Found]:
    """Both lists by place; of two that overlap the one found first is kept."""
    found = sorted(found, key=_start)
    kept = [place for place in more if _is_free(found, place.start, place.end)]
    return sorted(found + kept, key=_start)
