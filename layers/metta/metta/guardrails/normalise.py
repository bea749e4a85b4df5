"""One pass over a text builds the view that all checks share, with the way back to places in the original.

The view has no invisible characters, plain letters and digits in place of look-alikes, decoded entities and escapes,
and joined words where letters were spaced, dotted or otherwise set apart. What may be encoded, reversed, scrambled or
hidden in a comment becomes views of its own that are judged again (``hidden.py``). Every step is linear in the length
of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from metta.guardrails import glance
from metta.guardrails.apart import apart
from metta.guardrails.chars import CYRILLIC_GREEK, PLAIN, are_plain, fold
from metta.guardrails.escapes import (
    COMMENT,
    EMPHASIS,
    ESCAPED,
    TAGS,
    may_escape,
    may_stress,
    unescaped,
    unless_inside,
    unmarked,
)
from metta.guardrails.hidden import Reading, readings
from metta.guardrails.kept import kept
from metta.guardrails.lexicon import lexicon
from metta.guardrails.model import Judged, model
from metta.guardrails.patterns import regex
from metta.guardrails.showing import telling

_BIDI = regex("\u202e([^\u202c\u202d\u202e\n]{0,2000})\u202c?")
_TAGS = regex("[\U000e0020-\U000e007e]+")
_FLAG = regex("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_APART = r"(?:[^\w\s@]|_){1,4}"
_SPACED = regex(
    rf"(?<![^\W_])[^\W\d_](?:(?: [^\W_](?=[ \W_]|$)){{2,200}}+|{_APART}[^\W_](?:{_APART}[^\W_]){{1,200}}+)(?![^\W_])"
)
_PAIR = regex(rf"(?<![^\W_])[^\W\d_]{_APART}[^\W\d_](?![^\W_])")
_PAIRS_FROM = 2
"""Words set apart letter by letter from which words of two letters are joined as well."""
_SIGNS = regex(r"[^\w]+|_+")
_BLANKS = regex(r"[ \t\r\n]{2,}+")
_MIXED = regex(r"[^\W\d_]{2,60}")
_LATIN = regex(r"[A-Za-z]")
_LOOKALIKE = regex(r"[\u0370-\u04ff\u0500-\u052f]")
_LOOKALIKES_ONLY = regex(rf"(?<!\w)[{''.join(map(chr, CYRILLIC_GREEK))}]{{1,20}}+(?!\w)")
_LEET_SEEN = regex(
    r"[0-9@$!|](?:(?<=[a-z][0-9@$!|])[0-9@$!|]{0,2}(?:[a-z]|(?=[ ,.?]|$))|(?<![^\W_][0-9@$!|])[0-9@$!|]{0,2}[a-z])"
)
"""Begins with the digit or sign, so that a search leaps from one to the next."""
_LEET_WORD = regex(r"[a-z0-9@$!|]{2,24}")
_LEET = str.maketrans("0123456789@$!|", "oizeasgtbgasil")
_LEET_ELL = str.maketrans("0123456789@$!|", "olzeasgtbgasil")
_MUCH_LEET = 8
"""Letters written as digits or signs from which words of nothing but digits are read as well."""
_ALL_DIGITS = regex(r"(?<!\w)\d{2,8}+(?!\w)")
_SAID = regex(r"[^\W\d_]{2}|[\u3040-\u9fff]")
"""What a text must hold to say anything."""
_DEPTH = 2
_MOST_READ = 4_096
"""Characters that all other readings of a text have together, those of readings among them."""
_TIMES_ESCAPED = 2
_WORDS = regex(r"[^\W_]{2,40}+")


class View:
    """A text as the checks see it.

    Attributes:
        original: the text as it came.
        text: readable, normalised, case kept.
        octets: of ``text``, for a first look (``glance.py``).
    """

    def __init__(self, original: str, *, depth: int = 0, left: int = _MOST_READ) -> None:
        self.original = original
        self.text = original
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._depth = depth
        self._left = left
        self._judged: dict[str, tuple[Judged, Judged]] = {}
        self._shown: dict[str, str] = {}
        if not original.isascii():
            self._characters()
            self._confusables()
        text = self.text
        raw = glance.octets(text)
        self._odd = bool(glance.rare(raw))
        if self._odd:
            self._escapes()
            self._markup()
            if self.text is not text:
                text = self.text
                raw = glance.octets(text)
        if glance.may_be_apart(raw) or glance.has_others(self.text, raw):
            self._spaced()
        elif self._odd and may_stress(self.text):
            self._replace(EMPHASIS, unmarked)
        if "  " in self.text or "\n" in self.text or "\t" in self.text or "\r" in self.text:
            self._replace(_BLANKS, _one_blank)
        self.octets = raw if self.text is text else glance.octets(self.text)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original of ``text[start:end]``."""
        if self._starts is None or self._ends is None:
            return start, end
        if start >= end:
            at = self._starts[start] if start < len(self._starts) else len(self.original)
            return at, at
        return min(self._starts[start:end]), max(self._ends[start:end])

    @kept
    def folded(self) -> str:
        """``text`` in lower case without accents, place for place."""
        return fold(self.text)

    @kept
    def line(self) -> str:
        """``folded`` with its lines joined; no word ends otherwise."""
        return self.folded.replace("\n", " ")

    @kept
    def words(self) -> frozenset[str]:
        """The distinct words of ``folded``; what a check's key words are met against first."""
        return words_of(self.folded)

    @kept
    def _readings(self) -> tuple[Reading, ...]:
        if self._depth >= _DEPTH:
            return ()
        plain = self.plainest
        words = self.words if plain is self.folded else words_of(plain)
        found: list[Reading] = []
        for reading in readings(self.original, self.text, plain, words, self.octets, odd=self._odd):
            if not self._left:
                break  # what is read no more is judged as it stands
            found.append(reading._replace(text=reading.text[: self._left]))
            self._left -= len(found[-1].text)
        return tuple(found)

    @kept
    def hidden(self) -> tuple[tuple[View, int, int], ...]:
        """Views of what the text may hide, each with its place in the original (it stands for the whole place)."""
        found: list[tuple[View, int, int]] = []
        for text, start, end, deeper, _ in self._readings:
            inner = View(text, depth=self._depth + 1 if deeper else _DEPTH, left=self._left)
            place = self.span(start, end)
            found.append((inner, *place))
            found += [(view, *place) for view, _, _ in inner.hidden]
            self._left = inner._left
        return tuple(found)

    @kept
    def unleeted(self) -> str | None:
        """``folded`` with digits and signs inside words read as letters, place for place; None when it is the same."""
        if not _LEET_SEEN.search(self.folded):
            return None
        read = _LEET_WORD.sub(_unleet, self.folded)
        if sum(map(str.isalpha, read)) - sum(map(str.isalpha, self.folded)) >= _MUCH_LEET:
            read = _ALL_DIGITS.sub(_unleet_digits, read)
        return read if read != self.folded else None

    @kept
    def plainest(self) -> str:
        """``folded``, or ``unleeted`` where that has more known words; what the trained models judge."""
        if self.unleeted is None:
            return self.folded
        known = lexicon()
        better = known.letters_known(self.unleeted) > known.letters_known(self.folded)
        return self.unleeted if better else self.folded

    def judged(self, folded: str) -> tuple[Judged, Judged]:
        """What the trained models say of a reading of this view, worked out once for all checks."""
        found = self._judged.get(folded)
        if found is None:
            line = self.line if folded is self.folded else folded.replace("\n", " ")
            found = self._judged.get(line)
            if found is None:
                shown = self.shown(line)
                said = (len(shown) > 1 and shown[:2].isalpha()) or _SAID.search(shown) is not None
                found = self._judged[line] = model().judge(shown if said else "")
            self._judged[folded] = found
        return found

    def shown(self, folded: str) -> str:
        """A reading without stretches that are read otherwise, keys and checksums, place for place.

        Their letters mean nothing, and what they hide is judged by itself.
        """
        found = self._shown.get(folded)
        if found is None:
            found = folded
            for reading in self._readings:
                if reading.instead:
                    found = found[: reading.start] + " " * (reading.end - reading.start) + found[reading.end :]
            found = self._shown[folded] = telling(found)
        return found

    def _characters(self) -> None:
        text = self.text
        unique = set(text)
        if are_plain(unique):
            return
        if all(len(PLAIN[ord(c)]) == 1 for c in unique) and not any(c in unique for c in "\u202e"):
            self.text = text.translate(PLAIN)
            return
        order = range(len(text)) if "\u202e" not in unique else _unreversed(text)
        tags = {i for m in _TAGS.finditer(text) for i in range(*m.span())} if _TAGS.search(text) else set()
        for flag in _FLAG.finditer(text) if tags else ():
            tags.difference_update(range(*flag.span()))
        pieces = list(map(PLAIN.__getitem__, map(ord, text)))
        for i in tags:
            pieces[i] = chr(ord(text[i]) - 0xE0000)
        self.text = "".join([pieces[i] for i in order])
        starts = [i for i in order for _ in pieces[i]]
        self._starts = starts
        self._ends = [i + 1 for i in starts]

    def _confusables(self) -> None:
        if _LOOKALIKE.search(self.text) and _LATIN.search(self.text):
            text = _MIXED.sub(_one_script, self.text)
            if text != self.text:
                # a disguise in this text, so words of nothing but look-alikes wear it too
                text = _LOOKALIKES_ONLY.sub(_in_latin, text)
            self.text = text

    def _escapes(self) -> None:
        for _ in range(_TIMES_ESCAPED):
            text = self.text
            if may_escape(text):
                self._replace(ESCAPED, unescaped)
            if self.text is text:
                return

    def _markup(self) -> None:
        if "<" in self.text:
            self._replace(COMMENT, unless_inside)
            self._replace(TAGS, unless_inside)

    def _spaced(self) -> None:
        text = self.text
        wide = apart(text)
        if wide is not None:
            self._replace(*wide)
        self._replace(_SPACED, _join)
        if may_stress(self.text):
            self._replace(EMPHASIS, unmarked)
        if (
            self.text is not text
            and _PAIR.search(self.text)
            and len([*islice(_SPACED.finditer(text), _PAIRS_FROM)]) >= _PAIRS_FROM
        ):
            self._replace(_PAIR, _join)

    def _replace(self, pattern: re.Pattern[str], make: Callable[[re.Match[str]], str]) -> None:
        """Replace matches; every character put in stands for the whole match."""
        text = self.text
        first = pattern.search(text)
        if first is None:
            return
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for match in pattern.finditer(text, first.start()):
            made = make(match)
            if made == match.group():
                continue
            at, to = match.span()
            self._copy(done, at, starts, ends)
            pieces += (text[done:at], made)
            low, high = self.span(at, to)
            starts.extend([low] * len(made))
            ends.extend([high] * len(made))
            done = to
        if not pieces:
            return
        self._copy(done, len(text), starts, ends)
        pieces.append(text[done:])
        self.text = "".join(pieces)
        self._starts, self._ends = starts, ends

    def _copy(self, at: int, to: int, starts: list[int], ends: list[int]) -> None:
        starts.extend(range(at, to) if self._starts is None else self._starts[at:to])
        ends.extend(range(at + 1, to + 1) if self._ends is None else self._ends[at:to])


def words_of(folded: str) -> frozenset[str]:
    """The distinct words of a folded text."""
    return frozenset(_WORDS.findall(folded))


def _unreversed(text: str) -> list[int]:
    order: list[int] = []
    done = 0
    for match in _BIDI.finditer(text):
        order.extend(range(done, match.start(1)))
        order.extend(range(match.end(1) - 1, match.start(1) - 1, -1))
        done = match.end(1)
    order.extend(range(done, len(text)))
    return order


def _in_latin(match: re.Match[str]) -> str:
    return match.group().translate(CYRILLIC_GREEK)


def _one_script(match: re.Match[str]) -> str:
    word = match.group()
    if _LATIN.search(word) and _LOOKALIKE.search(word):
        return word.translate(CYRILLIC_GREEK)
    return word


def _one_blank(match: re.Match[str]) -> str:
    return "\n" if "\n" in match.group() else " "


def _join(match: re.Match[str]) -> str:
    found = match.group()
    letters = _SIGNS.sub("", found)
    digits = sum(c.isdigit() for c in letters)
    return found if digits * 3 > len(letters) else letters


def _unleet_digits(match: re.Match[str]) -> str:
    read = match.group().translate(_LEET_ELL), match.group().translate(_LEET)
    return next((word for word in read if word in lexicon().words), match.group())


def _unleet(match: re.Match[str]) -> str:
    word = match.group()
    if word.isalpha() or word.isdigit():
        return word
    known = lexicon().words
    read = word.translate(_LEET)
    if read in known:
        return read
    other = word.translate(_LEET_ELL)
    if other in known:
        return other
    letters = sum([c.isalpha() for c in word])
    return read if letters and letters * 2 >= len(word) - 1 else word
