"""A turn in which everything happened, for tests of what is told of turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from metta.messages import (
    Action,
    AgentWork,
    Contact,
    ConversationKey,
    Direction,
    IncomingMessage,
    ModelCall,
    Outcome,
    ToolCall,
    Turn,
    Verdict,
)

WORDS = "Where is my lamp, lena@example.org?"
STARTED = datetime(2026, 6, 17, 10, tzinfo=UTC)
KEY = ConversationKey(account_id=3, conversation_id=84)


def eventful_turn() -> Turn:
    """Two messages, flagged both ways, tools that worked, failed and never were, two model calls, a hand-off."""
    contact = Contact(id=90177, email="lena@example.org")
    messages = tuple(
        IncomingMessage(
            key=KEY,
            message_id=id_,
            inbox_id=11,
            text=WORDS,
            created_at=STARTED - timedelta(seconds=before),
            contact=contact,
        )
        for id_, before in ((1, 9), (2, 4))
    )
    work = AgentWork()
    for name, error in (("getOrder", "OdooDown"), ("getProduct", ""), (WORDS, "UnknownTool")):
        work.tool_calls.append(ToolCall(name=name, ok=not error, error=error, started_at=STARTED, duration_ms=3))
    for tokens in (7, 9):
        work.model_calls.append(
            ModelCall(
                model="m",
                input_tokens=tokens,
                output_tokens=2,
                cost_usd=0.0021,
                started_at=STARTED,
                duration_ms=5,
            )
        )
    return Turn(
        id="t-1",
        key=KEY,
        inbox_id=11,
        contact=contact,
        messages=messages,
        input_verdict=Verdict(direction=Direction.INPUT, action=Action.REDACT, text=WORDS, reason="pii/EMAIL"),
        output_verdict=Verdict(direction=Direction.OUTPUT, action=Action.BLOCK, text=WORDS, reason="rules/promise"),
        work=work,
        outcome=Outcome.HANDED_OFF,
        reason="output_blocked:rules/promise",
        attempt=2,
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=3),
    )
