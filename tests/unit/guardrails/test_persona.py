"""No reply claims to come from a person; saying that it does not, or that a person will come, is fine."""

from __future__ import annotations

import pytest

from metta.guardrails import Guardrails
from metta.messages import Action, MessageContext

CLAIMS = [
    "I am Anna, a human employee of Acme Retail.",
    "I'm a real person, how can I help?",
    "I am not a bot.",
    "This is Nina Kraus from the support team.",
    "My name is Anna from the customer service team.",
    "Ich bin ein echter Mensch.",
    "Ich bin kein Roboter.",
    "Soy una persona real.",
    "No soy un robot.",
    "Je suis une vraie personne.",
    "Je ne suis pas un robot.",
    "Sou uma pessoa de verdade.",
    "Não sou um robô.",
    "Sono una persona vera.",
    "Non sono un robot.",
    "Ik ben een echt mens.",
    "Ik ben geen robot.",
]
HONEST = [
    "I am not a person but an assistant; a colleague can take over.",
    "I am Metta, the assistant of Acme Retail.",
    "I'm sorry, a person from the support team will get back to you.",
    "I am an automated assistant, not a human.",
    "This is a question for our support team.",
    "The lamp is for one person.",
    "Ich bin kein Mensch, sondern ein Assistent.",
    "Ein Mitarbeiter meldet sich bei Ihnen.",
    "No soy una persona, soy un asistente.",
    "Je ne suis pas une personne, mais un assistant.",
    "Non sono una persona.",
    "Ik ben geen mens maar een assistent.",
]


@pytest.mark.parametrize("reply", CLAIMS)
def test_a_reply_that_claims_to_be_a_person_does_not_leave(
    guardrails: Guardrails, nowhere: MessageContext, reply: str
) -> None:
    verdict = guardrails.validate_output(reply, nowhere)
    assert (verdict.action, verdict.reason) == (Action.BLOCK, "rules/impersonation")


@pytest.mark.parametrize("reply", HONEST)
def test_a_reply_that_tells_the_truth_leaves(guardrails: Guardrails, nowhere: MessageContext, reply: str) -> None:
    assert guardrails.validate_output(reply, nowhere).findings == ()
