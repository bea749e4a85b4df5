"""Personal data in disguise is found: other digits and separators, digits as words or letters, "at" and "dot"."""

from __future__ import annotations

from collections.abc import Callable

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

DIGITS = (
    "０１２３４５６７８９",
    "٠١٢٣٤٥٦٧٨٩",
    "۰۱۲۳۴۵۶۷۸۹",
    "०१२३४५६७८९",
    "০১২৩৪৫৬৭৮৯",
    "๐๑๒๓๔๕๖๗๘๙",
    "⓪①②③④⑤⑥⑦⑧⑨",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡",
)
SEPARATORS = (
    ".",
    "/",
    "_",
    "|",
    "~",
    "*",
    "\u00b7",
    "\u00a0",
    "\u2003",
    "‐",
    "‑",
    "–",
    "—",
    " - ",
    " / ",
    "  ",
    "\n",
    "😀",
    "🔥",
    "➖",
    "\\",
    ":",
)
PLAIN = {"CARD": "4111 1111 1111 1111", "SSN": "219 09 9998", "PHONE": "+49 151 23456789"}
SAID = {"CARD": "my card {}", "SSN": "my SSN {}", "PHONE": "call me on {}", "IBAN": "IBAN {}"}
IBAN = "GB29 NWBK 6016 1331 9268 19"
ONES = {
    "en": "zero one two three four five six seven eight nine double",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve doble",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf double",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun doppel",
    "it": "zero uno due tre quattro cinque sei sette otto nove doppio",
    "pt": "zero um dois três quatro cinco seis sete oito nove duplo",
    "nl": "nul een twee drie vier vijf zes zeven acht negen dubbel",
    "ru": "ноль один два три четыре пять шесть семь восемь девять восемь",
    "tr": "sıfır bir iki üç dört beş altı yedi sekiz dokuz sekiz",
}  # fmt: skip
IN_WORDS = [
    ("call four one five, five five five, oh one three two", "PHONE"),
    ("call me on zero seven seven double oh nine hundred one two three", "PHONE"),
    ("my number is four one five 555 0132", "PHONE"),
    ("phone: twenty-one thirty forty-five fifty-six seventy-eight", "PHONE"),
    ("mon numéro : zéro six douze quatre-vingt-dix-huit soixante et onze vingt-huit", "PHONE"),
    ("mi teléfono es seis doce noventa y cuatro cincuenta y tres setenta y cuatro", "PHONE"),
    ("meine Nummer: null eins fünf eins dreiundzwanzig fünfundvierzig siebenundsechzig", "PHONE"),
    ("il mio numero tre quattro sette ventitré quarantacinque sessantasette otto", "PHONE"),
    ("mijn nummer nul zes drieentwintig vijfenveertig zeven acht negen", "PHONE"),
    ("my SSN is two nineteen oh nine nine nine nine eight", "SSN"),
    ("card 4111 then 1111 then 1111 then 1111", "CARD"),
    ("card 4111 dash 1111 dash 1111 dash 1111", "CARD"),
    ("my card is 4lll llll llll llll", "CARD"),
    ("card 5555 5555 5555 4444 and its twin 5lO5 1O51 O5l0 5lO0", "CARD"),
    ("my SSN is 2l9-O9-9998", "SSN"),
]
ADDRESSES = """john at example dot com|john AT example DOT co DOT uk|john (at) example (dot) com
john(at)example.com|john[at]example[dot]com|john {at} example {dot} com|john<at>example<dot>com
john -at- example -dot- com|john_at_example_dot_com|john "at" example "dot" com|john @ example . com
john @ example.com|john@ example.com|john@example dot com|john@gmail com|john@gmail,com|john＠example．com
john dot doe at gmail dot com|john underscore doe at gmail dot com|john.doe at gmail.com|johnATexampleDOTcom
john at-sign example dot com|john arroba ejemplo punto es|john(arroba)ejemplo.es|john arroba exemplo ponto com
john arobase exemple point fr|john ät beispiel punkt de|john chiocciola esempio punto it
john apenstaartje voorbeeld punt nl|john(a)example.com|jоhn@exаmple.com|jo\u200bhn@exam\u00adple.com
john&#64;example.com|john%40example.com|j o h n @ example.com
l e n a . v o g t @ w e b . d e|p e t e r _ k @ w e b . d e|ｊｏｈｎ＠ｅｘａｍｐｌｅ．ｃｏｍ"""
NO_ADDRESSES = """I ordered at example.com last week|look at amazon.de or at otto.de|at some point it broke
meet me at point b|the part at dot 3|we met at the dot|order at example dot com|follow @acme.shop now|@john_doe
5 @ 3.99|user@host|m***@g***.com|le**@example.org|npm pkg@1.2.3|https://user:pass@example.com/x
it arrived at one point in May|I am @ home. Come on|write at noon. Thanks|available at shop.example"""


def kinds(guardrails: Guardrails, text: str) -> list[tuple[str, str]]:
    verdict = guardrails.validate_input(text, NOWHERE)
    return [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]


def covered(found: list[tuple[str, str]], kind: str, place: str) -> bool:
    return len(found) == 1 and found[0][0] == kind and found[0][1] in place and 2 * len(found[0][1]) >= len(place)


def in_digits(digits: str) -> Callable[[str], str]:
    return lambda text: "".join(digits[int(c)] if c.isdigit() else c for c in text)


def strewn(mark: str) -> Callable[[str], str]:
    return lambda text: mark.join(text)


def test_digits_of_other_scripts_and_styles_are_digits(guardrails: Guardrails) -> None:
    rewritings = [
        *(in_digits(digits) for digits in DIGITS),
        *(strewn(mark) for mark in ("\u200b", "\u2060", "\u00ad", "\ufeff")),
        lambda text: "".join(f"{c}\ufe0f\u20e3" if c.isdigit() else c for c in text),
    ]
    for rewritten in rewritings:
        for kind, plain in (*PLAIN.items(), ("IBAN", IBAN)):
            place = rewritten(plain)
            assert covered(kinds(guardrails, SAID[kind].format(place)), kind, place), ascii(place)


def test_separators_of_any_sort_part_digits(guardrails: Guardrails) -> None:
    for separator in SEPARATORS:
        for kind, plain in (*PLAIN.items(), ("IBAN", IBAN)):
            if (separator, kind) == ("\n", "PHONE"):
                continue  # lines part numbers of a list
            place = plain.replace(" ", separator)
            assert covered(kinds(guardrails, SAID[kind].format(place)), kind, place), (kind, separator)
    for separator in (" ", ".", "-"):
        for kind in ("CARD", "SSN"):
            place = separator.join(PLAIN[kind].replace(" ", ""))
            assert covered(kinds(guardrails, SAID[kind].format(place)), kind, place), place


def test_digits_in_words_are_read_in_nine_languages(guardrails: Guardrails) -> None:
    numbers = {"CARD": "4012888888881881", "SSN": "219099998", "PHONE": "02079460958"}
    for language, names in ONES.items():
        *ones, double = names.split()
        for kind, digits in numbers.items():
            words = [ones[int(d)] for d in digits]
            doubled = " ".join(words).replace(f"{ones[8]} {ones[8]}", f"{double} {ones[8]}")
            for place in (" ".join(words), ", ".join(words), "-".join(words), " ".join(words).upper(), doubled):
                assert covered(kinds(guardrails, SAID[kind].format(place)), kind, place), (language, place)
    for text, kind in IN_WORDS:
        assert kind in [found for found, _ in kinds(guardrails, text)], text


def test_numbers_in_words_that_count_or_amount_to_something_else_are_left_alone(guardrails: Guardrails) -> None:
    for text in (
        "one two three four five six seven eight nine ten",
        "ten nine eight seven six five four three two one",
        "seven days and eight nights for two people in one room",
        "order number four one five five five five zero one three two",
        "between 10000 and 20000, then 30000 and 40000",
        "uno de dos, dos de tres, tres de cuatro, cuatro de cinco, cinco de seis, seis de siete",
    ):
        assert kinds(guardrails, text) == [], text


def test_addresses_in_words_and_brackets_are_read(guardrails: Guardrails) -> None:
    for address in (*ADDRESSES.replace("\n", "|").split("|"), "john@\nexample.com"):
        text = f"my mail is {address}"
        assert covered(kinds(guardrails, text), "EMAIL", address), ascii(text)


def test_talk_about_places_and_handles_is_no_address(guardrails: Guardrails) -> None:
    for text in NO_ADDRESSES.replace("\n", "|").split("|"):
        assert kinds(guardrails, text) == [], text


def test_cards_and_ssns_are_kept_in_no_disguise(guardrails: Guardrails) -> None:
    rewritings = [
        *(in_digits(digits) for digits in DIGITS),
        *(strewn(mark) for mark in ("\u200b", ".", " ")),
        lambda text: text.replace("1", "l").replace("0", "O"),
        lambda text: text.replace(" ", "🔥"),
        lambda text: " ".join(ONES["en"].split()[int(c)] for c in text if c.isdigit()),
    ]
    for rewritten in rewritings:
        for kind in ("CARD", "SSN"):
            kept = guardrails.sanitize(SAID[kind].format(rewritten(PLAIN[kind])))
            assert kept == SAID[kind].format(f"[{kind}]"), ascii(kept)
            assert guardrails.sanitize(kept) == kept
