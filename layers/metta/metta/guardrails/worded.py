"""Reads how much something costs, or how many are left, where a reply says it in words ("about sixty euros")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from metta.guardrails.patterns import regex

_SMALL = (
    "one two three four five six seven eight nine",
    "ein zwei drei vier funf sechs sieben acht neun",
    "un dos tres cuatro cinco seis siete ocho nueve",
    "une deux trois quatre cinq six sept huit neuf",
    "um dois tres quatro cinco seis sete oito nove",
    "uno due tre quattro cinque sei sette otto nove",
    "een twee drie vier vijf zes zeven acht negen",
    "a duas - - - - - - -",
    "einen zwo - - - - - - -",
)
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn",
    "diez once doce trece catorce quince dieciseis diecisiete dieciocho diecinueve",
    "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
    "dez onze doze treze quatorze quinze dezesseis dezessete dezoito dezenove",
    "dez onze doze treze catorze quinze dezasseis dezassete dezoito dezanove",
    "dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove",
    "tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien",
)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "vingt trente quarante cinquante soixante septante huitante nonante",
    "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
)
_LARGE = {
    **dict.fromkeys(("hundred", "hundert", "honderd", "cent", "cents", "cento", "cien", "ciento", "cem"), 100),
    **dict.fromkeys(("thousand", "tausend", "duizend", "mil", "mille", "mila"), 1000),
}
_JOINTS = frozenset(("and", "und", "y", "e", "et", "en"))


def _values() -> dict[str, int]:
    values: dict[str, int] = {}
    for first, lines, step in ((1, _SMALL, 1), (10, _TEENS, 1), (20, _TENS, 10)):
        for line in lines:
            values |= {word: first + n * step for n, word in enumerate(line.split()) if word != "-"}
    units: dict[str, list[str]] = {
        language: _SMALL[at].split() for language, at in (("de", 1), ("es", 2), ("it", 5), ("nl", 6))
    }
    for tens, n in product(range(8), range(9)):
        value = 20 + 10 * tens + n + 1
        values[f"{units['de'][n]}und{_TENS[1].split()[tens]}"] = value
        values[f"{units['nl'][n]}en{_TENS[6].split()[tens]}"] = value
        italian, unit = _TENS[5].split()[tens], units["it"][n]
        values[(italian[:-1] if unit[0] in "uo" else italian) + unit] = value
    values |= {f"veinti{unit}": 21 + n for n, unit in enumerate(units["es"])}
    for row, hundred in ((1, "hundert"), (5, "cento"), (6, "honderd")):
        values |= {f"{unit}{hundred}": 100 * n for n, unit in enumerate(_SMALL[row].split(), 1)}
    # a folded text has one letter for each of the original's, so the German sharp s is one
    values |= {word.replace("dreissig", "dreisig"): value for word, value in values.items() if "dreissig" in word}
    return values | {"vingts": 20, "zes": 6} | _LARGE


_VALUES = _values()
_MONEY = (
    r"bucks|quid|euros?|dollars?|dolares|dollari|pounds?|pfund|libras|sterline|pond|centimes|centavos|centesimi|francs?|franken"
    r"|reais|cents?(?! (?:euros?|dollars?|francs?))"
)
_STOCK = (
    r"(?:(?:pieces?|units?|items?|more|of them|stuck|unidades|pezzi|stuks|exemplaires) )?(?:in stock|left|remaining"
    r"|auf lager|verfugbar|vorratig|ubrig|en stock|em stock|em estoque|in magazzino|op voorraad|restantes|rimast[ie])"
)
_MEANT = regex(rf"(?<=[a-z][ \-])(?:(?P<money>{_MONEY})|(?P<stock>{_STOCK}))(?![^\W_])")
_WORD = regex(r"[a-z]+(?:-(?=[a-z]))?")
_BACK = 60
_SAID_ONLY = regex(
    r"(?<![^\W_])(?:only|just|have|exactly|nur|noch|haben|solo|queda|seulement|reste|apenas|resta|slechts|nog)$"
)
"""Before a one, which else is mostly an article."""


_FEW = "|".join(word for word, value in _VALUES.items() if 2 <= value <= 12)
_COUNT = regex(rf"(?<![^\W_])(?:{_FEW})(?![^\W_\-]| (?:{_MONEY})\b)")


def counts(folded: str) -> set[int]:
    """Small quantities that stand in words, such as that of ``two lamps``."""
    return {_VALUES[match.group()] for match in _COUNT.finditer(folded)}


def amounts(folded: str) -> Iterator[tuple[int, int, int, bool]]:
    """Start, end and value of each number in words that a currency or a stock follows, and whether it is money."""
    for meant in _MEANT.finditer(folded):
        words = list(_WORD.finditer(folded, max(0, meant.start() - _BACK), meant.start()))
        taken: list[re.Match[str]] = []
        end = meant.start()
        for match in reversed(words):
            word = match.group().rstrip("-")
            if end - match.end() > 1 or not (word in _VALUES or (word in _JOINTS and taken)):
                break
            taken.insert(0, match)
            end = match.start()
        while taken and taken[0].group() in _JOINTS:
            taken.pop(0)
        if not taken:
            continue
        value = _value([match.group().rstrip("-") for match in taken])
        money = meant["money"] is not None
        if money or value > 1 or _SAID_ONLY.search(folded[: taken[0].start()].rstrip()[-20:]):
            yield taken[0].start(), meant.end() if money else meant.start() - 1, value, money


def _value(words: list[str]) -> int:
    total = group = 0
    last = 0
    for word in words:
        value = _VALUES.get(word, 0)
        if value == 1000:
            total, group = total + max(group, 1) * 1000, 0
        elif value == 100 or (value == 20 and last == 4):  # quatre-vingts
            group = max(group, 1) * value
        else:
            group += value
        last = value or last
    return total + group
