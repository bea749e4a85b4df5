"""Makes model-supplied values safe to search with: each becomes a bounded value of one type, or nothing.

Odoo is generous where it should not be: ``=`` with a list means "in", ``False`` means "is empty", ``%`` and ``_`` are
wildcards, an id that is too big fails with SQL in its message. So nothing reaches a domain but what leaves here.
"""

from __future__ import annotations

import re
import unicodedata

MAX_ID = 2**31 - 1
MAX_WORDS = 6
MAX_WORD_CHARS = 40

_DIGITS = re.compile(r"[0-9]{1,10}")
_ORDER_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.\-]{0,39}")
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,189}")
"""Printable ASCII without blanks, exactly one ``@``; 254 characters at most."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def record_id(value: object) -> int | None:
    """``value`` as the id of a record, 1 to 2^31-1; None for anything else."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ID:
        return int(value)
    return None


def order_numbers(value: object) -> tuple[str, ...]:
    """The order names that ``value`` can mean: as typed, then in upper case. Empty when it cannot be a number.

    Blanks and a leading ``#`` are how people write numbers, not part of them.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value) if value <= MAX_ID else ""
    if not isinstance(value, str) or len(value) > 200:
        return ()
    typed = unicodedata.normalize("NFKC", value).strip().removeprefix("#")
    typed = re.sub(r"[ \t]+", "", typed)
    if not _ORDER_NUMBER.fullmatch(typed):
        return ()
    return (typed,) if typed == typed.upper() else (typed, typed.upper())


def email(value: object) -> str | None:
    """``value`` as Odoo's ``email_normalized`` has it, or None.

    Other than ASCII is refused, not folded: some characters become an ASCII letter in lower case, and with it another
    person's address.
    """
    if not isinstance(value, str) or len(value) > 300:
        return None
    typed = value.strip(" ")
    return typed.lower() if len(typed) <= 254 and _EMAIL.fullmatch(typed) else None


def phone(value: object) -> str | None:
    """``value`` in international form, ``+`` and 7 to 15 digits, or None."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    typed = re.sub(r"[ ()./\-]", "", value)
    return typed if _PHONE.fullmatch(typed) else None


def words(value: object) -> tuple[str, ...]:
    """The words to search by, without control and invisible characters; at most six, each bounded."""
    if not isinstance(value, str):
        return ()
    shown = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c
        for c in unicodedata.normalize("NFKC", value[:1000])
        if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn")
    )
    found = dict.fromkeys(word for word in shown.split() if any(c.isalnum() for c in word))
    return tuple(word.strip(",;:!?\"'()")[:MAX_WORD_CHARS] for word in found)[:MAX_WORDS]


def like(text: str) -> str:
    """``text`` for ``ilike``, with its wildcards taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
