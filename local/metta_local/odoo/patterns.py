"""SQL's LIKE as Odoo uses it: wildcards, escapes, case, and accents where the database ignores them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)
"""Letters that PostgreSQL's ``unaccent`` rewrites and that no accent can be taken from."""


def like(operator: str, text: str, *, unaccent: bool = False) -> Callable[[str], bool]:
    """A function that says of a text whether it matches.

    Args:
        operator: ``like``, ``ilike``, or ``=like`` and ``=ilike``, which match the whole text.
        text: ``%`` stands for any text, ``_`` for one character, a backslash takes the next one literally.
        unaccent: whether the operators without regard to case ignore accents as well.
    """
    insensitive = "ilike" in operator
    plain = _without_accents if unaccent and insensitive else str
    pattern = plain(text if operator.startswith("=") else f"%{text}%")
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            parts.append(re.escape(next(characters, "\\")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    compiled = re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if insensitive else 0))
    return lambda held: compiled.fullmatch(plain(held)) is not None


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
