"""Reads a stretch of digits as several values: cards, SSNs and phone numbers beside dates, amounts and each other.

Of all readings the one that explains most digits is taken. A value that is parted from its neighbours by nothing but
what also stands between its own groups counts only when the neighbours are explained, too: else it may be a piece of a
longer number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from metta.guardrails.cards import written_as_card
from metta.guardrails.found import Found
from metta.guardrails.naming import CARD, CODE, NOTHING, NUMBER, PHONE, SSN, Named
from metta.guardrails.numbers import is_ssn
from metta.guardrails.patterns import regex
from metta.guardrails.stretches import DATE, Number

_PLAIN = regex(
    r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:.]|[,/\-]\d)|"
    r"(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d(?![\d/.]|[,\-]\d)|"
    r"\d{1,3}(?:(?:[.']\d{3}){1,3}(?=,)|(?:[,']\d{3}){1,3}(?=\.))[.,]\d\d(?![\d./\-]|,\d)|\d{1,6}[.,]\d\d(?![\d./\-]|,\d)"
)
"""Times, expiry dates, amounts."""
_TAIL = regex(
    r"[ ,;/|\n]{1,3}(?:(?:0[1-9]|1[0-2]) ?[/\-.] ?(?:20)?[2-4]\d(?:[ ,;/|\n]{1,3}\d{3,4}(?![\d/:]|[.\-]\d))?|\d{3})"
    r"(?![\d/:]|[.\-]\d|,\d\d(?!\d))"
)
"""Expiry date and verification code behind a card."""
_INSIDE = regex(r"[,;\n|]")
_PARTS = frozenset(",;\n|/")
_BEFORE_PLAIN = frozenset(" ,;/|\n")
_LEAST, _MOST, _GROUPS = 7, 19, 7
"""Digits that a value has at least and at most, and its groups."""
_CARD_LEAST, _SSN, _NATIONAL, _PHONE_MOST = 12, 9, 8, 16
_LONGER = 4
"""How many digits more than a code a card in one group has, if it stands in a row with it."""
_SURE = 0.85
"""What a phone number's form must score to be told from its neighbours without a sign between them."""
_CODE_LEAST = 5

Judge = Callable[[Number, Named], Found | None]


class _Piece(NamedTuple):
    """One value, date or amount of a reading."""

    to: int
    """The group behind it."""
    weight: int
    found: Found | None
    kind: str
    left: bool
    right: bool
    """Whether it is parted from what stands before and behind it."""


class _Best(NamedTuple):
    """The best reading up to a group."""

    weight: int
    pieces: tuple[object, ...]
    """The last piece and the reading before it, as a linked list."""


def explained(found: list[Found]) -> int:
    """How many digits the values have."""
    return sum([len(value.value) for value in found])


def read_several(
    number: Number, named: Named, phone: Judge, *, money: tuple[bool, bool], listed: bool = False
) -> tuple[int, list[Found]]:
    """How many digits the best reading explains, and the values in it."""
    runs, size = number.runs, len(number.runs)
    gaps = [number.text[a[1] - number.start : b[0] - number.start] for a, b in pairwise(runs)]
    code = None
    if named.kind == CODE:
        code = 0 if listed else _code(number, gaps)
    nothing = _Best(0, ())
    # by what stands last: a piece that is parted, one that needs an explained neighbour, a group nobody knows
    free: list[_Best | None] = [None] * (size + 1)
    bound: list[_Best | None] = [None] * (size + 1)
    skipped: list[_Best | None] = [None] * (size + 1)
    free[0] = nothing
    for at in range(size):
        known = _better(free[at], bound[at])
        either = _better(free[at], skipped[at])
        if either is not None:
            skipped[at + 1] = _better(skipped[at + 1], either)
        anything = _better(known, skipped[at])
        for piece in _pieces(number, gaps, at, named, phone, code):
            before = anything if piece.left else known
            if before is None:
                continue
            best = _Best(before.weight + 16 * piece.weight - _COST.get(piece.kind, 1), (piece, at, before.pieces))
            to = free if piece.right or piece.to == size else bound
            to[piece.to] = _better(to[piece.to], best)
    best = _better(free[size], skipped[size]) or nothing
    return _told(best, size, money)


def _better(one: _Best | None, other: _Best | None) -> _Best | None:
    if one is None or other is None:
        return one or other
    return one if one.weight >= other.weight else other


def _told(best: _Best, size: int, money: tuple[bool, bool]) -> tuple[int, list[Found]]:
    """The values of a reading, without phone numbers that are but groups between other groups."""
    pieces: list[tuple[int, _Piece]] = []
    link: tuple[object, ...] = best.pieces
    while link:
        piece, at, link = link  # type: ignore[assignment]
        pieces.append((at, piece))  # type: ignore[arg-type]
    pieces.reverse()
    found: list[Found] = []
    weight = 0
    for i, (at, piece) in enumerate(pieces):
        left = piece.left or not at or pieces[i - 1][1].kind in _TELLING or (i == 1 and money[0])
        right = piece.right or piece.to == size or pieces[i + 1][1].kind in _TELLING
        right = right or (i == len(pieces) - 2 and money[1])
        if piece.kind == "WEAK" and not (left and right):
            continue
        weight += piece.weight
        if piece.found:
            found.append(piece.found)
    return weight, found


_COST = {"PHONE": 8, "WEAK": 8}
"""What a piece costs in sixteenths of a digit: few are likelier than many, dates and cards than phone numbers."""
_TELLING = frozenset(("CARD", "SSN", "DATE", "PHONE", "CODE"))
"""Pieces beside which a weak form is a phone number though only a blank parts them."""


def _code(number: Number, gaps: list[str]) -> int:
    """How many groups are the code that a word announces: those up to a comma, or to a blank when they suffice."""
    digits = 0
    for i, gap in enumerate(gaps):
        digits += len(number.runs[i][2])
        if digits >= _CODE_LEAST and gap not in gaps[:i] and (gap.isspace() or not _PARTS.isdisjoint(gap)):
            return i + 1
    return len(number.runs)


def _pieces(number: Number, gaps: list[str], at: int, named: Named, phone: Judge, code: int | None) -> Iterator[_Piece]:
    runs, size, start = number.runs, len(number.runs), number.start
    if code is not None and at < code:
        if at == 0:
            yield _Piece(code, _digits(runs[:code]), None, "CODE", left=True, right=True)
        return
    if at == 0 or gaps[at - 1][-1:] in _BEFORE_PLAIN:
        for pattern, kind in ((DATE, "DATE"), (_PLAIN, "PLAIN")):
            match = pattern.match(number.text, runs[at][0] - start)
            if match and (to := _upto(runs, at, start + match.end())):
                yield _Piece(to, _digits(runs[at:to]), None, kind, left=True, right=True)
    digits = ""
    inner: set[str] = set()
    shape: tuple[int, ...] = ()
    behind = tuple([len(run[2]) for run in runs[:code]]) if code else ()
    for to in range(at + 1, min(size, at + _GROUPS) + 1):
        digits += runs[to - 1][2]
        shape = (*shape, len(runs[to - 1][2]))
        if len(digits) > _MOST or (to - at > 1 and _INSIDE.search(gaps[to - 2])):
            return
        if to - at > 1:
            inner.add(gaps[to - 2])
        if len(digits) < _LEAST or shape == behind:
            continue
        left = at == 0 or _parted(gaps[at - 1], inner)
        right = to == size or _parted(gaps[to - 1], inner)
        part = _part(number, at, to)
        found: Found | None = None
        if len(digits) >= _CARD_LEAST and len({gap.strip() for gap in inner}) < 2 and part.text[0] != "+":
            coded = bool(behind) and len(shape) == 1 and len(digits) - sum(behind) < _LONGER
            tail = _TAIL.match(number.text, part.end - start)
            end = _upto(runs, to, start + tail.end()) if tail else 0
            paid = end > 0 and tail is not None and "/" in tail.group()
            said = named.kind == CARD
            if not coded and written_as_card(digits, shape, said=said, paid=paid):
                found = Found("CARD", runs[at][0], part.end, 0.99 if said else 0.9, digits)
                yield _Piece(to, len(digits), found, "CARD", left, right)
            if found and end:
                closed = end == size or not _PARTS.isdisjoint(gaps[end - 1])
                yield _Piece(end, len(digits) + _digits(runs[to:end]), found, "CARD", left, closed)
        if found is None and (found := _ssn(part, shape, named, parted=left and right, gaps=len(inner))):
            yield _Piece(to, len(digits), found, "SSN", left, right)
        if found is None and not (named.kind != PHONE and any(":" in gap for gap in inner)):
            found = phone(part, _called(named, at)) if _may_be_phone(part, named, at) else None
            sure = found is not None and found.score >= _SURE and len(shape) > 1
            listed = len(shape) > 1 and at > 0 and not _PARTS.isdisjoint(gaps[at - 1])
            if found and (code is None or ((sure or listed) and set(shape) != {4})):
                yield _Piece(to, len(digits), found, "PHONE" if sure else "WEAK", left, right)


def _digits(runs: tuple[tuple[int, int, str], ...]) -> int:
    return sum([len(run[2]) for run in runs])


def _part(number: Number, at: int, to: int) -> Number:
    """Some groups of a number, with the sign or bracket in front of them."""
    runs, start = number.runs[at:to], number.start
    begin = runs[0][0]
    if at == 0:
        begin = start
    elif number.text[begin - start - 1] == "(":
        begin -= 1
    return Number(begin, runs[-1][1], number.text[begin - start : runs[-1][1] - start], runs)


def _ssn(part: Number, shape: tuple[int, ...], named: Named, *, parted: bool, gaps: int) -> Found | None:
    if sum(shape) != _SSN or part.text[0] == "+" or not is_ssn(part.digits):
        return None
    said = named.kind == SSN
    if not (said and parted) and not (shape == (3, 2, 4) and gaps == 1):
        return None
    return Found("SSN", part.runs[0][0], part.end, 0.99 if said else 0.85, part.digits)


def _may_be_phone(part: Number, named: Named, at: int) -> bool:
    least = _LEAST if named.kind == PHONE or (named.kind == NUMBER and at == 0) else _NATIONAL
    return least <= part.size <= _PHONE_MOST and DATE.match(part.text) is None


def _called(named: Named, at: int) -> Named:
    """What the words in front say of the part that begins with a group: all of the first, less of the others."""
    if at == 0:
        return named
    return named._replace(gap=max(named.gap, 3)) if named.kind == PHONE else Named(NOTHING, 0)


def _upto(runs: tuple[tuple[int, int, str], ...], at: int, end: int) -> int:
    """The group behind those that end at a place; 0 when it lies within one."""
    for to in range(at, min(len(runs), at + 8)):
        if runs[to][1] >= end:
            return to + 1 if runs[to][1] == end else 0
    return 0


def _parted(gap: str, inner: set[str]) -> bool:
    """Whether a gap parts values, when these gaps part the groups of one of them."""
    if gap in inner:
        return False
    return bool(_PARTS.intersection(gap)) or (gap[:1] == " " and bool(inner) and not any(" " in each for each in inner))
