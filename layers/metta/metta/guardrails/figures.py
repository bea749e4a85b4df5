"""Reads numbers and codes (order, tracking, article numbers) in a text, whatever notation they are in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from metta.guardrails.patterns import regex
from metta.guardrails.worded import amounts


class Sort(Enum):
    """What a figure says, and so what must vouch for it."""

    CODE = "code"
    """Letters and digits, or a number that is announced as one: it must be known as it stands."""
    AMOUNT = "amount"
    """A number with a currency."""
    MEASURE = "measure"
    """A number with a unit that makes it a statement: days, percent, in stock."""
    NUMBER = "number"
    """A bare number of three or more digits, or with decimals."""
    COUNT = "count"
    """A bare small number: a list, a quantity. Says nothing that a customer would rely on."""


class Figure(NamedTuple):
    """A figure in a text."""

    sort: Sort
    start: int
    end: int
    text: str
    values: tuple[Decimal, ...]
    """All ways to read it as a number; empty for a code with letters."""
    unit: str = ""


_TOKEN = regex(r"(?<![^\W_])#?[A-Za-z0-9]{1,60}+(?:[\-/_.][A-Za-z0-9]{1,60}+){0,8}")
_NUMBER = regex(
    r"(?<![\w.,])[+\-]?"
    r"(?:\d{1,3}(?:([., '])\d{3}(?!\d))(?:\1\d{3}(?!\d)){0,4}+(?:[.,]\d{1,2}(?!\d))?|\d{1,24}+(?:[.,]\d{1,6}+)?)"
)
_COMMAS_GROUP = regex(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOTS_GROUP = regex(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_ONE_SEPARATOR = regex(r"\d+(?:[.,]\d+)?")
_CURRENCY_BEFORE = regex(r"(?:[$€£¥]|\b(?:eur|usd|gbp|chf|us\$|cad|aud|brl|r\$|pln|sek))\s?$")
_CURRENCY_AFTER = regex(
    r"\s?(?:[$€£¥]|(?:eur|usd|gbp|chf|cad|aud|bucks|quid|euros?|dollars?|dolares|pounds?|pfund|cents?|centimes|francs?|reais|libras"
    r"|sterline|dollari|pond)\b)"
)
_PRICED_BEFORE = regex(
    r"\b(?:(?:the|its|your) (?:price|total|sum|amount)(?: of (?:it|that|this))?|der preis|el precio|le prix|o preco"
    r"|il prezzo|de prijs)"
    r"(?: is| ist| es| est| e| would be| comes to|:) ?$"
)
_PRICED_AFTER = regex(r"[ ]?(?:[.,;!?\n](?!\d)|$|(?:each|apiece|per|pro|por|par|per)\b)")
"""A small number is an amount where it is said to be the price and no unit follows."""
_UNIT = regex(
    r"[\s\-]?(?:"
    r"(?P<percent>%|percent\b|per cent\b|prozent\b|pour ?cent\b|por ?cento\b|por ciento\b|per cento\b|procent\b)"
    r"|(?:(?:working|business|calendar|full|more|volle|weitere)[\s\-])?(?:"
    r"(?P<day>(?:days?|tage?n?|dias?|jours?|giorn[oi]|dagen|dag|werktage?n?|werkdagen|arbeitstage?n?)\b)"
    r"|(?P<week>(?:weeks?|wochen?|semanas?|semaines?|settiman[ae]|weken)\b)"
    r"|(?P<hour>(?:hours?|hrs?|h|stunden?|horas?|heures?|ore|uren|uur)\b)"
    r"|(?P<month>(?:months?|monate?n?|mes(?:es)?|mois|mesi|mese|maanden|maand)\b)"
    r"|(?P<year>(?:years?|jahre?n?|anos?|ans|anni|anno|jaar)\b)"
    r"|(?P<minute>(?:minutes?|mins?|minuten|minutos?|minuti)\b))"
    r"|(?P<stock>(?:(?:pieces?|units?|items?|stuck|stueck|unidades|pezzi|stuks|exemplaires|pcs)\s)?(?:in stock|left\b"
    r"|available|remaining|auf lager|verfugbar|vorratig|en stock|disponib\w{2,5}|em stock|em estoque|in magazzino"
    r"|op voorraad|restantes|rimast[ie]|beschikbaar|ubrig)))"
)
_GOODS_IN_STOCK = regex(
    r" (?:[a-z]{2,20} ){1,3}(?:in stock|auf lager|en stock|em stock|em estoque|in magazzino|op voorraad)\b"
)
"""Goods between number and stock; a small number may count kinds of goods then."""
ANNOUNCED = regex(
    r"(?:#|\bn[o.°º]{1,2} ?|\b(?:order|orders|bestell\w{0,8}|auftrag\w{0,8}|pedido|commande|ordine|encomenda|bestelling"
    r"|ordernummer|tracking|number|nummer|numero|sendung\w{0,8}|invoice|rechnung|factura|facture|fattura|fatura|factuur"
    r"|reference|referenz|ticket)(?: (?:number|no|nr|is|ist|numero|number is))?\.?:? ?)$"
)
_QUANTITY = regex(r"(\d{1,6})([A-Za-z]{1,6})")
_UNITS_GLUED = frozenset(
    """kg g mg l ml cl cm mm m km w kw wh kwh mah v a hz khz mhz ghz gb mb tb kb k px dpi lm oz lb lbs ft in x h min s
    st nd rd th d er e eur usd gbp pcs stk fach mal jahrige days tage""".split()  # noqa: SIM905 - words read better so
)
_BACK = 40


def numbers_of(text: str) -> tuple[Decimal, ...]:
    """Every way to read a number: ``1.234`` is 1234 in Berlin and 1.234 in London.

    White space and apostrophes only ever group.
    """
    plain = text.lstrip("+-").replace(" ", "").replace("'", "")
    readings = set()
    if _COMMAS_GROUP.fullmatch(plain):
        readings.add(plain.replace(",", ""))
    if _DOTS_GROUP.fullmatch(plain):
        readings.add(plain.replace(".", "").replace(",", "."))
    if _ONE_SEPARATOR.fullmatch(plain):
        readings.add(plain.replace(",", "."))
    return tuple(sorted({Decimal(reading).normalize() for reading in readings}))


def code_of(token: str) -> str:
    """A code as it is compared: letters and digits, upper case."""
    return "".join(char for char in token if char.isalnum()).upper()


def find_figures(text: str, folded: str) -> list[Figure]:
    """Codes and numbers of a text, by place. ``folded`` has the same length; blanked stretches hold no figures."""
    figures: list[Figure] = []
    taken = bytearray(len(text))
    for match in _TOKEN.finditer(text):
        figure = _code(match)
        if figure is not None:
            figures.append(figure)
            taken[figure.start : figure.end] = b"\1" * (figure.end - figure.start)
    for match in _NUMBER.finditer(text):
        if not any(taken[match.start() : match.end()]):
            figures.append(_number(match, folded))
    figures += amounts_in_words(folded)
    figures.sort(key=lambda figure: figure.start)
    return figures


def amounts_in_words(folded: str) -> list[Figure]:
    """Amounts such as ``one euro`` and stocks such as ``three in stock``, by place."""
    return [
        Figure(
            Sort.AMOUNT if money else Sort.MEASURE,
            start,
            end,
            folded[start:end],
            (Decimal(value).normalize(),),
            "" if money else "stock",
        )
        for start, end, value, money in amounts(folded)
    ]


def _code(match: re.Match[str]) -> Figure | None:
    token = match.group()
    digits = sum(char.isdigit() for char in token)
    if not digits or not any(char.isalpha() for char in token):
        return None
    glued = _QUANTITY.fullmatch(token.lstrip("#"))
    if glued and glued[2].lower() in _UNITS_GLUED:
        return Figure(Sort.MEASURE if digits >= 3 else Sort.COUNT, *match.span(), token, numbers_of(glued[1]))
    if digits < 3 or (_QUANTITY.match(token) and "-" in token and digits <= 3):
        return None
    return Figure(Sort.CODE, *match.span(), token, ())


def _number(match: re.Match[str], folded: str) -> Figure:
    start, end = match.span()
    text = match.group()
    before = folded[max(0, start - _BACK) : start]
    values = numbers_of(text)
    if _CURRENCY_BEFORE.search(before) or _CURRENCY_AFTER.match(folded, end):
        return Figure(Sort.AMOUNT, start, end, text, values)
    unit = _UNIT.match(folded, end)
    if unit is not None:
        return Figure(Sort.MEASURE, start, end, text, values, unit.lastgroup or "")
    if len(text) > 1 and _GOODS_IN_STOCK.match(folded, end):
        return Figure(Sort.MEASURE, start, end, text, values, "stock")
    if _PRICED_BEFORE.search(before) and _PRICED_AFTER.match(folded, end):
        return Figure(Sort.AMOUNT, start, end, text, values)
    if ANNOUNCED.search(before):
        return Figure(Sort.CODE, start, end, text, values)
    digits = sum(char.isdigit() for char in text)
    decimals = re.search(r"[.,]\d{1,2}$", text) is not None
    return Figure(Sort.NUMBER if digits >= 3 or decimals else Sort.COUNT, start, end, text, values)


def tokens_with_digits(text: str) -> Iterator[str]:
    """Everything in a source that may be a code or part of one."""
    for match in _TOKEN.finditer(text):
        if any(char.isdigit() for char in match.group()):
            yield match.group()
