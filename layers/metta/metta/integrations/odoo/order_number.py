"""Reads an order's number out of what people type: small letters, blanks, ``#``, "order no." in front of it.

The result is compared exactly. Nothing is guessed: no digits are added or left out, and wildcards are no numbers.
"""

from __future__ import annotations

import re
import unicodedata

from metta.integrations.odoo.coerce import MAX_ID

_NUMBER = re.compile(r"(?=.*\d)[^\W_][\w/.:\- ]{0,39}")
_LEADING = re.compile(r"([^\W\d_]+)[\s.:#°\-'\u2019]+")
_BEHIND = re.compile(r"\s*\([^()]*\)\s*")
_AROUND = " \t\n.,;:!?#()[]\"'`*\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "auftrag auftrags auftragsnummer auftragsnr bestell bestelling bestellung bestellnummer bestelnummer "
        "bestelnr bestellnr "
        "commande compra d de del devis di do encomenda id il het la le ma meine mein mi mia mijn minha mio mon my "
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
    written = unicodedata.normalize("NFKC", value)
    typed, bare = written.strip(_AROUND), _BEHIND.sub(" ", written).strip(_AROUND)
    found: dict[str, None] = {}
    for text in (_without_words(typed), _without_words(bare), typed):
        spaced = " ".join(re.split(r"[ \t]+", text))
        for name in (spaced, spaced.replace(" ", "")):
            if _NUMBER.fullmatch(name):
                found |= dict.fromkeys((name, name.upper(), name.lower(), name.capitalize(), f"#{name}"))
    return tuple(found)


def _without_words(text: str) -> str:
    """``text`` without words such as "order no." in front of it."""
    while (match := _LEADING.match(text)) and _folded(match[1]) in _WORDS and re.search(r"[0-9]", text[match.end() :]):
        text = text[match.end() :].strip(_AROUND)
    return text


def _folded(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))
