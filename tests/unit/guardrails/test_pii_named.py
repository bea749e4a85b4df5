"""A number is what its field, the head of its table or the words behind it call it."""

from __future__ import annotations

import pytest

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

NAMED = [
    ('{{"phoneNumber":"{}"}}', "PHONE", "5512345"),
    ("mobileNumber={}", "PHONE", "4155550132"),
    ("kontaktnummer: {}", "PHONE", "20 7946 0958"),
    ("telepon {}", "PHONE", "5512345"),
    ("наберите {}", "PHONE", "5512345"),
    ("contactez-moi au {}", "PHONE", "4155550132"),
    ("postal code 28013, Calle de Alcala 45, 3-B, {}", "PHONE", "91 523 45 67"),
    ("请打{}", "PHONE", "13812345678"),
    ("yes, {}", "PHONE", "93 344 8699"),
    ("{}, x1+2024@wp.pl", "PHONE", "+34 639 091 170"),
    ("{}\nx1.doe@wp.pl", "PHONE", "+34 639 091 170"),
    ("{} (home)", "PHONE", "4155550132"),
    ('{{"cardNumber":"{}"}}', "CARD", "6759649826438453"),
    ("kart numaram {}", "CARD", "6759649826438453"),
    ("bill to {}", "CARD", "6759649826438453"),
    ('{{"socialSecurityNumber":"{}"}}', "SSN", "219099998"),
    ("taxpayer id {}", "SSN", "219099998"),
    ("{}, my ssn", "SSN", "219099998"),
    ("{} - that's my social security number", "SSN", "219099998"),
]
STILL_CODES = ["orderNumber={}", "accountNumber: {}", "Kundennummer {}", "trackingNumber: {}"]


@pytest.mark.parametrize(("words", "kind", "number"), NAMED)
def test_a_number_is_what_the_words_around_it_call_it(
    guardrails: Guardrails, words: str, kind: str, number: str
) -> None:
    text = words.format(number)
    verdict = guardrails.validate_input(text, NOWHERE)
    assert [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.kind != "EMAIL"] == [(kind, number)]


@pytest.mark.parametrize("words", STILL_CODES)
def test_numbers_of_orders_and_accounts_stay_codes(guardrails: Guardrails, words: str) -> None:
    for number in ("5512345", "4155550132", "219099998", "6759649826438453"):
        assert guardrails.validate_input(words.format(number), NOWHERE).findings == (), number


def test_the_ssn_of_another_number_is_not_that_number(guardrails: Guardrails) -> None:
    verdict = guardrails.validate_input("219099998, my ssn is 219-09-9999", NOWHERE)
    assert [f.start for f in verdict.findings] == [21]


def test_each_column_of_a_table_is_told_apart(guardrails: Guardrails) -> None:
    text = "ssn,phone\n219-09-9998,+44 7700 900123\n219-09-9999,030 2342608"
    verdict = guardrails.validate_input(text, NOWHERE)
    assert [f.kind for f in verdict.findings] == ["SSN", "PHONE", "SSN", "PHONE"]
