"""Several values in one stretch of digits are told apart, and rows of dates, amounts and codes hold none."""

from __future__ import annotations

import random

import pytest

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

PLAIN = {
    "CARD": ("6011 2596 3556 5399", "2500-1988-3976-5396", "3782 822463 10005", "4012888888881881"),
    "SSN": ("608-17-9340", "219.09.9998"),
    "PHONE": ("+51 963 017 468", "0474 89 88 58", "415-555-0132", "(415) 555-0199", "0151 12345678", "020 7946 0958"),
    "IBAN": ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"),
}
BETWEEN = (", ", "; ", " / ", " | ", " and ", " or ", "\n", " ")
ROWS = [
    (
        "my details: 608-17-9340, 6011 2596 3556 5399, +51 963 017 468. Please confirm by 11-03-2024",
        "SSN CARD PHONE",
    ),
    ("608-17-9340,6011 2596 3556 5399", "SSN CARD"),
    ("6011 2596 3556 5399 219 09 9998", "CARD SSN"),
    ("6011 0193 7126 4857 306 0474 89 88 58", "CARD PHONE"),
    ("4323-681-718-310 05-03-2026 852,98 EUR", "CARD"),
    ("2500 1988 3976 5396 06-08-2020", "CARD"),
    ("06-08-2020 2500 1988 3976 5396", "CARD"),
    ("2024-05-12 14:30 2500 1988 3976 5396", "CARD"),
    ("12,50 EUR 2500 1988 3976 5396", "CARD"),
    ("6011 2596 3556 5399 12/27 123", "CARD"),
    ("6011 2596 3556 5399, 12/27, 123, 415-555-0132", "CARD PHONE"),
    ("4012888888881881 123, 415-555-0132", "CARD PHONE"),
    ("608-17-9340 11.03.2024", "SSN"),
    ("004-75-7260 06/01/20", "SSN"),
    ("Ref.#312456816; 2221559375620394", "CARD"),
    ("order 312456816, 2221559375620394", "CARD"),
    ("608-17-9340 2024-03-11 17:05", "SSN"),
    ("0474 89 88 58 11.03.2024", "PHONE"),
    ("415-555-0132 12,99 USD", "PHONE"),
    ("EUR 12.99 415-555-0132", "PHONE"),
    ("415-555-0132 $12.99", "PHONE"),
    ("12,99 EUR 0474 89 88 58", "PHONE"),
    ("Ref.#6030373 0474 89 88 58", "PHONE"),
    ("order 6030373, 415-555-0132", "PHONE"),
    ("order 6030373 (415) 555-0132", "PHONE"),
    ("order 6030373; 6011 2596 3556 5399", "CARD"),
    ("order 6030373 or 6011 2596 3556 5399", "CARD"),
    ("ticket 6030373, 608-17-9340", "SSN"),
    ("DE89 3704 0044 0532 0130 00,415-555-0132", "IBAN PHONE"),
    ("x7@mail.example.org / 415-555-0132", "EMAIL PHONE"),
    ("0160 - 11955349\nx77@example.org", "PHONE EMAIL"),
    ("\n".join(["05-03-2026 608-17-9340 12,50"] * 30), "SSN " * 30),
]
NO_ROWS = [
    "orders 12345678, 23456789",
    "order numbers 98468231\n25833102\n65958033\n791340112",
    "890791347 | 71630536 | 10042591 | 776356432",
    "654410546, 647129083",
    "42776477 | 92128767",
    "orders 415-555-0132, 415-555-0199",
    "orders 734296135014123, 2221559375620394",
    "orders 4111111111111111; 2221559375620394",
    "orders 4111111111111111, 2221559375620394",
    "order 6030373 647 129 083",
    "tracking 9400 1456 4205 1326 7179 17, 9400 1456 4205 1326 7179 18",
    "tracking 9400 8823 0086 6907 3559 46 | 9400 3738 4408 4495 8180 01",
    "parcels: 9400 3845 6892 4925 7759 86 / 0696 8785 3579",
    "delivered 05/26/20 03:51 / 01/12/2016 01:14 / 15.01.2016 01:09 / 2026-02-28 05:28",
    "delivered 08/11/24 03:01; 01-12-2022 01:12",
    "ticket 74932372 05/10/25 0642",
    "22.06.2022 card payment 635,41 -\n08.03.2015 344,66 -",
    "06/11/25 101,70 EUR\n01.10.2027 card payment 1756,22\n01.10.2018 643,33 EUR",
    "10.02.2021 03/09/2025 1403,28\n2015-10-02 1562,98",
    "prices: 12,99 / 145,00 / 1.299,50 / 33,10",
    "sizes 84 84.7 62.2 38\n9.96 93.16 16\n64.33 37.6 121",
    "54 242 94.21\n55 41 74.1 75.0 56",
    "**** **** **** 0258 13-05-2018 252,89",
    '{"order_id": 16386657, "created": 1715508930, "items": [12345, 23456], "total": 12.99}',
    "4111 1111 1111 1112 12/27 123",
    "12,99 612 345 678 14,99",
    "77 219 09 9998 30 44",
    "219 09 9998 30 4455 66",
    "0258 13-05-2018 252,89",
    "**** 0258 123 456, 11.03.2024",
    "GI75 NWBK ABCD EFGH IJKL MNO",
]


def found(guardrails: Guardrails, text: str) -> list[tuple[str, str]]:
    verdict = guardrails.validate_input(text, NOWHERE)
    return [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]


@pytest.mark.parametrize(("text", "kinds"), ROWS)
def test_values_in_a_row_are_found_beside_dates_amounts_and_codes(
    guardrails: Guardrails, text: str, kinds: str
) -> None:
    assert [kind for kind, _ in found(guardrails, text)] == kinds.split()


@pytest.mark.parametrize("text", NO_ROWS)
def test_rows_of_codes_dates_amounts_and_sizes_hold_no_personal_data(guardrails: Guardrails, text: str) -> None:
    assert found(guardrails, text) == []


def test_a_phone_number_behind_a_reference_does_not_take_it_along(guardrails: Guardrails) -> None:
    assert found(guardrails, "Ref.#6030373 0474 89 88 58") == [("PHONE", "0474 89 88 58")]


def test_any_values_in_any_order_and_between_any_signs_are_each_found_at_their_place(guardrails: Guardrails) -> None:
    seed = random.Random(11)
    for _ in range(300):
        values = [(kind, seed.choice(PLAIN[kind])) for kind in seed.choices(list(PLAIN), k=seed.randint(2, 4))]
        between = seed.choice(BETWEEN)
        text = between.join(value for _, value in values)
        assert found(guardrails, text) == values, text


def test_ibans_with_hardly_a_digit_are_found(guardrails: Guardrails) -> None:
    for iban in ("RO36 DSIG ABCD EFGH IJKL MNOP", "GI05 NWBK ABCD EFGH IJKL MNO"):
        digits = iban.replace(" ", "")
        check = 98 - int("".join(str(int(c, 36)) for c in f"{digits[4:]}{digits[:2]}00")) % 97
        valid = f"{iban[:2]}{check:02d}{iban[4:]}"
        for written in (valid, valid.replace(" ", "")):
            assert found(guardrails, f"refund to {written}, Example Bank") == [("IBAN", written)]
