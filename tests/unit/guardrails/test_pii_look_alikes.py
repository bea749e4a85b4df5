"""Numbers of orders, parcels, articles, dates, amounts and machines are not taken for personal data."""

from __future__ import annotations

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

NAMED = """order {} | order number {} | order no. {} | Order ID: {} | my order number is {} | {} is my order number
PO {} | Bestellung {} | Bestellnummer {} | Auftragsnummer: {} | commande n° {} | mon numéro de commande est {}
pedido {} | mi número de pedido es {} | numero d'ordine {} | encomenda {} | bestelnummer {} | zamówienie {}
заказ {} | 订单号 {} | 注文番号 {} | tracking number {} | Sendungsnummer {} | numéro de suivi {} | colis {}
spedizione {} | rastreio {} | parcel {} | DHL {} | UPS {} | invoice {} | Rechnungsnummer {} | facture {}
factura {} | fattura {} | factuur {} | receipt {} | ticket {} | case number {} | reference {} | ref. {} | Buchung {}
reserva {} | SKU {} | item no. {} | Artikelnummer {} | part number {} | serial number {} | Seriennummer {} | S/N {}
IMEI {} | my phone's IMEI is {} | EAN {} | ISBN {} | Kundennummer {} | customer number {} | user id {}
policy number {} | account number {} | Kontonummer {} | gift card {} | loyalty card {} | voucher {} | session {}
call about order {} | please call about invoice {} | my phone order {} | llamé por el pedido {}
Anruf wegen Bestellung {} | Zählernummer {}"""
NUMBERS = """7342961 73429613 734296135 4155550132 415-555-0132 0612345678 734296135014 4111111111111111
98765-43210 458-7479921-5278029 9400145642054213267179 00340434161094012345 612-946-374 449044304137821""".split()  # noqa: SIM905
SSN_SHAPED = """part number {} | part no. {} | P/N {} | SKU {} | item no. {} | Artikelnummer {} | Seriennummer {}
serial number {} | model {} | article {} | Ersatzteil {} | product code {} | part-{} | https://shop.example/orders/{}"""
CARD_SHAPED = """tracking 4242 4242 4242 4243 | orders 4532, 4485, 4716, 4921 | orders #4532 #4485 #4716 #4921
$4532 $4485 $4716 $4921 | order #4242424242424242 | order 4242424242424242, please hurry
order 4242424242424242 from 12.05.2024 | order 4242424242424242 was paid, refund it | USPS 9400 1456 4205 1326 7179 17
DE89 3704 0044 0532 0130 01 | between 4532 and 4485 or 4716 and 4921 | order 4242424242424242 on my gift card
IMEI 4242424242424242 until Monday | https://shop.example/4242424242424242 | CEP: 20040-020 | NIP 526-104-08-28
git@github.com:acme/shop.git | git clone git@gitlab.example.org:acme/tools.git
tracking 9400 4242 4242 4242 4242 17 | cep 01310-100"""
BARE = """1Z999AA10123456784 | JD014600003123456789 | RR123456789GB | 9400 1456 4205 1326 7179 17
458-7479921-5278029 | TBA123456789012 | LP00123456789012 | 3d712776-607a-a2c3-cf10-34a898363d92
da39a3ee5e6b4b0d3255bfef95601890afd80709 | 12.05.2024 | 2024-05-12 10:15 | 12/05/2024 - 19/05/2024
2024-05-12T10:15:30.123Z | 20240512101530 | call me on 13. 01. 2024 | 17 07 2024 | am 19.02.2024, 12:55 Uhr
Mo-Fr 08:00-18:00 | call me 09:00-17:00 | 0900-1700 | 1715508930 | 1715508930123 | $1,249.99 | 1.234.567,89 €
1 234 567,89 | CHF 1'234'567.80 | Rs. 12,49,999.00 | total 2,345,678 yen | EUR 1234567 | 9,876,543 | 10.0.19045.3693
version 12.345.67.8901 | 192.168.178.120 | contact 192.168.178.120 | 2001:db8::1428:57ab | 00:1a:2b:3c:4d:5e
48.84320, 2.36147 | 52.520008,13.404954 | WVWZZZ1JZ3W386752 | 90x200x40 | 1920x1080 60Hz | 205/55 R16 91V
38 39 40 41 42 43 44 | 4006381333931 | 978-3-16-148410-0 | 4 006381 333931 | 10.1038/s41586-020-2649-2
US 9,876,543 B2 | arXiv:2401.12345 | **** **** **** 4651 | 4111 **** **** 1111 | 4111 11** **** 1111 | XXX-XX-1337
+49 151 ******78 | (***) ***-0132 | card ending in 6463 | 94107-6592 | PLZ 10115 | sort code 20-00-00
routing number 021000021 | BLZ 370 400 44 | LH 1234 | B-XY 1234 | meter 012345 kWh | lottery 03 16 23 36 45 49
0 1 1 2 3 5 8 13 21 | 6-4 3-6 7-5 | 5 stars 10/10 | 10000-20000 mAh | 50000-60000 | 1000, 2000, 3000
https://shop.example/orders/4155550132 | https://shop.example/?order=4111111111111111
{"order_id": 4155550132, "created": 1715508930} | CPF 123.456.789-09 | SIRET 732 829 320 00074 | VAT DE123456789
[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] | DE89 3704 0044 0532 0130 01 | at 1781729844950 please
BA015 ist nicht angekommen | tracking no. 07 9214 7199 524 | zip+4 94505-5202 | @ph1664068 look
ISBN-13: 978 0 738 84903 8 | imei number 355967 08 250379 9 | is iOS 16.1.4833.5697 correct | 14.4.7610.4860
Payback 628 411 935 | HRB 01-5822790 | company no. 45-3903680 | orders 12345/67890/11223 | 01 02 03 04 05
05-10-15-20-25 | charged 49.99 49.99 49.99 49.99 | courier 12345678901234 | refund 1234 5678 9012 3456
054.4.4744.023 | tracciamento 0800 6308 7470 | Chronopost 09740395089 | InPost 3871271251035181 | incident 644 712 693
Fall 677 089 776 | SKUs 612 946 374 | 89579/31864/08096/30491 | inv. 0294956782 | contact lenses -2.25 -2.50 180 90
NHS 943 476 5919 | I reached 1000000 points | social media post 123456789 | 0123456789
Hi, WA549881886DE never came | nr. 734296135014 | 1-2-3-4-5-6-7-8 | 2021, 2022, 2023, 2024 | 9 digits 123456789"""
AROUND = ("{}", "Where is my {}?", "{} never arrived", "Hi, {} - please check", "c'est pour {}", "{}\nthanks")


def found(guardrails: Guardrails, text: str) -> list[tuple[str, str]]:
    verdict = guardrails.validate_input(text, NOWHERE)
    return [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]


def listed(table: str) -> list[str]:
    return [row.strip() for line in table.splitlines() for row in line.split(" | ")]


def test_numbers_that_a_word_names_otherwise_are_left_alone(guardrails: Guardrails) -> None:
    for words in listed(NAMED):
        for number in NUMBERS:
            assert found(guardrails, words.format(number)) == [], words.format(number)


def test_an_ssn_shaped_number_is_a_part_number_only_right_behind_that_word(guardrails: Guardrails) -> None:
    for words in listed(SSN_SHAPED):
        assert found(guardrails, words.format("219-09-9998")) == [], words
    assert found(guardrails, "part missing, mine: 219-09-9998") == [("SSN", "219-09-9998")]


def test_codes_in_the_groups_of_cards_and_repositories_are_left_alone(guardrails: Guardrails) -> None:
    for text in listed(CARD_SHAPED):
        assert found(guardrails, text) == [], text


def test_numbers_whose_form_is_another_are_left_alone(guardrails: Guardrails) -> None:
    for look_alike in listed(BARE):
        for around in AROUND:
            text = around.replace("{}", look_alike)
            assert found(guardrails, text) == [], text


def test_a_phone_number_beside_an_order_number_is_still_found(guardrails: Guardrails) -> None:
    for text in (
        "order 734296135014, my number is 415-555-0132",
        "My parcel is late. 415-555-0132",
        "invoice 2024-00123\n415-555-0132",
        "ticket 8812345: call 415-555-0132",
    ):
        assert found(guardrails, text) == [("PHONE", "415-555-0132")], text
    text = "order 734296135014 was paid with card 4111 1111 1111 1111"
    assert found(guardrails, text) == [("CARD", "4111 1111 1111 1111")]
