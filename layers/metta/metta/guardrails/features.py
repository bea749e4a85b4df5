"""Cuts a folded text into tokens and tokens into hashed features; training and the shipped models share it.

Features of a word depend on the word alone, so that a model can remember their sum: the word, its character 3- to
5-grams with its borders, and its letters with the inner ones in alphabetical order, which scrambled or doubled letters
do not change, and its concept. Two words in a row add one feature made of those orderless forms; concepts that
follow each other, with other words between or not, add one for each pair and each three. Scripts without blanks between
words (Chinese, Japanese) count every character as a word, so that pairs are character 2-grams.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from metta.guardrails.concepts import concept_of, concepts_digest
from metta.guardrails.patterns import regex

VERSION = f"1-{concepts_digest()}"
"""Its number is raised by hand when the same text gets other features; a model of another version is refused."""
BITS = 18
SIZE = 1 << BITS
"""Number of features; hashes are CRC-32, cut to this many."""
_MASK = SIZE - 1
_LONGEST = 24
"""Letters of a word that are looked at; longer words are no words."""

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u05b0-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0962\u0963\u0980-\u0983"
    "\u09bc-\u09cd\u0a3c-\u0a4d\u0abc-\u0acd\u0b3c-\u0b4d\u0bbe-\u0bcd\u0c3e-\u0c4d\u0cbc-\u0ccd\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
"""Vowel signs and other marks that Python does not count as parts of a word."""
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
_LETTERS = rf"(?:[^\W\d_{_UNSPACED}]|[{_MARKS}])+"

TOKEN = regex(rf"[{_UNSPACED}]|{_LETTERS}(?:'{_LETTERS})?|\d+|[!-)+-/:-@\[-^`{{-}}]")
"""A word, one character of a script without blanks, a number, or a sign of ASCII; emphasis marks and emoji are none."""
_ASCII_TOKEN = regex(r"[A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+|[!-)+-/:-@\[-^`{-}]")
"""The same in texts of nothing but ASCII, as most are once they are folded: a third of the time."""


def tokens(folded: str) -> list[str]:
    """What ``TOKEN`` finds, in order."""
    return (_ASCII_TOKEN if folded.isascii() else TOKEN).findall(folded)


def orderless(word: str) -> str:
    """The word's first letter, its distinct inner letters in alphabetical order, and its last letter."""
    if len(word) < 4:
        return word
    word = word[:_LONGEST]
    return word[0] + "".join(sorted(set(word[1:-1]))) + word[-1]


def word_features(word: str) -> Iterator[int]:
    """The features of one token, in 0 ... SIZE - 1; a number may come twice."""
    word = word[:_LONGEST]
    marked = f"<{word}>"
    yield _hashed(marked)
    size = len(marked)
    if size > 3:
        for width in (3, 4, 5):
            for start in range(size - width + 1):
                yield _hashed(marked[start : start + width])
    if size > 5:
        yield _hashed(f"~{orderless(word)}")
    concept = concept_of(word)
    if concept:
        yield _hashed(f"#{concept}")


def pair_feature(pair: str) -> int:
    """The feature of two neighbouring tokens, given in their orderless forms with a blank between them."""
    return _hashed(pair)


NEAR = 10
"""Tokens within which concepts belong together."""


def concept_features(concepts: tuple[str, ...]) -> Iterator[int]:
    """The features that the last of two to four concepts in a row adds, each with one of those before it."""
    *before, last = concepts
    for one in before:
        yield _hashed(f"#{one}>{last}")
    if len(before) > 1:
        yield _hashed(f"#{before[-2]}>{before[-1]}>{last}")


def _hashed(text: str) -> int:
    return crc32(text.encode("utf-8", "replace")) & _MASK
