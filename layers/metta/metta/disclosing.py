"""Adds what customers must be told to a reply. No model has a say in it.

A reply is composed once, before its turn is recorded as prepared, so whatever is retried or killed sends the same text.
What a conversation was told is remembered when a reply has left.
"""

from __future__ import annotations

from metta.guardrails import FixedText, fixed_text
from metta.messages import OutgoingKind, Turn
from metta.policy import Disclosure, Policy
from metta.state import ConversationState

_GAP = "\n\n"
_PACKAGED = {"ai_assistant": FixedText.AI_ASSISTANT}


def due(policy: Policy, state: ConversationState) -> tuple[Disclosure, ...]:
    """The disclosures that the conversation's next reply must hold."""
    return tuple(one for one in policy.disclosures if one.when == "every_reply" or one.name not in state.disclosed)


def room_taken(disclosures: tuple[Disclosure, ...], policy: Policy, language: str) -> int:
    """How many characters of a reply they take."""
    return sum(len(_words(one, policy, language)) + len(_GAP) for one in disclosures)


def disclose(turn: Turn, disclosures: tuple[Disclosure, ...], policy: Policy) -> None:
    """Put the disclosures around the turn's reply, in its language."""
    if not turn.reply or not disclosures:
        return
    told = {
        place: [_words(one, policy, turn.language) for one in disclosures if one.place == place]
        for place in ("before", "after")
    }
    turn.reply = _GAP.join((*told["before"], turn.reply, *told["after"]))
    turn.disclosed = tuple(one.name for one in disclosures)


def remember_told(turn: Turn, state: ConversationState) -> None:
    """Note what an ended turn told the customer; a draft for the team told nothing."""
    if any(sent.kind is OutgoingKind.REPLY for sent in turn.sent):
        state.disclosed.update(turn.disclosed)


def _words(disclosure: Disclosure, policy: Policy, language: str) -> str:
    text = disclosure.text.get(language[:2], disclosure.text.get(policy.default_language[:2], ""))
    return text.strip() or fixed_text(_PACKAGED[disclosure.name], language)
