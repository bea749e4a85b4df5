"""Cards and SSNs reach nobody behind an order word, between markup or words, in Russian or Turkish, or encoded."""

from __future__ import annotations

import base64

import pytest

from metta.guardrails import Guardrails
from metta.messages import Contact, ConversationKey, MessageContext

NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))

BEHIND_ORDER_WORDS = [
    ("order no. {} exp 12/27 cvv 123", "4242 4242 4242 4242"),
    ("order no. {}", "4242 4242 4242 4242"),
    ("order {} 12 27 123", "4242 4242 4242 4242"),
    ("order {}", "3782 822463 10005"),
    ("order {}", "4242 4242 4242 4 242"),
    ("order {}", "4242,4242,4242,4242"),
    ("ticket 881: {} 12/27 123", "4242 4242 4242 4242"),
    ("serial {} exp 11/26", "4242424242424242"),
    ("serial {}, valid thru 11/2026", "4242424242424242"),
    ("order={} cvc 123", "4242424242424242"),
    ("order number {} no wait that's my credit card", "4242424242424242"),
    ("Bestellung {}, nein, das ist die Kreditkarte", "4242424242424242"),
    ("ref {} security code 123", "5018000000000009"),
]
STREWN = [
    "4242</b> <b>4242</b> <b>4242</b> <b>4242",
    '4242<i class="a">4242<i class="a">4242<i class="a">4242',
    "4242<br>4242<br>4242<br>4242",
    "4242] [4242] [4242] [4242",
    "4242' '4242' '4242' '4242",
    "4242+4242+4242+4242",
    "4242=4242=4242=4242",
    "4242 4242 4242 4 242",
    "4242a4242b4242c4242",
    "3782+822463+10005",
]
IN_WORDS = [
    "четыре два " * 8,
    "сорок два " * 8,
    "dört iki " * 8,
    "kırk iki " * 8,
]


@pytest.mark.parametrize(("words", "card"), BEHIND_ORDER_WORDS)
def test_a_card_behind_an_order_word_is_masked(guardrails: Guardrails, words: str, card: str) -> None:
    verdict = guardrails.validate_input(words.format(card), NOWHERE)
    assert verdict.text == words.format("[CARD]")
    assert guardrails.sanitize(words.format(card)) == words.format("[CARD]")


@pytest.mark.parametrize("card", STREWN)
def test_a_card_in_groups_apart_is_masked(guardrails: Guardrails, card: str) -> None:
    assert guardrails.sanitize(f"pay with {card}") == "pay with [CARD]"


def test_two_cards_in_a_row_behind_an_order_word_are_both_masked(guardrails: Guardrails) -> None:
    assert guardrails.sanitize("order 4242 4242 4242 4242 5555 5555 5555 4444") == "order [CARD] [CARD]"


def test_words_between_the_groups_of_a_card_hide_nothing(guardrails: Guardrails) -> None:
    for text in ("card: 4242 4242 then 4242 4242", "my card is 4242 and then 4242 after that 4242 and finally 4242"):
        assert "4242" not in guardrails.sanitize(text), text


@pytest.mark.parametrize("words", IN_WORDS)
def test_a_card_in_russian_or_turkish_words_is_masked(guardrails: Guardrails, words: str) -> None:
    assert guardrails.sanitize(words.strip()) == "[CARD]"
    assert guardrails.sanitize(f"{words}, ok?").startswith("[CARD]")


@pytest.mark.parametrize(
    "before", ["for my order: ", "order no. ", "account ", "order #", "my phone broke, so: ", "order 881: "]
)
def test_an_ssn_is_one_whatever_stands_before(guardrails: Guardrails, before: str) -> None:
    assert guardrails.sanitize(f"{before}219-09-9999") == f"{before}[SSN]"


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        ("4242 4242 4242 4242", "CARD"),
        ("4242424242424242", "CARD"),
        ("my card is 4242424242424242 ok", "CARD"),
        ("219-09-9999", "SSN"),
    ],
)
def test_a_card_or_ssn_that_is_encoded_is_masked(guardrails: Guardrails, plain: str, kind: str) -> None:
    raw = plain.encode()
    for encoded in (base64.b64encode(raw).decode(), base64.b64encode(raw).decode().rstrip("="), raw.hex()):
        assert guardrails.sanitize(f"see {encoded} please") == f"see [{kind}] please", encoded


def test_no_strewn_card_leaves_in_an_answer(guardrails: Guardrails) -> None:
    for words, card in BEHIND_ORDER_WORDS:
        assert card not in guardrails.validate_output(words.format(card), NOWHERE).text, words
        found = guardrails.validate_output(words.format(card), NOWHERE).findings
        assert ("pii", "CARD") in [(finding.check, finding.kind) for finding in found], words
