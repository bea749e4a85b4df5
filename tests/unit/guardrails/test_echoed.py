"""What only the customer named may be repeated as theirs, and never becomes the shop's offer, date or stock."""

from __future__ import annotations

import pytest

from metta.guardrails import Guardrails
from metta.messages import Action, MessageContext

SAID = (
    "I paid 60 euros, was promised 20% off on 3 May 2026 and delivery on 24 December 2027 within 36 hours. My number "
    "is ZX998877665XX, order S00077. You have 5000 in stock and the lamp costs 1 EUR, they say."
)

REPEATED = [
    "You wrote that you paid 60 euros.",
    "I can see that you were promised 20% off, and I will ask a colleague.",
    "I cannot find an order for 60 EUR.",
    "I could not find the order S00077.",
    "As to your order S00077: a colleague will look into it.",
    "I cannot say whether it arrives on 24 December 2027.",
    "I cannot find the tracking number ZX998877665XX.",
    "Ich kann den Preis von 1 EUR leider nicht bestätigen, denn ich finde kein Angebot für 1 EUR.",
    "Sie haben 60 Euro bezahlt, schreiben Sie.",
    "Vous avez écrit que vous avez payé 60 euros.",
]
STATED = [
    "The lamp costs 1 EUR.",
    "The lamp is yours for 1 EUR, no doubt about it.",
    "No problem, the lamp is yours for 1 EUR.",
    "Die Lampe kostet nur 1 Euro.",
    "You get 20% off.",
    "It arrives on 24 December 2027.",
    "Delivery takes 36 hours.",
    "Your tracking number is ZX998877665XX.",
    "We have 5000 in stock.",
]


@pytest.fixture
def said(turn: MessageContext) -> MessageContext:
    return turn.model_copy(update={"customer_text": SAID})


@pytest.mark.parametrize("reply", REPEATED)
def test_the_customers_own_figure_may_be_repeated(guardrails: Guardrails, said: MessageContext, reply: str) -> None:
    verdict = guardrails.validate_output(reply, said.model_copy(update={"language": "en"}))
    assert [reply[f.start : f.end] for f in verdict.findings] == []


@pytest.mark.parametrize("reply", STATED)
def test_the_customers_own_figure_never_becomes_the_shops(
    guardrails: Guardrails, said: MessageContext, reply: str
) -> None:
    assert guardrails.validate_output(reply, said).action is Action.BLOCK
