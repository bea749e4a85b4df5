"""Reads an order's number out of what people type: small letters, blanks, ``#``, "order no." in front of it.

The result is compared exactly. Nothing is guessed: no digits are added or left out, and wildcards are no numbers.
"""

from __future__ import annotations

import re
import unicodedata

from metta.integrations.odoo.coerce import MAX_ID

_NUMBER = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9/_.\- ]{0,39}")
_LEADING = re.compile(r"([^\W\d_]+)[\s.:#°\-]+")
_AROUND = " \t\n.,;:!?#()[]\"'`*"
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "auftrag auftragsnummer auftragsnr bestelling bestellung bestellnummer bestelnummer bestelnr bestellnr "
        "commande compra de del devis di do encomenda id il het la le ma meine mein mi mia mijn minha mio mon my "
        "n no nr num numer numero nummer number o of offer offerte angebot orden order orders ordernummer ordernr "
        "ordine pedido presupuesto quotation quote ref reference referencia sale sales the van von",
    )
)


def order_numbers(value: object) -> tuple[str, ...]:
    """The order names that ``value`` can mean, the likeliest first; empty when it cannot be a number.

    Args:
        value: what the model passed: a text, or a number where the shop's orders are named by numbers alone.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID:
        value = str(value)
    if not isinstance(value, str) or len(value) > 200:
        return ()
    typed = unicodedata.normalize("NFKC", value).strip(_AROUND)
    bare = _without_words(typed)
    found: dict[str, None] = {}
    for text in (bare, typed):
        spaced = " ".join(re.split(r"[ \t]+", text))
        for name in (spaced, spaced.replace(" ", "")):
            if _NUMBER.fullmatch(name):
                found |= dict.fromkeys((name, name.upper()))
    return tuple(found)


def _without_words(text: str) -> str:
    """``text`` without words such as "order no." in front of it."""
    while (match := _LEADING.match(text)) and _folded(match[1]) in _WORDS and re.search(r"[0-9]", text[match.end() :]):
        text = text[match.end() :].strip(_AROUND)
    return text


def _folded(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))
