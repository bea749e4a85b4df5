"""Makes model-supplied values safe to search with: each becomes a bounded value of one type, or nothing.

Odoo is generous where it should not be: ``=`` with a list means "in", ``False`` means "is empty", ``%`` and ``_`` are
wildcards, an id that is too big fails with SQL in its message. So nothing reaches a domain but what leaves here.
"""

from __future__ import annotations

import re
import unicodedata

MAX_ID = 2**31 - 1
MAX_REFERENCE_CHARS = 64

_MAX_BARCODE = 10**14
_DIGITS = re.compile(r"[0-9]{1,10}")
_BARCODE = re.compile(r"[0-9]{8,14}")
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


def references(value: object) -> tuple[str, ...]:
    """The internal references of a product that ``value`` can mean: as typed, in upper and in lower case.

    Odoo shows a reference in brackets before the name, and people copy it so.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MAX_BARCODE:
        value = str(value)
    if not isinstance(value, str) or len(value) > 200:
        return ()
    typed = "".join(c for c in unicodedata.normalize("NFKC", value) if unicodedata.category(c) != "Cf").strip()
    if typed.startswith("[") and typed.endswith("]"):
        typed = typed[1:-1].strip()
    if len(typed) > MAX_REFERENCE_CHARS or not typed.isprintable() or not any(c.isalnum() for c in typed):
        return ()
    return tuple(dict.fromkeys((typed, typed.upper(), typed.lower())))


def barcode(text: str) -> str | None:
    """``text`` when it can be the number under a product's bars: 8 to 14 digits."""
    return text if _BARCODE.fullmatch(text) else None


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


def like(text: str) -> str:
    """``text`` for ``ilike``, with its wildcards taken literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
