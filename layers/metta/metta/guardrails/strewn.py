"""Finds cards and SSNs that the words in front deny, and cards with markup, brackets, signs or words between groups.

``pii`` asks after nothing but the digits first: groups of a usual issuer's card, or any valid number with talk about
cards behind it, are a card even after "order no.".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from metta.guardrails.found import Found
from metta.guardrails.naming import CARD, CODE, PHONE, SSN, is_part_number, named_before, speaks_of_card
from metta.guardrails.numbers import is_card, is_ssn, lengths_from
from metta.guardrails.patterns import regex

_RUN = regex(r"[0-9]+")
_SSN = regex(r"(?<![^\W_])(?<![0-9_\-][.\-])(?<![_\-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![^\W_]|[.\-][0-9])")
_SOCIAL = regex(r"(?<![^\W_])(?:ssn|social)(?![^\W_])[^0-9]*\n")
"""The head of a table that has such numbers."""
_TAG = regex(r"<[^<>]{1,60}>")
_WORD = regex(r"[^\W\d_]+")
_LISTED = frozenset(",;#$€£¥%&")
"""Signs of lists, order numbers and amounts; none of them stands inside a card unless a word names the card."""
_EXPIRES = regex(r"(?:0?[1-9]|1[0-2]) ?[ /\-.] ?(?:20)?[2-4][0-9](?![0-9])|(?:0[1-9]|1[0-2])[2-4][0-9](?![0-9])")
_ANOTHER = regex(r"[0-9]{4}[ \-]?[0-9]{4}")
_FORMS = ((4, 8, 12, 16), (4, 10, 15))
_AMOUNTS = regex(r"\d{1,5}[.,]\d\d(?:[ ,;/+]{1,3}\d{1,5}[.,]\d\d){2}(?!\d)")
"""Three amounts in a row, whose digits may pass for a card's when they are put together."""
_WIDEST, _FEWEST = 4, 15
"""Digits up to the first border of every form, and of the shorter form."""
_GAP = 24
_TAGGED = 120
"""Characters between two groups, without markup and with it."""
_GROUPS = 9
_WORDS = 3
_BEFORE, _BEHIND = 48, 40
LEAST = 12
"""Digits below which there is no card."""
SSN_DIGITS = 9


def find_formed_ssns(text: str, folded: str) -> Iterator[Found]:
    """Numbers in the form of an SSN, whatever stands before, unless right before a word names a phone or a part."""
    for match in _SSN.finditer(text) if text.count("-") > 1 else ():
        start, end = match.span()
        digits = match.group().replace("-", "")
        if not is_ssn(digits) or _in_path(text, start) or text[start - 1 : start] == "+":
            continue
        before = folded[max(0, start - _BEFORE) : start]
        named = named_before(before)
        dialled = named.kind == PHONE and named.gap <= 1 and not _SOCIAL.search(before)
        if named.kind != SSN and not dialled and not is_part_number(before):
            yield Found("SSN", start, end, 0.85, digits)


def find_strewn(text: str, folded: str) -> Iterator[Found]:
    """Cards by their digits alone; none overlapping."""
    runs = [match.span() for match in _RUN.finditer(text)]
    digits = [0, *accumulate([end - start for start, end in runs])]
    borders = frozenset(digits)
    at = done = 0
    while at < len(runs):
        size = digits[at + 1] - digits[at]
        found = _single(text, folded, runs[at]) if size >= LEAST else None
        near = digits[min(at + _GROUPS, len(runs))] - digits[at]
        if found is None and size <= _WIDEST and near >= _FEWEST and digits[at] + _WIDEST in borders:
            found = _grouped(text, folded, runs, (at, done))
        if found is None:
            at += 1
            continue
        yield found
        while at < len(runs) and runs[at][0] < found.end:
            at += 1
        done = at


def _single(text: str, folded: str, run: tuple[int, int]) -> Found | None:
    start, end = run
    if end - start < LEAST or not is_card(text[start:end]) or not _paid(folded, end):
        return None
    glued = text[start - 1 : start].isalnum() or text[start - 1 : start] == "_" or text[end : end + 1] == "_"
    return None if glued or _in_path(text, start) else Found("CARD", start, end, 0.9, text[start:end])


def _in_path(text: str, start: int) -> bool:
    """Whether it is a piece of an address on the web."""
    before = text[max(0, start - _BEFORE) : start]
    last = before[before.rfind(" ") + 1 :]
    return "/" in last and ">" not in last


def _paid(folded: str, end: int) -> bool:
    """Whether what stands behind speaks of a card and not of another number."""
    behind = folded[end : end + _BEHIND]
    other = _ANOTHER.search(behind)
    return speaks_of_card(behind[: other.start()] if other else behind)


def _grouped(text: str, folded: str, runs: list[tuple[int, int]], place: tuple[int, int]) -> Found | None:
    at, done = place
    start, end = runs[at]
    if not lengths_from((text[start:end] + "0")[:2]):
        return None
    for form in _FORMS:
        to = _filled(runs, at, form)
        if not to:
            continue
        digits = "".join([text[first:last] for first, last in runs[at:to]])
        if is_card(digits) and (score := _belongs(text, folded, runs, (at, to, done), digits)):
            return Found("CARD", start, runs[to - 1][1], score, digits)
    return None


def _filled(runs: list[tuple[int, int]], at: int, form: tuple[int, ...]) -> int:
    """The group behind those that fill a form, none of them over one of its borders; 0 when they do not."""
    size, last = 0, 0
    borders = iter(form)
    border = next(borders)
    for to in range(at, min(len(runs), at + _GROUPS)):
        start, end = runs[to]
        if to > at and start - last > _TAGGED:
            return 0
        size, last = size + end - start, end
        if size > border:
            return 0
        if size == form[-1]:
            return to + 1
        if size == border:
            border = next(borders)
    return 0


def _begins_card(text: str, runs: list[tuple[int, int]], at: int) -> bool:
    """Whether another card follows at once."""
    return any(
        is_card("".join([text[first:last] for first, last in runs[at : _filled(runs, at, form)]]), named=False)
        for form in _FORMS
    )


def _belongs(text: str, folded: str, runs: list[tuple[int, int]], place: tuple[int, int, int], digits: str) -> float:
    """How surely they are one number, by what stands between the groups and around them; 0 when they are not."""
    at, to, _ = place
    start, end = runs[at][0], runs[to - 1][1]
    gaps = [_gap(text, runs, i) for i in range(at, to - 1)]
    if len(gaps) > len(_FORMS[0]) and _AMOUNTS.match(text, start):
        return 0.0
    named = named_before(folded[max(0, start - _BEFORE) : start])
    paid = _paid(folded, end)
    if any(len(gap) > _GAP or len(_WORD.findall(gap)) > _WORDS for gap in gaps):
        return 0.0
    if _neighbours(text, runs, place, gaps) and not paid:
        return 0.0
    if named.kind == CARD:
        return 0.99
    if paid:
        return 0.9
    if not is_card(digits, named=False) or _in_path(text, start):
        return 0.0
    if any(len(word) > 1 for gap in gaps for word in _WORD.findall(gap)):
        return 0.0
    kinds = {_WORD.sub("a", gap).strip() for gap in gaps}
    if len(kinds) > 1 or (not _LISTED.isdisjoint(*kinds) and set(gaps) != {","}):
        return 0.0
    if len(gaps) < len(_FORMS[0]):
        return 0.9
    whole = sum([last - first >= _FORMS[0][0] for first, last in runs[at:to]])
    return 0.9 if kinds <= {"", "-", "."} and whole > (named.kind == CODE) else 0.0


def _gap(text: str, runs: list[tuple[int, int]], i: int) -> str:
    gap = text[runs[i][1] : runs[i + 1][0]]
    return _TAG.sub("<>", gap) if "<" in gap else gap


def _neighbours(text: str, runs: list[tuple[int, int]], place: tuple[int, int, int], gaps: list[str]) -> bool:
    """Whether the row goes on at either side, so that the groups are a piece of a longer number."""
    at, to, done = place
    if at > done and _gap(text, runs, at - 1) in gaps:
        start, end = runs[at - 1]
        if end - start == 4 or text[start - 1 : start].isalpha():
            return True
    if to < len(runs) and _gap(text, runs, to - 1) in gaps:
        start, end = runs[to]
        return not (_EXPIRES.match(text, start) or end - start == 3 or _begins_card(text, runs, to))
    return False
