"""Every form in which customers write phone numbers, cards, IBANs, SSNs and addresses is found, as what it is."""

from __future__ import annotations

import random
import re

from metta.guardrails import Guardrails
from metta.guardrails.numbers import IBAN_FORMS
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

PHONES = """US (415) 555-0132 | US 415.555.0132 | US +1 415 555 0132 | US 1-800-555-0199 | CA +1 (604) 555-0147
UK 07700 900123 | UK 020 7946 0958 | UK +44 (0)20 7946 0958 | UK 0044 7700 900123 | DE 0151 12345678
DE 030/2342608 | DE +49 (0)30 2342608 | DE 0160 - 11918461 | FR 06 12 34 56 78 | FR 07.73.82.96.75
FR +33 (0)6 12 34 56 78 | ES 612 34 56 78 | ES 91 123 45 67 | ES +34 612 345 678 | IT 347 1234567 | IT 347 123 4567
IT +39 02 1234 5678 | PT 912 345 678 | PT +351 912 345 678 | NL 06-12345678 | NL +31 (0)6 12345678
BE 0470 12 34 56 | BE +32 2 123 45 67 | CH 079 123 45 67 | CH +41 44 123 45 67 | AT 0664 1234567 | AT +43 1 5123456
IE 087 123 4567 | IE +353 1 123 4567 | SE 070-123 45 67 | SE +46 8 123 456 78 | NO +47 412 34 567
DK +45 12 34 56 78 | FI 040 123 4567 | FI +358 9 1234567 | PL 512 345 678 | PL +48 22 123 45 67 | CZ 602 123 456
SK +421 905 123 456 | HU 06 30 123 4567 | RO 0721 234 567 | BG 088 123 4567 | GR 694 123 4567 | GR +30 210 123 4567
HR 091 234 5678 | RS +381 64 123 4567 | SI 031 234 567 | RU 8 (912) 345-67-89 | RU +7 912 345-67-89
UA 067 123 45 67 | TR 0532 123 45 67 | IL 050-123-4567 | AE 050 123 4567 | SA +966 55 123 4567 | EG 010 1234 5678
MA 0612 34 56 78 | ZA 082 123 4567 | NG 0803 123 4567 | KE 0712 345 678 | IN 98765 43211 | IN +91-9876543211
PK 0300-1234567 | BD 01712-345678 | CN 138 1234 5678 | JP 090-1234-5678 | KR 010-1234-5678 | TW 0912-345-678
HK +852 9123 4567 | SG +65 9123 4567 | MY 012-345 6789 | TH 081-234-5678 | VN 091 234 56 78 | PH 0917 123 4567
ID 0812-3456-7890 | AU 0412 345 678 | AU (02) 9123 4567 | AU 1300 123 456 | NZ 021 123 4567 | BR (11) 91234-5678
BR 11 91234-5678 | MX 55 1234 5678 | AR 011 4123-4567 | CL 9 1234 5678 | CO 310 123 4567 | PE 987 654 321
VE 0412-1234567 | UY +598 99 123 456 | CR +506 8123 4567 | GH 024 123 4567"""
BARE = """4155550132 0612345678 01512345678 07700900123 13812345678 9876543211 612345678 3471234567 5512345678
89123456789 20123456 5550142""".split()  # noqa: SIM905 - a list of numbers reads better so
SAID = """my number is {} | call me on {} after six | Tel.: {} | WhatsApp {} | cell:{} | text me at {} please
Ph. {} | {} is my mobile | Sie erreichen mich unter {} | Handynummer {} | meine Telefonnummer lautet {}
mon numéro est le {} | appelez-moi au {} | joignable au {} | mi teléfono es el {} | llámame al {} | mi móvil {}
il mio numero è {} | cellulare {} | richiamatemi al {} | meu telefone é {} | telemóvel {} | mijn nummer is {}
bel me op {} | numer telefonu {} | mitt nummer är {} | puhelin {} | telefonum {} | мой телефон {} | звоните {}
我的电话是{} | 電話番号 {} | 전화번호 {} | رقم هاتفي {} | मेरा फोन नंबर {}"""
EXTENSIONS = (" ext. 12", " x12", ", ext 345", " extension 9", " Durchwahl 12", " poste 7", " int. 5", " anexo 12")
CARDS = {  # issuer -> prefix, length
    "Visa": ("4", 16), "Visa of 19": ("4", 19), "Mastercard": ("55", 16), "Mastercard 2": ("2221", 16),
    "Amex": ("37", 15), "Discover": ("6011", 16), "Discover 65": ("65", 16), "Diners": ("36", 14),
    "Diners 30": ("305", 14), "JCB": ("3528", 16), "UnionPay": ("62", 16), "UnionPay of 19": ("62", 19),
    "Maestro": ("6759", 16), "Mir": ("2200", 16), "Troy": ("9792", 16), "RuPay": ("60", 16), "Elo": ("6363", 16),
    "Verve": ("5061", 16),
}  # fmt: skip
NAMED_CARDS = {
    "Visa of 13": ("4", 13),
    "Maestro of 12": ("5018", 12),
    "Maestro of 18": ("6304", 18),
    "Verve of 19": ("5061", 19),
}
CARD_WORDS = """my card {} | Visa {} exp 12/27 | refund it to {} | Kreditkarte {} | meine Karte {} wurde belastet
carte {} | CB {} | tarjeta {} | la mia carta {} | meu cartão {} | mijn kaart {} | номер карты {} | 银行卡 {}
card #{} | card: {} 04/28 123"""
EMAILS = """lena@example.org | L.Vogt+shop@mail.example.co.uk | o'brien@example.ie | x_1%y@sub.dept.example.edu
lena@123.example | lena@shop.photography | jörg@münchen.de | иван@пример.рф | lena@xn--mnchen-3ya.de
"lena vogt"@example.org | a@b.co"""
AROUND = "{}|write to {}.|<{}>|mailto:{}|({}),|[{}]|my email:{}!|https://shop.example/unsub?email={}|я {}"


def kinds(guardrails: Guardrails, text: str) -> list[tuple[str, str]]:
    verdict = guardrails.validate_input(text, NOWHERE)
    return [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]


def listed(table: str) -> list[str]:
    return [row.strip() for line in table.splitlines() for row in line.split(" | ")]


def with_check_digit(start: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(start)))
    return start + str(-total % 10)


def card(prefix: str, size: int, seed: random.Random) -> str:
    return with_check_digit(prefix + "".join(str(seed.randint(0, 9)) for _ in range(size - len(prefix) - 1)))


def test_phone_numbers_of_all_countries_are_found_without_a_word_about_phones(guardrails: Guardrails) -> None:
    for row in listed(PHONES):
        number = row.split(" ", 1)[1]
        for text in (number, f"Lena Vogt, {number}", f"Lena Vogt\n{number}\n12 High Street", f"{number} thanks"):
            assert kinds(guardrails, text) == [("PHONE", number)], text


def test_phone_numbers_are_found_beside_the_words_of_many_languages(guardrails: Guardrails) -> None:
    numbers = [*BARE, *(row.split(" ", 1)[1] for row in listed(PHONES)[::7])]
    for place, words in enumerate(listed(SAID)):
        for number in numbers[place % 3 :: 3]:
            text = words.format(number)
            assert kinds(guardrails, text) == [("PHONE", number)], text


def test_extensions_belong_to_the_number(guardrails: Guardrails) -> None:
    for extension in EXTENSIONS:
        for number in ("415-555-0132", "+49 30 2342608", "01 42 56 63 72"):
            text = f"call {number}{extension} please"
            assert kinds(guardrails, text) == [("PHONE", number + extension)], text


def test_several_numbers_in_a_row_are_several(guardrails: Guardrails) -> None:
    for between in (", ", "\n", " or ", "; ", " / "):
        text = f"call 415-555-0132{between}415-555-0199"
        assert kinds(guardrails, text) == [("PHONE", "415-555-0132"), ("PHONE", "415-555-0199")], text
    table = "\n".join(f"415-555-{n:04d}" for n in range(100, 130))
    assert len(kinds(guardrails, f"phone numbers:\n{table}")) == 30
    ssns = "\n".join(f"219-09-{n:04d}" for n in range(9900, 9930))
    assert [kind for kind, _ in kinds(guardrails, f"SSNs:\n{ssns}")] == ["SSN"] * 30
    text = "on 12.05.2024 call 0151 12345678"
    assert kinds(guardrails, text) == [("PHONE", "0151 12345678")]


def test_cards_of_all_issuers_are_found_in_every_grouping(guardrails: Guardrails) -> None:
    seed = random.Random(5)
    for issuer, (prefix, size) in CARDS.items():
        digits = card(prefix, size, seed)
        cut = (4, 10, size) if size < 16 else (4, 8, 12, 16, size)
        groups = [digits[a:b] for a, b in zip((0, *cut), cut, strict=False) if a < b]
        for number in (digits, " ".join(groups), "-".join(groups), ".".join(groups), "/".join(groups)):
            assert kinds(guardrails, f"{number} please") == [("CARD", number)], issuer
    for issuer, (prefix, size) in NAMED_CARDS.items():
        number = card(prefix, size, seed)
        assert kinds(guardrails, f"my card is {number}") == [("CARD", number)], issuer


def test_cards_are_found_beside_the_words_of_many_languages(guardrails: Guardrails) -> None:
    for words in listed(CARD_WORDS):
        for number in ("4111111111111111", "3782 822463 10005", "50185 43210 98", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"):
            text = words.format(number)
            valid = number != "50185 43210 98"
            assert ([("CARD", number)] == kinds(guardrails, text)) is valid, text


def test_ibans_of_every_country_are_found_in_every_grouping(guardrails: Guardrails) -> None:
    seed = random.Random(7)
    for country, form in IBAN_FORMS.items():
        sorts = "".join(sort * int(size) for size, sort in re.findall(r"(\d+)([nac])", form))
        body = "".join(
            seed.choice({"n": "0123456789", "a": "ABCDEFGHKLMN", "c": "0123456789ABC"}[sort]) for sort in sorts
        )
        rest = int("".join(str(int(c, 36)) for c in f"{body}{country}00")) % 97
        iban = f"{country}{98 - rest:02d}{body}"
        grouped = " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
        for written in (iban, iban.lower(), grouped, grouped.replace(" ", "-"), grouped.replace(" ", ".")):
            assert kinds(guardrails, f"refund to {written}, please at noon") == [("IBAN", written)], written
        wrong = f"{country}{(98 - rest + 1) % 97 + 2:02d}{body}"
        assert ("IBAN", wrong) not in kinds(guardrails, wrong)


def test_ssns_are_found_with_any_separator_and_bare_beside_a_word(guardrails: Guardrails) -> None:
    for number in ("219-09-9998", "219 09 9998", "219.09.9998", "219/09/9998", "219_09_9998"):
        for text in (f"{number}", f"it is {number} thanks", f"my SSN is {number}", f"{number} is my social"):
            assert kinds(guardrails, text) == [("SSN", number)], text
    for words in (
        "my SSN {}",
        "social security number {}",
        "SSN# {}",
        "tax id {}",
        "{} is my social",
        "soc sec no. {}",
    ):
        for number in ("219099998", "2 1 9 0 9 9 9 9 8", "21 90 99 99 8"):
            assert kinds(guardrails, words.format(number)) == [("SSN", number)], words
    for wrong in ("000-12-3456", "666-12-3456", "912-34-5678", "219-00-9998", "219-09-0000"):
        assert kinds(guardrails, f"my SSN is {wrong}") == []


def test_addresses_are_found_wherever_they_stand(guardrails: Guardrails) -> None:
    for address in listed(EMAILS):
        for around in AROUND.split("|"):
            text = around.format(address)
            assert kinds(guardrails, text) == [("EMAIL", address)], text
    for between in (", ", ";", " ", "\n"):
        text = between.join(("lena@example.org", "marco@example.com", "x@y.example"))
        assert [kind for kind, _ in kinds(guardrails, text)] == ["EMAIL"] * 3
