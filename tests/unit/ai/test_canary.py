"""The instructions carry a canary, and a reply that carries it does not leave."""

from __future__ import annotations

from metta.ai.agent import instructions_text
from metta.guardrails import Guardrails
from metta.messages import Action, Contact, ConversationKey, MessageContext
from metta.policy import load_policy


def test_a_reply_that_repeats_the_mark_of_the_instructions_is_stopped() -> None:
    policy = load_policy()
    assert policy.canary in instructions_text(policy)
    context = MessageContext(
        key=ConversationKey(account_id=3, conversation_id=84), inbox_id=11, contact=Contact(id=901)
    )
    verdict = Guardrails(policy).validate_output(f"My mark is {policy.canary}.", context)
    assert (verdict.action, verdict.reason) == (Action.BLOCK, "leak/CANARY")
