"""A customer's words as products are searched by them: few, bounded, and the same whatever accents and case they have.

Odoo's ``ilike`` knows accents apart unless the database has ``unaccent``, so "lampara" does not find "Lámpara". Two
functions make up for that: ``spellings`` widens a search to what a word may look like with accents, and ``occur`` says
of what it finds whether the words really are there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from metta.integrations.odoo.coerce import like
from metta.integrations.odoo.text import visible

MAX_WORDS = 8
MAX_WORD_CHARS = 40
MAX_QUERY_CHARS = 1000

_AROUND = ".,;:!?\"'()[]*¿¡«»\u201c\u201d\u201e\u2018\u2019"
"""What stands around words in a sentence."""
_OF_OTHER_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "þ": "th", "ð": "d", "\u2019": "'"}
)
"""Letters that Unicode does not take apart into a plain one and an accent."""
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
"""How German and its northern neighbours write their letters where the keyboard lacks them."""
_TOGETHER = {"ae": "ä", "oe": "ö", "ue": "ü", "ss": "ß"}
_PAIR = re.compile("ae|oe|ue|ss")
_PAIRS = re.compile("(ae|oe|ue|ss)")
_VOWELS = frozenset("aeiouy'")
_CONSONANTS = (("n", "ñ"), ("c", "ç"), ("s", "š"), ("c", "č"), ("z", "ž"), ("s", "ş"), ("l", "ł"), ("g", "ğ"))
"""Consonants and what they are with an accent, the more frequent first."""
_ACCENTED_VOWELS = tuple(
    pair for row in ("áéíóú", "äëïöü", "àèìòù", "âêîôû") for pair in zip("aeiou", row, strict=True)
)
_LEAST_LETTERS = 2
_MOST_SPELLINGS = 8


def words(value: object) -> tuple[str, ...]:
    """The words of ``value`` to search by, without control and invisible characters.

    Empty where there is none, and where they are too many or too long for any product to have them all: leaving some
    out would find what was not asked for.
    """
    if not isinstance(value, str) or len(value) > MAX_QUERY_CHARS:
        return ()
    text = value if value.isascii() and value.isprintable() else visible(unicodedata.normalize("NFKC", value))
    found = (word.strip(_AROUND) for word in text.split() if any(c.isalnum() for c in word))
    kept = tuple(dict.fromkeys(found))
    return kept if len(kept) <= MAX_WORDS and all(len(word) <= MAX_WORD_CHARS for word in kept) else ()


def fold(text: str) -> str:
    """Lower case, without accents: ``Möbel`` as ``mobel``, ``Straße`` as ``strasse``."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c)).casefold().translate(_OF_OTHER_LETTERS)


def written_out(text: str) -> str:
    """The same with ``Möbel`` as ``moebel``."""
    if text.isascii():
        return text.lower()
    return fold(unicodedata.normalize("NFC", text).casefold().translate(_WRITTEN_OUT))


def occur(sought: Sequence[str], text: str) -> bool:
    """Whether each of the words occurs in ``text``, accents and case aside."""
    texts = {fold(text), written_out(text)}
    return all(any(form in each for each in texts for form in {fold(word), written_out(word)}) for word in sought)


def spellings(word: str) -> tuple[str, ...]:
    """Patterns for ``ilike`` that find ``word`` with other accents; they also find other words.

    A vowel becomes "any one character", two letters that may stand for one become "anything", but only while enough
    letters stay to search by. In shorter words one letter at a time takes each of the frequent accents.
    """
    plain, long = fold(word), written_out(word)
    if pattern := _loose(long):
        found = [pattern, *filter(None, map(_loose, _with_one_accent(long, _CONSONANTS)))]
    else:
        together = _PAIR.sub(lambda pair: _TOGETHER[pair[0]], plain)
        forms = (word.casefold(), plain, long, together, *_with_one_accent(plain, _CONSONANTS[:2] + _ACCENTED_VOWELS))
        found = [like(form) for form in forms]
    return tuple(dict.fromkeys(found))[:_MOST_SPELLINGS]


def _with_one_accent(text: str, letters: Iterable[tuple[str, str]]) -> Iterator[str]:
    for letter, accented in letters:
        for place, c in enumerate(text):
            if c == letter:
                yield text[:place] + accented + text[place + 1 :]


def _loose(text: str) -> str | None:
    """``text`` as a pattern that leaves its vowels open; None when that leaves too little, or leaves it as it is."""
    parts: list[str] = []
    stay = 0
    for part in _PAIRS.split(text):
        if part in _TOGETHER:
            parts.append("%")
            continue
        for c in part:
            parts.append("_" if c in _VOWELS else like(c))
            stay += c.isalnum() and c not in _VOWELS
    pattern = "".join(parts)
    return pattern if stay >= _LEAST_LETTERS and pattern != like(text) else None
