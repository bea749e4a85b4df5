"""Finds payment card numbers in a stretch of digits: arithmetic first, then whether the groups are those of cards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from metta.guardrails.found import Found
from metta.guardrails.naming import CARD
from metta.guardrails.numbers import is_article, is_card, lengths_from
from metta.guardrails.stretches import MANY, Number

_HABITS = frozenset((
    (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (8, 8), (6, 10), (6, 13), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1),
    (4, 4, 8), (4, 4, 4, 5), (4, 4, 4, 6), (4, 4, 4, 3), (4, 4, 4, 2), (4, 3, 3, 3), (4, 5, 6), (5, 5, 6), (4, 4, 5),
    (4, 12), (8, 4, 4), (6, 6, 4), (4, 4, 4, 7), (4, 5, 5),
))  # fmt: skip
"""Groups in which card numbers are written."""
_OLD = (4, 3, 3, 3)
_LISTING = frozenset((",", ";", "|"))
_AUSTRIA_GERMANY = frozenset(("43", "49"))
"""Calling codes that begin phone numbers of 13 digits and look like old Visa cards."""


def find_cards(number: Number, kind: str, *, whole: bool) -> Iterator[Found]:
    """Windows of whole digit groups that are card numbers; longest first, none overlapping."""
    runs = number.runs
    said = kind == CARD
    offsets = [0, *accumulate([len(run[2]) for run in runs])]
    index = {offset: i for i, offset in enumerate(offsets)}
    digits = number.digits
    at = 0
    many = len(runs) > MANY
    while at < len(runs):
        if many and len(runs[at][2]) < 3:
            at += 1
            continue
        begin = offsets[at]
        taken = 0
        for length in lengths_from(digits[begin : begin + 2]):
            to = index.get(begin + length)
            if to is None:
                continue
            window = digits[begin : begin + length]
            usual = not said and not (
                length == 13
                and (whole or to - at > 2)
                and _is_old_card(window, tuple([len(run[2]) for run in runs[at:to]]))
            )
            if is_card(window, named=not usual) and (
                (said and not _cut_out(number, at, to, window)) or _card_like(number, at, to, whole=whole)
            ):
                yield Found("CARD", runs[at][0], runs[to - 1][1], 0.99 if said else 0.9, window)
                taken = to - at
                break
        at += taken or 1


def _cut_out(number: Number, at: int, to: int, window: str) -> bool:
    """Whether the window is a rarer card's number only without a group of its own size in front."""
    runs = number.runs
    return (
        at > 0
        and len(runs[at - 1][2]) == len(runs[at][2]) > 2
        and not is_card(window, named=False)
        and not _apart(
            number,
            at - 1,
            {number.text[runs[at][1] - number.start : runs[at + 1][0] - number.start].strip()}
            if to - at > 1
            else set(),
        )
    )


def _is_old_card(digits: str, shape: tuple[int, ...]) -> bool:
    """Whether 13 digits are a card rather than a phone number or an article, as far as the form tells."""
    return shape == _OLD or not (digits[:2] in _AUSTRIA_GERMANY or is_article(digits))


def is_card_shape(shape: tuple[int, ...]) -> bool:
    """Whether card numbers are written in groups of these sizes, or it is but one."""
    return len(shape) == 1 or shape in _HABITS


def written_as_card(digits: str, shape: tuple[int, ...], *, said: bool, paid: bool) -> bool:
    """Whether groups are all of a card number.

    Args:
        digits: all of them together.
        shape: the size of each group.
        said: a word calls it a card.
        paid: an expiry date or a verification code stands behind it.
    """
    if not is_card_shape(shape):
        return False
    old = len(digits) == 13 and (len(shape) > 2 or paid)
    usual = not said and not (old and _is_old_card(digits, shape))
    return is_card(digits, named=not usual)


def _card_like(number: Number, at: int, to: int, *, whole: bool) -> bool:
    """Whether a window that no word calls a card is written as cards are, and is no part of a longer number."""
    runs, start = number.runs, number.start
    if number.spelled:
        return at == 0 and to == len(runs)
    gaps = {number.text[runs[i][1] - start : runs[i + 1][0] - start].strip() for i in range(at, to - 1)}
    if len(gaps) > 1:
        return False
    shape = tuple([len(run[2]) for run in runs[at:to]])
    if to - at == 2 and not gaps.isdisjoint(_LISTING):
        return False
    if to - at > 1 and shape not in _HABITS and not (set(shape) <= {1, 2} and (whole or not gaps & {",", ";"})):
        return False
    if at and not _apart(number, at - 1, gaps):
        return False
    rest = runs[to:]
    expiry = (
        0 < len(rest) <= 3
        and all(len(run[2]) <= 4 for run in rest)
        and len(runs[to - 1][2]) >= 3
        and len(rest[0][2]) <= 2
    )
    return not rest or expiry or _apart(number, to - 1, gaps)


def _apart(number: Number, run: int, gaps: set[str]) -> bool:
    """Whether what stands behind this group parts numbers rather than groups."""
    runs, start = number.runs, number.start
    gap = number.text[runs[run][1] - start : runs[run + 1][0] - start]
    return gap.strip() not in gaps and any(c in gap for c in ",;\n|/")
