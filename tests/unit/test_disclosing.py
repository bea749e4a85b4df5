"""What customers must be told stands in the reply whatever the model wrote, once a conversation where so wanted."""

from __future__ import annotations

from datetime import UTC, datetime

from metta.disclosing import disclose, due, remember_told, room_taken
from metta.guardrails import FixedText, fixed_text
from metta.messages import Contact, ConversationKey, OutgoingKind, SentMessage, Turn
from metta.policy import Disclosure, Policy
from metta.state import ConversationState

KEY = ConversationKey(account_id=3, conversation_id=84)
RECORDED = Disclosure(
    name="recorded", when="every_reply", place="after", text={"en": "We record this.", "de": "Wird aufgezeichnet."}
)
POLICY = Policy(disclosures=(Disclosure(name="ai_assistant"), RECORDED))
AI = fixed_text(FixedText.AI_ASSISTANT, "en")


def a_turn(reply: str | None = "It was shipped.", language: str = "en") -> Turn:
    return Turn(
        id="t-1",
        key=KEY,
        inbox_id=11,
        contact=Contact(id=901),
        reply=reply,
        language=language,
        started_at=datetime.now(UTC),
    )


def fresh() -> ConversationState:
    return ConversationState(key=KEY, owner="me", lease_until=0)


def sent(turn: Turn, kind: OutgoingKind) -> None:
    turn.sent = (SentMessage(kind=kind, text=turn.reply or ""),)


def test_the_first_reply_holds_all_of_it_in_its_place() -> None:
    turn, state = a_turn(), fresh()
    disclose(turn, due(POLICY, state), POLICY)
    assert turn.reply == f"{AI}\n\nIt was shipped.\n\nWe record this."
    assert turn.disclosed == ("ai_assistant", "recorded")
    assert room_taken(due(POLICY, state), POLICY, "en") == len(turn.reply) - len("It was shipped.")


def test_it_is_told_in_the_replys_language_or_in_the_default_one() -> None:
    for language, told in (("de", "Wird aufgezeichnet."), ("fr", "We record this.")):
        turn = a_turn(language=language)
        disclose(turn, (RECORDED,), POLICY)
        assert (turn.reply or "").endswith(told)


def test_once_told_it_is_not_told_again() -> None:
    turn, state = a_turn(), fresh()
    disclose(turn, due(POLICY, state), POLICY)
    sent(turn, OutgoingKind.REPLY)
    remember_told(turn, state)
    assert due(POLICY, state) == (RECORDED,)


def test_a_draft_or_a_reply_that_never_left_told_nobody() -> None:
    turn, state = a_turn(), fresh()
    disclose(turn, due(POLICY, state), POLICY)
    remember_told(turn, state)
    sent(turn, OutgoingKind.NOTE)
    remember_told(turn, state)
    assert due(POLICY, state) == POLICY.disclosures


def test_where_there_is_no_reply_there_is_nothing_to_add_to() -> None:
    turn = a_turn(reply=None)
    disclose(turn, POLICY.disclosures, POLICY)
    assert (turn.reply, turn.disclosed) == (None, ())
