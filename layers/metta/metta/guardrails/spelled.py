"""Reads digits that are written as words ("four one five", "double five", "twenty three") in nine languages.

Also groups of digits with words between them ("4111 then 1111"), and letters in the place of digits ("4lll OOOO").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from metta.guardrails import glance
from metta.guardrails.chars import fold
from metta.guardrails.normalise import View
from metta.guardrails.patterns import regex

_UNITS = (
    "zero oh nought nil cero null nul ноль нуль нуля sifir",
    "one uno una un um uma eins ein een une один одна раз bir",
    "two dos deux zwei zwo due dois duas twee два две iki",
    "three thre tres trois drei tre drie три uc",
    "four fuor cuatro quatre vier quattro quatro четыре dort",
    "five cinco cinq funf cinque vijf fuenf пять bes",
    "six seis sechs sei zes meia шесть alti",
    "seven siete sept sieben sette sete zeven семь yedi",
    "eight eigth ocho huit acht otto oito восемь sekiz",
    "nine nueve neuf neun nove negen niner девять dokuz",
)
_TEENS = (
    "ten diez dix zehn dieci dez tien десять",
    "eleven once onze elf undici одиннадцать",
    "twelve doce douze zwolf dodici doze twaalf двенадцать",
    "thirteen trece treize dreizehn tredici treze dertien тринадцать",
    "fourteen catorce quatorze vierzehn quattordici catorze veertien четырнадцать",
    "fifteen quince quinze funfzehn quindici vijftien пятнадцать",
    "sixteen dieciseis seize sechzehn sedici dezesseis dezasseis zestien шестнадцать",
    "seventeen diecisiete siebzehn diciassette dezessete dezassete zeventien семнадцать",
    "eighteen dieciocho achtzehn diciotto dezoito achttien восемнадцать",
    "nineteen diecinueve neunzehn diciannove dezenove dezanove negentien девятнадцать",
)
_TENS = (
    "twenty veinte vingt vingts zwanzig venti vinte twintig двадцать yirmi",
    "thirty treinta trente dreissig dreisig dreizig trenta trinta dertig тридцать otuz",
    "forty fourty cuarenta quarante vierzig quaranta quarenta veertig сорок kirk",
    "fifty cincuenta cinquante funfzig cinquanta cinquenta vijftig пятьдесят elli",
    "sixty sesenta soixante sechzig sessanta sessenta zestig шестьдесят altmis",
    "seventy setenta septante siebzig settanta zeventig семьдесят yetmis",
    "eighty ochenta huitante octante achtzig ottanta oitenta tachtig восемьдесят seksen",
    "ninety noventa nonante neunzig novanta negentig девяносто doksan",
)
_GERMAN = "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig"
_DUTCH = "twintig dertig veertig vijftig zestig zeventig tachtig negentig"
_ITALIAN = "venti trenta quaranta cinquanta sessanta settanta ottanta novanta"
_TIMES = {
    **dict.fromkeys("double doble doppel doppelt doppio doppia duplo dobro dubbel dubbele zweimal twice".split(), 2),  # noqa: SIM905
    **dict.fromkeys("triple treble tripel triplo tripla dreimal driedubbel driedubbele".split(), 3),  # noqa: SIM905
}
_HUNDRED = frozenset(("hundred", "hundert", "honderd", "cent", "cientos", "cento"))
_GLUE = frozenset(
    """then and dash hyphen minus space dann und bindestrich strich leerzeichen y luego guion espacio puis et tiret
    espace poi e trattino spazio depois traco hifen espaco dan en streepje spatie dot point punkt punto plus
    и затем потом тире пробел ve sonra tire bosluk""".split()  # noqa: SIM905
)
_GLUED = regex(rf"[0-9]{{2}} (?:{'|'.join(sorted(_GLUE))}) [0-9]{{2}}")
_JOINT = frozenset(("and", "und", "y", "e", "et", "en"))
_UNSURE = frozenset(
    """un una um uma ein een une sei null oh once dos tres meia nil twice due elf on tre bir iki alti раз один
    одна""".split()  # noqa: SIM905
)


def _values() -> dict[str, str]:
    values = {name: str(n) for n, names in enumerate(_UNITS) for name in names.split()}
    values |= {name: str(10 + n) for n, names in enumerate(_TEENS) for name in names.split()}
    values |= {name: f"{n + 2}0" for n, names in enumerate(_TENS) for name in names.split()}
    for n, (german, dutch) in enumerate(zip(_GERMAN.split(), _DUTCH.split(), strict=True), 2):
        for unit in range(1, 10):
            for name in _UNITS[unit].split():
                values[f"{name}und{german}"] = values[f"{name}en{dutch}"] = f"{n}{unit}"
    for n, italian in enumerate(_ITALIAN.split(), 2):
        for unit, name in enumerate(("uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove"), 1):
            values[(italian[:-1] if name[0] in "uo" else italian) + name] = f"{n}{unit}"
    for unit, name in enumerate(("uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"), 1):
        values[f"veinti{name}"] = f"2{unit}"
    return values


def _folded(values: dict[str, str]) -> dict[str, str]:
    return dict(zip(fold("\n".join(values)).split("\n"), values.values(), strict=True))


_VALUES = _folded(_values())
_NAMES = frozenset(_VALUES)
_LIKELY = _NAMES - _UNSURE
_TOKEN = regex(r"[a-z]+|[а-я]+|[0-9]+|[^a-zа-я0-9\s,.\-/()|*_\u00b7]")
_SINGLES = regex(r"[0-9](?: [0-9]){2}")
_PUNCTUATED = regex(r"[/.,:]")
_LEAST = 7
_MOST = 64
"""Words beyond which they are no number of anybody's."""


_UNIT_NAMES = sorted({fold(name) for names in _UNITS for name in names.split() if len(name) > 2}, key=len, reverse=True)
_UNIT = regex("|".join(_UNIT_NAMES))
_UNPARTED = regex(rf"(?<![^\W_])(?:{'|'.join(_UNIT_NAMES)}){{7,19}}(?![^\W_])")
_GLUED_LEAST = 21
"""Letters of seven words in one."""
_HAN_DIGITS = {**{c: str(n) for n, c in enumerate("〇一二三四五六七八九")}, "零": "0", "幺": "1"}
_HAN = regex(r"[〇零幺一二三四五六七八九](?:[ \-]?[〇零幺一二三四五六七八九]){6,24}+")


class Spelled(NamedTuple):
    """A number in words."""

    start: int
    end: int
    runs: tuple[tuple[int, int, str], ...]
    """Start and end in the view, and the digits, of every word or group."""
    words: int
    """How many of them are words."""


class _Reader:
    """Gathers the words of one number."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int, str]] = []
        self.words = 0
        self.glued = 0
        """How many runs there are up to the last one that a word links to the one before it."""
        self.times = 1
        self.joint = ""
        self.named = False
        """Whether the last run is a word, which the next one may complete ("twenty three")."""

    def add(self, start: int, end: int, digits: str, *, word: bool) -> None:
        last = self.runs[-1] if self.runs else (0, 0, "")
        joined = (
            self._joined(last[2], digits)
            if word and self.named and (start - last[1] <= 2 or self.joint in _JOINT)
            else ""
        )
        if joined:
            self.runs[-1] = (last[0], end, joined)
        else:
            self.runs.append((start, end, digits * self.times))
            self.words += word
            if self.joint:
                self.glued = len(self.runs)
        self.times, self.joint, self.named = 1, "", word

    def _joined(self, last: str, digits: str) -> str:
        if self.times > 1 or (self.joint not in _JOINT and self.joint):
            return ""
        if last == "4" and digits == "20":
            return "80"
        tens = len(last) == 2 and last[1] == "0" and last[0] not in "01"
        if tens and len(digits) == 1 and digits != "0":
            return last[0] + digits
        return str(int(last) + int(digits)) if last in ("60", "80") and len(digits) == 2 and digits[0] == "1" else ""

    def taken(self) -> Spelled | None:
        mostly = (self.words >= 2 and self.words * 4 >= len(self.runs)) or (
            self.words == 1 and max([len(run[2]) for run in self.runs]) == 1
        )
        runs = self.runs if mostly else self.runs[: self.glued]
        if len(runs) > _MOST or sum([len(run[2]) for run in runs]) < _LEAST:
            return None
        return Spelled(runs[0][0], runs[-1][1], tuple(runs), self.words)


def spelled_numbers(view: View) -> Iterator[Spelled]:
    """Every stretch of seven or more digits of which most are words, or that words link."""
    words = view.words
    named = not words.isdisjoint(_LIKELY) and (len(words & _NAMES) > 1 or _SINGLES.search(view.folded) is not None)
    if not named and (words.isdisjoint(_GLUE) or _GLUED.search(view.folded) is None):
        return
    reader = _Reader()
    for match in _TOKEN.finditer(view.folded):
        token = match.group()
        value = _VALUES.get(token)
        if value is not None:
            reader.add(match.start(), match.end(), value, word=True)
            continue
        if token.isdigit():
            reader.add(match.start(), match.end(), token, word=False)
            continue
        if reader.runs and token in _GLUE and not reader.joint:
            reader.joint = token
            continue
        if token in _HUNDRED and reader.runs and len(reader.runs[-1][2]) == 1:
            start, _, digits = reader.runs[-1]
            reader.runs[-1] = (start, match.end(), f"{digits}00")
            continue
        if token in _TIMES:
            reader.times, reader.joint = _TIMES[token], ""
            continue
        if token == "o":  # noqa: S105 - the letter in the place of a zero
            reader.add(match.start(), match.end(), "0", word=True)
            continue
        if reader.runs and (found := reader.taken()) and _fits(view, found):
            yield found
        reader = _Reader()
    if reader.runs and (found := reader.taken()) and _fits(view, found):
        yield found


def unspaced_numbers(view: View, raw: bytes) -> Iterator[Spelled]:
    """Words for digits with nothing between them, and those of Chinese and Japanese.

    Args:
        view: the text.
        raw: its octets.
    """
    folded = view.folded
    if glance.has_word(raw, _GLUED_LEAST):
        for match in _UNPARTED.finditer(folded):
            runs = [(w.start(), w.end(), _VALUES[w.group()]) for w in _UNIT.finditer(folded, *match.span())]
            yield Spelled(match.start(), match.end(), tuple(runs), len(runs))
    if not folded.isascii():
        for match in _HAN.finditer(folded):
            runs = [(at, at + 1, _HAN_DIGITS[folded[at]]) for at in range(*match.span()) if folded[at] in _HAN_DIGITS]
            yield Spelled(match.start(), match.end(), tuple(runs), len(runs))


def _fits(view: View, found: Spelled) -> bool:
    """Whether groups that words merely link are parted by nothing else, as dates or amounts would be."""
    return found.words > 0 or _PUNCTUATED.search(view.folded, found.start, found.end) is None


_UPWARDS = "".join(map(str, range(31)))
_DOWNWARDS = "".join(map(str, range(30, -1, -1)))


def is_counting(digits: str) -> bool:
    """Whether digits only count up or down, or stay the same."""
    steps = {int(b) - int(a) for a, b in pairwise(digits)}
    return len(steps) == 1 or digits in _UPWARDS or digits in _DOWNWARDS


_LOOKALIKE = regex(r"(?<![^\W_])[0-9oil|]{2,19}+(?:[ .\-][0-9oil|]{2,19}+){0,8}+(?![^\W_])")
_LETTERS = str.maketrans("oil|", "0111")
_SEEN = regex(r"[0-9](?:(?<=[oil|][0-9])|(?<=[oil|] [0-9])|[ \-]?[oil|](?=[0-9oil|]|\W|$))")


def lettered_numbers(view: View) -> Iterator[Spelled]:
    """Numbers of 9 to 19 digits some of which are letters of their shape (O, l, I)."""
    if not _SEEN.search(view.folded):
        return
    for match in _LOOKALIKE.finditer(view.folded):
        found = match.group()
        plain = found.translate(_LETTERS)
        digits = sum(c.isdigit() for c in plain)
        if plain != found and 9 <= digits <= 27 and any(c.isdigit() for c in found):
            at = match.start()
            runs = tuple((at + r.start(), at + r.end(), r.group()) for r in re.finditer(r"\d+", plain))
            yield Spelled(match.start(), match.end(), runs, 0)
