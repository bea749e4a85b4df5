"""Reads a stretch of digits as several values: cards, SSNs and phone numbers beside dates, amounts and each other.

Of all readings the one that explains most digits is taken. A value that is parted from its neighbours by nothing but
what also stands between its own groups counts only when the neighbours are explained, too: else it may be a piece of a
longer number.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from metta.guardrails.found import Found
from metta.guardrails.naming import Named
from metta.guardrails.numbers import lengths_from
from metta.guardrails.patterns import regex
from metta.guardrails.pieces import LONGER, PhoneJudge, Piece, Pieces
from metta.guardrails.stretches import RUN, Number

_COST = {"PHONE": 8, "WEAK": 8}
"""What a piece costs in sixteenths of a digit: few are likelier than many, dates and cards than phone numbers."""
_TELLING = frozenset(("CARD", "SSN", "DATE", "PHONE", "CODE"))
"""Pieces beside which a weak form is a phone number though only a blank parts them."""

_LONG = 13
"""Digits beyond which a stretch is more than one phone number, as a rule."""
_AFTER_ANOTHER = r",?;? ?(?:[|/\n]|and|or|und|oder|et|ou|y|o|e|of|en)? ?\(?$"
_JOINT = 12
_LISTED_END = regex(rf"[0-9]{_AFTER_ANOTHER}")
_LISTED = regex(rf"([0-9](?:[ .\-/]?[0-9]){{4,24}}){_AFTER_ANOTHER}")
"""Another number right in front, with what stands between numbers in a row."""


class _Best(NamedTuple):
    """The best reading up to a group."""

    weight: int
    last: Piece | None = None
    before: _Best | None = None


def is_compound(number: Number) -> bool:
    """Whether a stretch may be several values: it is long, or its groups are parted by more than one sign."""
    runs, start = number.runs, number.start
    if len(runs) < 2:
        return False
    return number.size > _LONG or len({number.text[a[1] - start : b[0] - start] for a, b in pairwise(runs)}) > 1


def goes_on(before: str, number: Number) -> bool:
    """Whether it follows another number of another form, so that the word in front names that one."""
    single = len(number.runs) == 1
    if single and not lengths_from(number.runs[0][2][:2]):
        return False
    last = _LISTED.search(before) if _LISTED_END.search(before, max(0, len(before) - _JOINT)) else None
    if last is None:
        return False
    if single:
        return number.size - sum([len(run) for run in RUN.findall(last[1])]) >= LONGER
    return [len(run) for run in RUN.findall(last[1])][-len(number.runs) :] != [len(run[2]) for run in number.runs]


def explained(found: list[Found]) -> int:
    """How many digits the values have."""
    return sum([len(value.value) for value in found])


def read_several(
    number: Number, named: Named, phone: PhoneJudge, *, money: tuple[bool, bool], listed: bool
) -> tuple[int, list[Found]]:
    """How many digits the best reading explains, and the values in it.

    Args:
        number: the stretch.
        named: what the words around it say it is.
        phone: judges a part of it as a phone number.
        money: whether a currency stands in front of it, and behind it.
        listed: whether another number in front of it is the one that is named.
    """
    size = len(number.runs)
    pieces = Pieces(number, named, phone, listed=listed)
    # by what stands last: a piece that is parted, one that needs an explained neighbour, a group nobody knows
    free: list[_Best | None] = [None] * (size + 1)
    bound: list[_Best | None] = [None] * (size + 1)
    skipped: list[_Best | None] = [None] * (size + 1)
    free[0] = _Best(0)
    for at in range(size):
        known = _better(free[at], bound[at])
        anything = _better(known, skipped[at])
        skipped[at + 1] = _better(free[at], skipped[at])
        for piece in pieces.at(at):
            before = anything if piece.left else known
            if before is None:
                continue
            best = _Best(before.weight + 16 * piece.digits - _COST.get(piece.kind, 1), piece, before)
            to = free if piece.right or piece.to == size else bound
            to[piece.to] = _better(to[piece.to], best)
    return _told(_better(free[size], skipped[size]), size, money)


def _better(one: _Best | None, other: _Best | None) -> _Best | None:
    if one is None or other is None:
        return one or other
    return one if one.weight >= other.weight else other


def _told(best: _Best | None, size: int, money: tuple[bool, bool]) -> tuple[int, list[Found]]:
    """The values of a reading, without phone numbers that are but groups between other groups."""
    pieces: list[Piece] = []
    while best is not None:
        if best.last is not None:
            pieces.append(best.last)
        best = best.before
    pieces.reverse()
    found: list[Found] = []
    digits = 0
    for i, piece in enumerate(pieces):
        if piece.kind == "WEAK":
            left = piece.left or i == 0 or pieces[i - 1].kind in _TELLING or (i == 1 and money[0])
            right = piece.right or piece.to == size or pieces[i + 1].kind in _TELLING
            if not left or not (right or (i == len(pieces) - 2 and money[1])):
                continue
        digits += piece.digits
        if piece.found:
            found.append(piece.found)
    return digits, found
