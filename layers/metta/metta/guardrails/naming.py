"""Tells from the words around a number what it is said to be; ``pii`` asks before it judges the digits.

The word nearest to the number decides, in two dozen languages, also inside compounds ("Bestellnummer"). Words that
only link ("is", "my", "no.") are passed over, so that "order number is" and "my number is" differ.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from metta.guardrails.chars import fold
from metta.guardrails.patterns import regex

CODE, PHONE, CARD, SSN, NUMBER, NOTHING = "code", "phone", "card", "ssn", "number", ""


class Named(NamedTuple):
    """What a number is said to be."""

    kind: str
    gap: int
    """Words between the naming word and the number, links not counted; 0 when nothing names it."""


_NOTHING = Named(NOTHING, 0)
_WORD = regex(r"[^\W\d_]+")
_FOREIGN = regex("[\u0370-\u1dff\u3040-\ud7ff]")
_NUMBER_LINE = regex(r"\d\s*\n")
_DIGIT = regex(r"[0-9]")
_ADDRESS = 2
"""Words behind a number of its own beyond which a code word says nothing of the next (a postcode, then a street)."""
_SENTENCE = regex(r"[^\W\d_]{4}[.!?]+ |[!?] |\n")
_TAILS = ("nummer", "nr", "number", "numret", "szam")
"""Ends of compounds that announce a number of some kind."""


class _Words(NamedTuple):
    """The lists of ``data/naming.txt``, folded."""

    whole: dict[str, str]
    """Word -> kind."""
    begins: dict[str, str]
    """Latin stem -> kind."""
    sizes: tuple[int, ...]
    """Lengths of those stems."""
    anywhere: tuple[tuple[str, str], ...]
    """Stem in another script, and its kind."""
    pairs: dict[tuple[str, str], str]
    no_card: frozenset[str]
    links: frozenset[str]
    own: frozenset[str]
    pays: frozenset[str]
    parts: frozenset[str]
    part_stems: tuple[str, ...]


@cache
def _lists() -> _Words:
    """Read when a text first holds a number."""
    lists: dict[str, list[str]] = {}
    for line in (Path(__file__).with_name("data") / "naming.txt").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            head, *words = line.split()
            lists.setdefault(head, []).extend(words)
    lists = {head: fold(" ".join(words)).split() for head, words in lists.items()}
    kinds = (CODE, CARD, PHONE, SSN, NUMBER)
    stems = [(stem, kind) for kind in kinds for stem in lists.get(f"{kind}~", ())]
    begins = {stem: kind for stem, kind in stems if stem.isascii()}
    pairs = {
        (first, second): kind
        for kind in kinds
        for first, _, second in (pair.partition("-") for pair in lists.get(f"{kind}+", ()))
    }
    return _Words(
        whole={word: kind for kind in kinds for word in lists[f"{kind}:"]},
        begins=begins,
        sizes=tuple(sorted({len(stem) for stem in begins})),
        anywhere=tuple((stem, kind) for stem, kind in stems if not stem.isascii()),
        pairs=pairs,
        no_card=frozenset(lists["not-card:"]),
        links=frozenset(lists["link:"]),
        own=frozenset(lists["own:"]),
        pays=frozenset(lists["pays:"]),
        parts=frozenset(lists["part:"]),
        part_stems=tuple(lists["part~"]),
    )


def kind_of(word: str) -> str:
    """What kind of number a folded word announces."""
    lists = _lists()
    found = lists.whole.get(word)
    if found is not None:
        return found
    if len(word) > 4:
        for size in lists.sizes:
            found = lists.begins.get(word[:size])
            if found is not None:
                return found
        if word.endswith(_TAILS):
            head = word[: -max([len(tail) for tail in _TAILS if word.endswith(tail)])]
            return lists.whole.get(head) or CODE  # "phoneNumber"
    return NOTHING


def named_before(before: str) -> Named:
    """What the folded text before a number says it is."""
    words = _WORD.findall(before)
    if not before.isascii() and _FOREIGN.search(before) and (foreign := _foreign(before)):
        return foreign
    if not words:
        return _NOTHING
    lists = _lists()
    gap = 0
    number: Named | None = None
    for at in range(len(words) - 1, -1, -1):
        word = words[at]
        kind = lists.pairs.get((words[at - 1], word), "") if at else ""
        kind = kind or kind_of(word)
        if kind == NUMBER:
            own = at > 0 and (words[at - 1] in lists.own or (at > 1 and words[at - 2] in lists.own))
            if own and len(word) > 2 and not kind_of(words[at - 1]):
                return Named(PHONE, gap)
            number = number or Named(NUMBER, gap)
        elif kind == CARD and at and words[at - 1] in lists.no_card:
            return Named(CODE, gap)
        elif kind == CODE and ((number and gap > number.gap + 1) or _ended(before, words[at], gap)):
            break
        elif kind:
            return Named(kind, gap)
        elif word not in lists.links:
            gap += 1
    return number or _NOTHING


def _foreign(before: str) -> Named | None:
    """The nearest naming word in a script that needs no blanks, or whose marks part words; None when there is none."""
    place, kind = max((before.rfind(stem), kind) for stem, kind in _lists().anywhere)
    if place < 0:
        return None
    behind = _WORD.findall(before[place:])[1:]
    return (
        None if any(kind_of(word) not in (NOTHING, NUMBER) for word in behind) else Named(kind, max(0, len(behind) - 2))
    )


def _ended(before: str, word: str, gap: int) -> bool:
    """Whether what this word names ends before the number: another number on its line, or the sentence."""
    place = before.rfind(word) + len(word)
    if not gap:
        return _NUMBER_LINE.search(before, place) is not None
    if gap > _ADDRESS and _DIGIT.search(before, place):
        return True
    return _SENTENCE.search(before, max(0, place - 4)) is not None


_BEHIND = regex(r" ?(?:\(|,? ?(?:is|ist|es|est|e|are|was|war|fue|era|on|via|por|per|als|as|=)\b)")
_HOUSEHOLD = regex(r" ?\((?:home|work|office|mobile|cell|privat|personal|h|w|m)\)")
_OWN_SSN = regex(
    r"[ ,;.\-]{0,3}\(?(?:(?:that'?s|this is|it'?s|which is) )?(?:(?:my|his|her|our|the) )?(?:full )?"
    r"(?:ssn|social sec|soc sec)(?![^.!?\n]{0,24}[0-9])"
)
_EXPIRES = regex(r",? ?\(?(?:exp|expires|expiry|valid|cvv|cvc|cvv2|gultig|valable|caduca|scadenza|validade)\b")


def named_behind(after: str) -> str:
    """What the folded text behind a number says it is: "... is my mobile", "... (home phone)"."""
    if _EXPIRES.match(after):
        return CARD
    if _HOUSEHOLD.match(after):
        return PHONE
    if _OWN_SSN.match(after):
        return SSN
    start = _BEHIND.match(after)
    if start is None:
        return NOTHING
    found = NOTHING
    for word in _WORD.findall(after[start.end() : start.end() + 28])[:4]:
        kind = kind_of(word)
        if kind == NUMBER:
            found = found or NUMBER
        elif kind:
            return kind
    return found


_VERIFIES = regex(
    r"(?<![^\W_])(?:exp|expy|expir\w{1,6}|valid (?:thru|through|til|till|until|to|\d\d)|"
    r"good thru|cvv2?|cvc2?|cvn|csc|cid|security code|gultig|ablauf\w{0,8}|"
    r"prufziffer|valable|caduca|caducidad|vencimiento|scadenza|validade|vervalt|годна? до)(?![^\W_])|"
    r"(?<![\d/.\-])(?:0?[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\d(?![\d/.\-])"
)


def speaks_of_card(after: str) -> bool:
    """Whether the folded text behind a number has an expiry, a verification code or a word for payment cards."""
    if _VERIFIES.search(after):
        return True
    lists, words = _lists(), _WORD.findall(after)
    return any(
        kind_of(word) == CARD and word not in lists.pays and not (at and words[at - 1] in lists.no_card)
        for at, word in enumerate(words)
    )


def is_part_number(before: str) -> bool:
    """Whether the folded text right before a number calls it that of a part or an article."""
    lists = _lists()
    for word in reversed(_WORD.findall(before)[-4:]):
        if word in lists.parts or word.startswith(lists.part_stems):
            return True
        if word not in lists.links and word != "code" and kind_of(word) != NUMBER:
            return False
    return False
