"""Personal data is found where it is, in every disguise a customer may use, and look-alikes are left alone."""

from __future__ import annotations

import pytest

from metta.guardrails import Guardrails
from metta.messages import Action, MessageContext
from metta.policy import PiiPolicy, Policy

CARD = "4111 1111 1111 1111"

FOUND = [
    ("write to lena@example.org please", "EMAIL", "lena@example.org"),
    ("My mail: L.Vogt+shop@mail.example.co.uk.", "EMAIL", "L.Vogt+shop@mail.example.co.uk"),
    ("lena (at) example (dot) org", "EMAIL", "lena (at) example (dot) org"),
    ("you can reach me at lena dot vogt at example dot org", "EMAIL", "lena dot vogt at example dot org"),
    ("lena @ example.org", "EMAIL", "lena @ example.org"),
    ("lena＠example.org", "EMAIL", "lena＠example.org"),
    ("le\u200bna@exam\u00adple.org ok", "EMAIL", "le\u200bna@exam\u00adple.org"),
    ("call +49 151 12345678", "PHONE", "+49 151 12345678"),
    ("my number is (415) 555-0132 ext. 4", "PHONE", "(415) 555-0132 ext. 4"),
    ("Meine Nummer: 030 2342608", "PHONE", "030 2342608"),
    ("mon numéro est le 06 12 98 54 28", "PHONE", "06 12 98 54 28"),
    ("06 12 98 54 28", "PHONE", "06 12 98 54 28"),
    ("mi teléfono es 612 946 374", "PHONE", "612 946 374"),
    (
        "ring zero two nine zero three zero zero two five zero",
        "PHONE",
        "zero two nine zero three zero zero two five zero",
    ),
    ("my SSN is 219-09-9998", "SSN", "219-09-9998"),
    ("219-09-9998", "SSN", "219-09-9998"),
    ("social security number 219099998", "SSN", "219099998"),
    ("ssn 219\u00a009\u00a09998", "SSN", "219\u00a009\u00a09998"),
    (f"my card is {CARD}", "CARD", CARD),
    (f"{CARD} 09/29 123", "CARD", CARD),
    ("card 4111-1111-1111-1111!", "CARD", "4111-1111-1111-1111"),
    ("Amex 378282246310005", "CARD", "378282246310005"),
    ("Karte ４１１１ １１１１ １１１１ １１１１", "CARD", "４１１１ １１１１ １１１１ １１１１"),
    ("4111.1111.1111.1111", "CARD", "4111.1111.1111.1111"),
    (
        "cc four one one one one one one one one one one one one one one one",
        "CARD",
        "four one one one one one one one one one one one one one one one",
    ),
    ("IBAN DE89 3704 0044 0532 0130 00 bitte", "IBAN", "DE89 3704 0044 0532 0130 00"),
    ("GB29NWBK60161331926819", "IBAN", "GB29NWBK60161331926819"),
]

LOOK_ALIKES = [
    "Where is order 734296135014?",
    "order #4111111111111111",
    "Sendungsnummer 00340434161094012345",
    "my parcel JD014674801343029369",
    "USPS 9400 1456 4205 1326 7179 17",
    "RR919759418US is stuck in customs",
    "invoice 2024-000123",
    "ticket INC3720348",
    "part number 219-09-9998",
    "IMEI 490154203237518",
    "ISBN 978-0-24-926989-3",
    "EAN 9782717788888",
    "session 3d712776-607a-a2c3-cf10-34a898363d92",
    "delivered 2024-12-17 14:55",
    "am 17.07.2024 um 14:55 Uhr",
    "I was charged $1,249.99 twice",
    "total was 2,345,678 yen",
    "version 10.0.19045.3693",
    "card ending in 6463",
    "**** **** **** 4651",
    "000-12-3456",
    "666-12-3456",
    "912-34-5678",
    "219099998",
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "meet me at the shop at noon",
    "GPS 48.84320, 2.36147",
    "open 9:00-17:00 Mon-Fri",
    "I need 2 of 3 and 4 more, 5 6 7",
]


@pytest.mark.parametrize(("text", "kind", "place"), FOUND)
def test_personal_data_is_found_at_its_place_in_the_original(
    guardrails: Guardrails, nowhere: MessageContext, text: str, kind: str, place: str
) -> None:
    verdict = guardrails.validate_input(text, nowhere)
    found = [(f.kind, text[f.start : f.end]) for f in verdict.findings if f.check == "pii"]
    assert found == [(kind, place)]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_numbers_that_only_look_like_personal_data_are_left_alone(
    guardrails: Guardrails, nowhere: MessageContext, text: str
) -> None:
    verdict = guardrails.validate_input(text, nowhere)
    assert not [f for f in verdict.findings if f.check == "pii"]
    assert verdict.action is Action.ALLOW
    assert verdict.text == text


@pytest.mark.parametrize(("text", "kind", "place"), [row for row in FOUND if row[1] in ("CARD", "SSN", "IBAN")])
def test_cards_and_ssns_never_go_on(
    guardrails: Guardrails, nowhere: MessageContext, text: str, kind: str, place: str
) -> None:
    verdict = guardrails.validate_input(text, nowhere)
    assert verdict.action is Action.REDACT
    assert verdict.reason == f"pii/{kind}"
    assert place not in verdict.text
    assert f"[{kind}]" in verdict.text
    assert guardrails.sanitize(text) == verdict.text


def test_a_customers_own_mail_and_phone_reach_the_model(guardrails: Guardrails, nowhere: MessageContext) -> None:
    text = "I am lena@example.org, +49 151 12345678"
    verdict = guardrails.validate_input(text, nowhere)
    assert verdict.action is Action.ALLOW
    assert verdict.text == text == guardrails.sanitize(text)
    assert [f.kind for f in verdict.findings] == ["EMAIL", "PHONE"]


def test_the_policy_decides_per_kind(policy: Policy, nowhere: MessageContext) -> None:
    strict = policy.model_copy(
        update={"pii": PiiPolicy(input={"EMAIL": Action.REDACT, "CARD": Action.BLOCK, "PHONE": Action.HANDOFF})}
    )
    guardrails = Guardrails(strict)
    assert guardrails.validate_input("I am lena@example.org", nowhere).text == "I am [EMAIL]"
    assert guardrails.validate_input(f"card {CARD}", nowhere).action is Action.BLOCK
    assert guardrails.validate_input("call +49 151 12345678", nowhere).action is Action.HANDOFF


@pytest.mark.parametrize(
    "reply",
    [
        "We wrote to lena@example.org.",
        "We wrote to LENA@EXAMPLE.ORG.",
        "We will call +49 151 12345678.",
        "We will call 0151 12345678.",
    ],
)
def test_the_customers_own_address_may_be_repeated(guardrails: Guardrails, turn: MessageContext, reply: str) -> None:
    assert guardrails.validate_output(reply, turn).action is Action.ALLOW


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("Write to marco@example.com.", "EMAIL"),
        ("Write to marco at example dot com.", "EMAIL"),
        ("Call +39 347 1234567.", "PHONE"),
        (f"Your card {CARD} was charged.", "CARD"),
        ("The SSN is 219-09-9998.", "SSN"),
    ],
)
def test_anybody_elses_data_is_stopped(guardrails: Guardrails, turn: MessageContext, reply: str, kind: str) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert verdict.action is Action.BLOCK
    assert verdict.reason == f"pii/{kind}"


def test_an_address_from_a_tool_or_a_fact_may_leave(policy: Policy, turn: MessageContext) -> None:
    facts = policy.facts | {"contact": "Write to help@acme.example or call +49 30 5550199."}
    guardrails = Guardrails(policy.model_copy(update={"facts": facts}))
    context = turn.model_copy(update={"tool_results": ('{"carrierPhone": "+49 228 4333112"}',)})
    for reply in ("Write to help@acme.example.", "Call +49 30 5550199.", "Call +49 228 4333112."):
        assert guardrails.validate_output(reply, context).action is Action.ALLOW, reply


def test_masking_twice_masks_once(guardrails: Guardrails) -> None:
    text = f"SSN 219-09-9998 and {CARD}; later 219099998 or 123456789"
    once = guardrails.sanitize(text)
    assert "9998" not in once
    assert guardrails.sanitize(once) == once
