"""The commonest words of many languages: tells text from gibberish, and puts scrambled or joined words right.

``data/words.txt`` is made by the training from the words that its texts share; commonest first. Nothing here judges a
text; it only offers readings that checks judge as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path

from metta.guardrails.patterns import regex

PATH = Path(__file__).with_name("data") / "words.txt"

_WORD = regex(r"[^\W\d_]{3,40}+")
_LETTERS = regex(r"[^\W\d_]+")
_VOWELS = regex(r"[aeiou]+")
_VOWELLESS = regex(r"[a-z*]{2,40}+")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_LONGEST = 14
"""Letters of the longest word that joined letters are cut into."""
_MOST_JOINED = 240
"""Letters of a run that are cut into words at once."""
_MOST_SPLIT = 960
"""Letters of a run that are cut into words at all."""
_MOST_MENDED = 600
"""Characters whose words are mended."""
_UNKNOWN = 14.0
"""What a letter outside all known words costs."""


class Lexicon:
    """Words with their ranks.

    Args:
        ranked: folded words, commonest first.
    """

    def __init__(self, ranked: list[str]) -> None:
        self.words = frozenset(ranked)
        self._ranked = ranked

    @cached_property
    def _cost(self) -> dict[str, float]:
        """Word -> cost of using it, the logarithm of its rank; one and two letters cost more."""
        total = math.log(len(self._ranked) + 2)
        costs = {}
        for rank, word in enumerate(self._ranked):
            dear = (6.0, 3.0, 1.0)[len(word) - 1] if len(word) <= 3 and word not in ("a", "i") else 0.0
            costs[word] = math.log(rank + 2) + dear + total / 4
        return costs

    @cached_property
    def _by_letters(self) -> dict[str, str]:
        """First, sorted inner and last letter -> the commonest word with them."""
        found: dict[str, str] = {}
        for word in self._ranked:
            if len(word) > 3:
                found.setdefault(_key(word), word)
        return found

    def share_known(self, folded: str) -> float:
        """Which part of the letters in words of three and more stands in known words; 1 if there are none."""
        words = _WORD.findall(folded)
        total = sum(map(len, words))
        return sum(len(word) for word in words if word in self.words) / total if total else 1.0

    def letters_known(self, folded: str) -> int:
        """How many letters stand in known words of three and more letters."""
        return sum(len(word) for word in _WORD.findall(folded) if word in self.words)

    def commonest(self, words: Iterable[str]) -> str | None:
        """The known word that is used most; None if none is known."""
        return min((word for word in words if word in self.words), key=self._cost.__getitem__, default=None)

    def put_right(self, folded: str) -> str:
        """``folded`` with scrambled, doubled and joined letters of unknown words put right where a known word fits."""
        return _LETTERS.sub(self._righted, folded)

    def _righted(self, match: re.Match[str]) -> str:
        word = match.group()
        if word in self.words or len(word) < 4:
            return word
        known = self._by_letters.get(_key(word)) or self._undoubled(word)
        if known:
            return known
        return self.split(word) or word

    def _undoubled(self, word: str) -> str | None:
        """The commonest known word that ``word`` is when some of its letters are written twice."""
        single = re.sub(r"(.)\1+", r"\1", word)
        if single == word:
            return None
        return self.commonest((single, self._singles.get(single, "")))

    @cached_property
    def _singles(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in self._ranked:
            single = re.sub(r"(.)\1+", r"\1", word)
            if single != word:
                found.setdefault(single, word)
        return found

    @cached_property
    def _by_consonants(self) -> dict[str, str]:
        """What is left of a word without its vowels, with and without the first letter -> the commonest such word."""
        found: dict[str, str] = {}
        for word in self._ranked:
            if len(word) > 2:
                found.setdefault(word[0] + _VOWELS.sub("", word[1:]), word)
        for word in self._ranked:
            if len(word) > 2:
                found.setdefault(_VOWELS.sub("", word), word)
        return found

    def with_vowels(self, folded: str) -> str:
        """``folded`` with the vowels that unknown words lack, or have a star for, where a known word fits."""
        return _VOWELLESS.sub(self._with_vowels, folded)

    def _with_vowels(self, match: re.Match[str]) -> str:
        word = match.group().replace("*", "")
        if word in self.words:
            return word
        by = self._by_consonants
        return by.get(word[:1] + _VOWELS.sub("", word[1:])) or by.get(_VOWELS.sub("", word)) or word

    def mended(self, folded: str) -> str:
        """``folded`` with one letter of each unknown word left out, put in, exchanged or swapped for a known word.

        Only its head: hundreds of words are tried for each.
        """
        return _WORD.sub(self._mended, folded[:_MOST_MENDED]) + folded[_MOST_MENDED:]

    def _mended(self, match: re.Match[str]) -> str:
        word = match.group()
        if word in self.words or not 4 <= len(word) <= _LONGEST:
            return word
        cuts = [(word[:i], word[i:]) for i in range(1, len(word) + 1)]
        near = [a + b[1:] for a, b in cuts if b]
        near += [a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1]
        near += [a + c + b[1:] for a, b in cuts if b for c in _ALPHABET]
        near += [a + c + b for a, b in cuts for c in _ALPHABET]
        return self.commonest(near) or word

    def split(self, letters: str) -> str | None:
        """Joined words with blanks between them; None where most of it is no known word."""
        size = len(letters)
        if size < 8:
            return None
        if size > _MOST_JOINED:
            pieces = [letters[at : at + _MOST_JOINED] for at in range(0, min(size, _MOST_SPLIT), _MOST_JOINED)]
            return " ".join([self.split(piece) or piece for piece in pieces])
        best: list[tuple[float, int, bool]] = [(0.0, 0, True)]
        costs = self._cost
        for end in range(1, size + 1):
            choice = (best[end - 1][0] + _UNKNOWN, end - 1, False)
            for start in range(max(0, end - _LONGEST), end):
                cost = costs.get(letters[start:end])
                if cost is not None and best[start][0] + cost < choice[0]:
                    choice = (best[start][0] + cost, start, True)
            best.append(choice)
        parts: list[str] = []
        unknown, end = 0, size
        while end:
            _, start, known = best[end]
            parts.append(letters[start:end])
            unknown += 0 if known else end - start
            end = start
        if unknown * 5 > size or len(parts) * 2.5 > size:
            return None
        return " ".join(reversed(parts))


def _key(word: str) -> str:
    return word[0] + "".join(sorted(word[1:-1])) + word[-1]


@cache
def lexicon() -> Lexicon:
    """The packaged words; read once."""
    return Lexicon(PATH.read_text(encoding="utf-8").split())
