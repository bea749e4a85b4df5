"""What the groups of a long stretch of digits can be, each row of them judged alone; ``several`` chooses among them.

Most rows are nothing, so the sizes of the groups are asked first, and the dear questions last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from metta.guardrails.cards import is_card_shape, written_as_card
from metta.guardrails.found import Found
from metta.guardrails.naming import CARD, CODE, NOTHING, NUMBER, PHONE, SSN, Named
from metta.guardrails.numbers import is_ssn
from metta.guardrails.patterns import regex
from metta.guardrails.phones import may_be_formed
from metta.guardrails.stretches import DATE, Number

_TIME = regex(
    r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:.]|[,/\-]\d)|"
    r"(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d(?![\d/.]|[,\-]\d)"
)
"""Times of day and expiry dates."""
_AMOUNT = regex(
    r"\d{1,3}(?:(?:[.']\d{3}){1,3}(?=,)|(?:[,']\d{3}){1,3}(?=\.))[.,]\d\d(?![\d./\-]|,\d)|\d{1,6}[.,]\d\d(?![\d./\-]|,\d)"
)
_TAIL = regex(
    r"[ ,;/|\n]{1,3}(?:(?:0[1-9]|1[0-2]) ?[/\-.] ?(?:20)?[2-4]\d(?:[ ,;/|\n]{1,3}\d{3,4}(?![\d/:]|[.\-]\d))?|\d{3})"
    r"(?![\d/:]|[.\-]\d|,\d\d(?!\d))"
)
"""Expiry date and verification code behind a card."""
_PLAIN = ((DATE, "DATE", ("-", ".", "/", "")), (_TIME, "DATE", (":", "/")), (_AMOUNT, "PLAIN", (",", ".", "'")))
"""Dates, times and amounts, and the signs behind their first group."""
_UNPARTED = 8
"""Digits of a date without signs."""
_INSIDE = frozenset(",;\n|")
"""What no value that stands beside others has between its groups."""
_PARTS = _INSIDE | {"/"}
_BEFORE_PLAIN = _PARTS | {" "}
_LEAST, _MOST, _GROUPS = 7, 19, 7
"""Digits that a value has at least and at most, and its groups."""
_CARD_LEAST, _SSN, _PHONE_MOST = 12, 9, 16
_CODE_LEAST = 5
_PARTS_OF_FIVE = {5}
"""Groups of articles' numbers in a row, and of an Indian mobile, which has two."""
_YEAR, _CENTURIES = 4, ("19", "20")
LONGER = 4
"""How many digits more than a code a card in one group has, if it stands in a row with it."""
_SURE = 0.85
"""What a phone number's form must score to be told from its neighbours without a sign between them."""

PhoneJudge = Callable[[Number, Named], Found | None]
"""Judges some groups as a phone number, by what they are said to be."""


class Piece(NamedTuple):
    """One value, date, amount or code."""

    to: int
    """The group behind it."""
    digits: int
    found: Found | None
    kind: str
    """CARD, SSN, PHONE, WEAK (a phone number in a form of many other numbers), DATE (or time), PLAIN (amount), CODE."""
    left: bool
    right: bool
    """Whether it is parted from what stands before and behind it."""


class _Row(NamedTuple):
    """Some groups in a row, and what they can be by their sizes."""

    shape: tuple[int, ...]
    size: int
    card: bool
    social: bool
    phone: bool


class Pieces:
    """The pieces of one stretch."""

    def __init__(self, number: Number, named: Named, phone: PhoneJudge, *, listed: bool) -> None:
        """Takes a stretch, what it is said to be, and whether it goes on a row that a code begins."""
        self._number, self._named, self._phone = number, named, phone
        start = number.start
        self._gaps = [number.text[a[1] - start : b[0] - start] for a, b in pairwise(number.runs)]
        self._sizes = tuple([len(run[2]) for run in number.runs])
        self._ends = [not _INSIDE.isdisjoint(gap) for gap in self._gaps]
        self._code = 0 if listed or named.kind != CODE else self._code_groups()
        self._coded = self._sizes[: self._code]
        self._dates = [(i, to) for i in range(1, len(self._gaps)) if (to := self._year(i))] if self._has_year() else []
        self._signed = number.text[0] == "+"

    def _code_groups(self) -> int:
        """How many groups are the code that a word announces: those up to a comma, or to a blank when they suffice."""
        digits = 0
        for i, gap in enumerate(self._gaps):
            digits += self._sizes[i]
            if (
                digits >= _CODE_LEAST
                and gap not in self._gaps[:i]
                and (not gap.strip(" (") or not _PARTS.isdisjoint(gap))
            ):
                return i + 1
        return len(self._sizes)

    def at(self, at: int) -> Iterator[Piece]:
        """All pieces that begin with a group."""
        if at < self._code:
            if at == 0:
                yield Piece(self._code, sum(self._coded), None, "CODE", left=True, right=True)
            return
        dated = False
        if at == 0 or self._gaps[at - 1][-1:] in _BEFORE_PLAIN:
            for piece in self._plain(at):
                yield piece
                dated = dated or piece.kind == "DATE"
        called = self._called(at)
        for row in self._rows(at, called):
            yield from self._values(at, row, called, dated=dated)

    def _plain(self, at: int) -> Iterator[Piece]:
        start = self._number.start
        if at + 1 == len(self._sizes) and self._sizes[at] < _UNPARTED:
            return
        sign = self._gaps[at].strip()[:1] if at < len(self._gaps) else ""
        for pattern, kind, signs in _PLAIN:
            if sign not in signs:
                continue
            match = pattern.match(self._number.text, self._number.runs[at][0] - start)
            if match and (to := self._upto(at, start + match.end())):
                yield Piece(to, sum(self._sizes[at:to]), None, kind, left=True, right=True)

    def _has_year(self) -> bool:
        return any(run[2][:2] in _CENTURIES and len(run[2]) == _YEAR for run in self._number.runs)

    def _year(self, at: int) -> int:
        """The group behind a date with a whole year that begins with a group; 0 when none does."""
        if self._gaps[at - 1][-1:] not in _BEFORE_PLAIN or all(s != _YEAR for s in self._sizes[at : at + 3]):
            return 0
        start = self._number.start
        match = DATE.match(self._number.text, self._number.runs[at][0] - start)
        return self._upto(at, start + match.end()) if match else 0

    def _upto(self, at: int, end: int) -> int:
        """The group behind those that end at a place; 0 when it lies within one."""
        runs = self._number.runs
        for to in range(at, min(len(runs), at + 8)):
            if runs[to][1] >= end:
                return to + 1 if runs[to][1] == end else 0
        return 0

    def _rows(self, at: int, called: Named) -> Iterator[_Row]:
        """The rows of groups from one on that can be a value by their sizes."""
        runs, gaps, to = self._number.runs, self._gaps, at + 1
        last = min(len(runs), at + _GROUPS)
        while to < last and not self._ends[to - 1]:
            to += 1
        lead = runs[at][2][:3]
        if lead[0] != "0":
            lead = "1"
        elif len(lead) < 3 and to - at > 1:
            lead = (lead + runs[at + 1][2])[:3]
        opened = (at > 0 and gaps[at - 1][-1:] == "(") or (at == 0 and self._number.text[0] in "+(")
        opened = opened or (to - at > 1 and "(" in gaps[at]) or called.kind in (PHONE, NUMBER)
        return iter(_rows_of(self._sizes[at:to], lead, opened, self._named.kind == SSN))

    def _called(self, at: int) -> Named:
        """What the words in front say of the part that begins with a group: all of the first, less of the others."""
        if at == 0:
            return self._named
        return self._named._replace(gap=max(self._named.gap, 3)) if self._named.kind == PHONE else Named(NOTHING, 0)

    def _values(self, at: int, row: _Row, called: Named, *, dated: bool) -> Iterator[Piece]:
        to, shape, size = at + len(row.shape), row.shape, row.size
        card = row.card and not (self._signed and at == 0)
        dial = (
            row.phone
            and not dated
            and (self._named.kind == PHONE or set(self._sizes) != _PARTS_OF_FIVE or to - at == len(self._sizes))
        )
        if not (card or dial or row.social) or shape == self._coded:
            return
        inner = set(self._gaps[at : to - 1])
        left = at == 0 or _parted(self._gaps[at - 1], inner)
        right = to == len(self._sizes) or _parted(self._gaps[to - 1], inner)
        part = self._part(at, to)
        found: Found | None = None
        if card and len({gap.strip() for gap in inner}) < 2:
            for piece in self._cards(part, to, shape, (left, right)):
                found = piece.found
                yield piece
        if found is None and row.social and (found := self._social(part, shape, inner, parted=left and right)):
            yield Piece(to, size, found, "SSN", left, right)
        dial = dial and not any(at < first < last <= to for first, last in self._dates)
        if found is None and dial and not (self._named.kind != PHONE and any(":" in gap for gap in inner)):
            found = self._phone(part, called)
            if found is None:
                return
            sure = found.score >= _SURE and len(shape) > 1
            listed = (
                len(shape) > 1
                and at > 0
                and not _PARTS.isdisjoint(self._gaps[at - 1])
                and self._gaps[at - 1] not in inner
            )
            if self._named.kind != CODE or ((sure or listed) and (set(shape) != {4} or inner != {" "})):
                yield Piece(to, size, found, "PHONE" if sure else "WEAK", left, right)

    def _part(self, at: int, to: int) -> Number:
        """Some groups of the stretch, with the sign or bracket in front of them."""
        number = self._number
        runs, start = number.runs[at:to], number.start
        begin = runs[0][0] if at else start
        if at and number.text[begin - start - 1] == "(":
            begin -= 1
        return Number(begin, runs[-1][1], number.text[begin - start : runs[-1][1] - start], runs)

    def _cards(self, part: Number, to: int, shape: tuple[int, ...], parted: tuple[bool, bool]) -> Iterator[Piece]:
        """A card, alone and with what is written behind cards."""
        size = sum(shape)
        if self._coded and len(shape) == 1 and size - sum(self._coded) < LONGER:
            return
        start = self._number.start
        tail = _TAIL.match(self._number.text, part.end - start)
        end = self._upto(to, start + tail.end()) if tail else 0
        said = self._named.kind == CARD
        if not written_as_card(
            part.digits, shape, said=said, paid=end > 0 and tail is not None and "/" in tail.group()
        ):
            return
        found = Found("CARD", part.runs[0][0], part.end, 0.99 if said else 0.9, part.digits)
        yield Piece(to, size, found, "CARD", *parted)
        if end:
            closed = end == len(self._sizes) or not _PARTS.isdisjoint(self._gaps[end - 1])
            yield Piece(end, size + sum(self._sizes[to:end]), found, "CARD", parted[0], closed)

    def _social(self, part: Number, shape: tuple[int, ...], inner: set[str], *, parted: bool) -> Found | None:
        said = self._named.kind == SSN
        if part.text[0] == "+" or not is_ssn(part.digits):
            return None
        if not (said and parted) and not (shape == (3, 2, 4) and len(inner) == 1):
            return None
        return Found("SSN", part.runs[0][0], part.end, 0.99 if said else 0.85, part.digits)


@lru_cache(4096)
def _rows_of(sizes: tuple[int, ...], lead: str, told: bool, social: bool) -> tuple[_Row, ...]:
    """The rows that begin with the first of these groups and can be a value by their sizes and first digits."""
    rows: list[_Row] = []
    for to in range(1, len(sizes) + 1):
        shape = sizes[:to]
        size = sum(shape)
        if size > _MOST:
            break
        row = _Row(
            shape,
            size,
            card=size >= _CARD_LEAST and is_card_shape(shape),
            social=size == _SSN and (social or shape == (3, 2, 4)),
            phone=_LEAST <= size <= _PHONE_MOST and (told or may_be_formed(lead, size, shape)),
        )
        if row.card or row.social or row.phone:
            rows.append(row)
    return tuple(rows)


def _parted(gap: str, inner: set[str]) -> bool:
    """Whether a gap parts values, when these gaps part the groups of one of them."""
    if gap in inner:
        return False
    return not _PARTS.isdisjoint(gap) or (gap[:1] == " " and bool(inner) and not any(" " in each for each in inner))
