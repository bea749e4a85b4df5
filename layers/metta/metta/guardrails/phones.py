"""Judges whether a stretch of digits is a phone number, by its form and by the words around it."""

from __future__ import annotations

import re

_SAID = re.compile(
    r"\b(?:phone|phones|telephone|tel|call|called|ring|text|sms|mobile|cell|cellphone|whatsapp|reach|contact|dial|fax|"
    r"(?:my|new|old|this|the|your) number|no longer use|number is|telefon\w{0,8}|handy\w{0,8}"
    r"|(?:meine|neue) nummer|rufnummer|mobil\w{0,8}|"
    r"telefono|movil|celular|numero de|mi numero|portable|numero|mon numero|cellulare|telefone|telemovel|"
    r"telefoon\w{0,8}|mobiel|gsm|nummer|anrufen|llamar|llameme|appeler|chiamare|ligar|bellen|reached|callback)\b"
)
_EXTENSION = re.compile(r" {0,2}(?:,? ?ext\.?|extension|x|durchwahl|poste|interno) ?\.?:? {0,2}\d{1,5}\b")
_BARE_MOBILE = re.compile(r"(?:[2-9]\d\d[2-9]\d{6}|[6-9]\d{9})$")
_MONEY = re.compile(r"^ ?(?:[$€£¥%]|eur\b|usd\b|gbp\b|euros?\b|dollars?\b|yen\b|kwh\b|km\b|kg\b|cm\b|mm\b|ml\b|pcs\b)")
_PRICED = re.compile(r"(?:[$€£¥]|\b(?:eur|usd|gbp|rs|inr|chf|total was|amount|price|paid|cost|costs)\.?) ?$")
_GROUPED = re.compile(r"^\d{1,3}(?:[,. ']\d{2,3})*(?:[.,]\d{2})$|^\d{1,3}(?:,\d{2,3})+$")
_NANP = re.compile(r"^(?:\+? ?1[ .\-/]{0,2})?\(? ?[2-9]\d\d ?\)?[ .\-/]{0,2}[2-9]\d\d[ .\-/]{1,2}\d{4}$")
_NATIONAL: tuple[tuple[int, ...], ...] = (
    (3, 3, 3), (2, 4, 4), (2, 3, 2, 2), (1, 2, 2, 2, 2), (2, 2, 2, 2, 2), (3, 2, 2, 2), (4, 3, 3), (5, 5), (3, 4, 4),
    (2, 5, 4), (2, 4, 4), (3, 3, 4),
)  # fmt: skip

_SSN_SHAPE = (3, 2, 4)

Runs = tuple[tuple[int, int, str], ...]


def judge(text: str, runs: Runs, before: str, after: str, *, code: int, whole: bool) -> float:
    """How surely it is a phone number, 0 when it is none.

    Args:
        text: digits with separators, possibly with ``+`` or a bracket in front.
        runs: its digit groups.
        before: folded text before it.
        after: folded text behind it.
        code: end of the last word in ``before`` that announces some other kind of number, or -1.
        whole: the message consists of nothing else.
    """
    digits = "".join(run[2] for run in runs)
    said = -1
    for match in _SAID.finditer(before):
        said = match.end()
    if _PRICED.search(before) or _MONEY.match(after) or (_GROUPED.match(text) and said < 0):
        return 0.0
    if whole and _BARE_MOBILE.match(text):
        return 0.75
    return _score(text, runs, digits, said=said, code=code)


def extension(after: str) -> int:
    """Length of the extension that ``after`` begins with."""
    found = _EXTENSION.match(after)
    return found.end() if found else 0


def _score(text: str, runs: Runs, digits: str, *, said: int, code: int) -> float:
    shape = tuple(len(run[2]) for run in runs)
    if len(digits) > 15 or len(set(digits)) == 1:
        return 0.0
    if text[0] == "+":
        return 0.98 if len(digits) >= 8 and digits[0] != "0" else 0.0
    if code > said or (shape == _SSN_SHAPE and said < 0):
        return 0.0
    if digits.startswith("00") and 10 <= len(digits) <= 15 and digits[2] != "0":
        return 0.9
    if said >= 0:
        return 0.95 if 7 <= len(digits) <= 13 and max(shape) <= 13 and min(shape) >= 1 else 0.0
    if code >= 0:
        return 0.0
    if _NANP.match(text):
        return 0.9
    if text[0] == "(" and 9 <= len(digits) <= 11 and len(shape) >= 2:
        return 0.85
    if digits[0] == "0" and len(shape) >= 2 and 9 <= len(digits) <= 12 and ":" not in text:
        return 0.85
    if shape in _NATIONAL and digits[0] in "56789" and "," not in text:
        return 0.75
    return 0.0
