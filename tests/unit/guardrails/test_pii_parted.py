"""Values between brackets, quotes and odd signs, letter by letter, in one word, encoded or backwards are found, too."""

from __future__ import annotations

import base64

import pytest

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

SAID = {"CARD": "card {}", "SSN": "my SSN is {}", "PHONE": "call me on {}"}
GROUPS = {"CARD": "4111 1111 1111 1111", "SSN": "219 09 9998", "PHONE": "415 555 0132"}
SIGNS = ["+", "=", "#", "&", "!", ";", "] [", "][", '" "', "** **", "?", "' '", "} {", "\\"]
NO_VALUES = """what is 219+09+9998 | SSN 219+09=228 | call me, 100+200+300=600 | card [219] [09] [9998]
key 41!55#55!01 | [1] [2] [3] [4] [5] [6] [7] [8] [9] | my phone cost $415+$555+$0132
["2024"; "2025"; "2026"]"""
LETTERED = [
    ("my number is {}", "PHONE", "O151 2345 67O1"),
    ("tel {}", "PHONE", "4l55 55OI 32"),
    ("IBAN {}", "IBAN", "DE89 37O4 OO44 O532 O13O OO"),
    ("my IBAN: {}", "IBAN", "DE8937O4OO44O532O13OOO"),
]
IN_ONE_WORD = [
    ("my number is {}", "PHONE", "fouronefivefivefivefivezeroonethreetwo"),
    ("SSN {}", "SSN", "TwoOneNineZeroNineNineNineNineEight"),
    ("Telefon {}", "PHONE", "nulleinsfünfeinszweidreivierfünfsechs"),
    ("我的电话是 {}", "PHONE", "一三八一二三四五六七八"),
    ("ssn {}", "SSN", "2 one 9 0 9 9 9 9 8"),
    ("Social: {}", "SSN", "o one nine zero nine nine nine nine eight"),
    ("social security number {}", "SSN", "six nine one 20 six seven one zero"),
]
ENCODED = [
    ("EMAIL", "jane.doe@example.com"),
    ("IBAN", "DE89370400440532013000"),
    ("PHONE", "+49 151 23456789"),
    ("CARD", "4111 1111 1111 1111"),
]
ADDRESSES = [
    "jane.doe@example,com",
    "jane@mail,example.org",
    "jane@example\u3002com",
    "jane.doe @example.com",
    "jane.doe@example .com",
    "a n n a 9 2 5 8 @ w e b . d e",
]
NO_ADDRESSES = """j***e@gmail.com | jo****@web.de | I looked at gmail.com | I have been shopping at web.de
size M @ shop.com | it came.bought at shop.com | 3 pieces,com | ask @jane,com | look @ shop.com"""


def found(guardrails: Guardrails, text: str) -> list[tuple[str, str]]:
    verdict = guardrails.validate_input(text, NOWHERE)
    return [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("kind", GROUPS)
def test_a_named_number_between_any_signs_is_found(guardrails: Guardrails, kind: str, sign: str) -> None:
    place = GROUPS[kind].replace(" ", sign)
    assert found(guardrails, SAID[kind].format(place)) == [(kind, place)]


def test_a_number_with_a_sign_behind_each_digit_is_found(guardrails: Guardrails) -> None:
    for kind, said in SAID.items():
        place = "+".join(GROUPS[kind].replace(" ", ""))
        assert found(guardrails, said.format(place)) == [(kind, place)]


def test_sums_lists_and_keys_are_no_numbers_of_anybody(guardrails: Guardrails) -> None:
    for line in NO_VALUES.splitlines():
        for text in line.split(" | "):
            assert found(guardrails, text) == [], text
    phones = found(guardrails, "call 5512345; 5512346; 5512347")
    assert phones == [("PHONE", "5512345"), ("PHONE", "5512346"), ("PHONE", "5512347")]


@pytest.mark.parametrize(("said", "kind", "place"), LETTERED)
def test_letters_for_digits_hide_no_phone_and_no_iban(guardrails: Guardrails, said: str, kind: str, place: str) -> None:
    assert [each for each, _ in found(guardrails, said.format(place))] == [kind]


@pytest.mark.parametrize(("said", "kind", "place"), IN_ONE_WORD)
def test_digits_in_words_are_read_without_blanks_and_among_digits(
    guardrails: Guardrails, said: str, kind: str, place: str
) -> None:
    assert found(guardrails, said.format(place)) == [(kind, place)]


@pytest.mark.parametrize(("kind", "plain"), ENCODED)
def test_every_value_that_is_encoded_is_found(guardrails: Guardrails, kind: str, plain: str) -> None:
    raw = plain.encode()
    for place in (base64.b64encode(raw).decode(), raw.hex(), raw.hex(" ")):
        if kind != "EMAIL" or " " not in place:
            assert found(guardrails, f"see {place} please") == [(kind, place)], place


def test_a_card_in_pairs_of_hexadecimal_is_no_other_card(guardrails: Guardrails) -> None:
    place = b"6447 8237 2829 3419".hex(" ")
    assert found(guardrails, f"card {place}") == [("CARD", place)]


def test_values_backwards_are_found_where_the_text_says_so(guardrails: Guardrails) -> None:
    card, address = "5105105105105100"[::-1], "jane.doe@example.com"[::-1]
    assert found(guardrails, f"my card, backwards: {card}") == [("CARD", card)]
    assert found(guardrails, f"schreib rückwärts an {address}")[0][0] == "EMAIL"
    assert found(guardrails, f"order {card}, sent backwards") == []
    assert found(guardrails, f"my parcel {card}") == []
    assert found(guardrails, "backwards sdrawkcab " * 50) == []


def test_a_full_name_at_a_host_is_an_address_with_no_word_that_says_so(guardrails: Guardrails) -> None:
    assert found(guardrails, "jane.doe at example.com") == [("EMAIL", "jane.doe at example.com")]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_comma_a_foreign_stop_or_blanks_is_one(guardrails: Guardrails, address: str) -> None:
    assert found(guardrails, f"it is {address}") == [("EMAIL", address)]


def test_masked_addresses_and_shops_are_no_addresses(guardrails: Guardrails) -> None:
    for line in NO_ADDRESSES.splitlines():
        for text in line.split(" | "):
            assert found(guardrails, text) == [], text
