"""A turn as most are, for ``metta bench audit``: a question about an order, two looks into the shop, one reply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from metta.messages import (
    AgentWork,
    Contact,
    ConversationKey,
    Finding,
    Identity,
    IncomingMessage,
    ModelCall,
    SentMessage,
    Timing,
    ToolCall,
    Turn,
    Verdict,
)

_BEGAN = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
_STEPS = ("context", "validate_input", "agent", "model", "tool", "model", "validate_output", "recheck", "send")
_QUESTION = "Hi, where is my order S00042? It was to be here on Tuesday, and my daughter's birthday is on Friday."
_REPLY = (
    "Your order S00042 left our warehouse on 20 November and is with DHL now. You can follow it at "
    "https://shop.example/track/JD0146. It should be with you on Thursday, a day before the birthday."
)
_LINES = [
    {"product": f"Desk Lamp {name}", "quantity": 2, "unit": "Units", "total": 129.5, "currency": "EUR", "tax": 20.68}
    for name in ("Nordic, black", "Nordic, white", "Classic, brass")
]
_ORDER = {
    "found": True,
    "order": {
        "number": "S00042", "state": "confirmed", "ordered": "2026-11-18", "total": 388.5, "currency": "EUR",
        "lines": _LINES, "deliveries": [{"number": "WH/OUT/00031", "state": "done", "carrier": "DHL",
                                         "tracking": "JD0146", "url": "https://shop.example/track/JD0146"}],
    },
}  # fmt: skip


def turn(number: int) -> Turn:
    """The turn of that number, in a conversation of its own."""
    key = ConversationKey(account_id=1, conversation_id=1_000_000 + number)
    contact = Contact(id=number, name="Lena Vogt", email="lena@example.org", phone="+4915112345678")
    asked = IncomingMessage(
        key=key,
        message_id=5_000_000 + number,
        inbox_id=11,
        text=_QUESTION,
        content_type="text",
        channel="Channel::Whatsapp",
        created_at=_BEGAN,
        contact=contact,
        contact_source_id="4915112345678",
    )
    return Turn(
        id=f"bench-{number}",
        key=key,
        phase="sent",
        inbox_id=11,
        channel="Channel::Whatsapp",
        contact=contact,
        identity=Identity(level="verified", phone="+4915112345678"),
        language="en",
        messages=(asked,),
        covered=(asked.message_id,),
        input_verdict=_verdict("input", _QUESTION, Finding(check="pii", kind="NAME", start=0, end=2, score=0.7)),
        output_verdict=_verdict("output", _REPLY),
        work=AgentWork(
            prompt_version="prompt-9",
            tool_calls=[_called("getOrder", 1), _called("getOrdersByCustomer", 2)],
            model_calls=[_thought(1), _thought(2)],
        ),
        reply=_REPLY,
        outcome="answered",
        sent=(SentMessage(kind="reply", message_id=6_000_000 + number, text=_REPLY),),
        started_at=_later(3),
        finished_at=_later(5),
        timings=[Timing(step=step, started_at=_later(3 + at / 10), duration_ms=at + 0.25) for at, step in _named()],
    )


def _named() -> list[tuple[int, str]]:
    return list(enumerate(_STEPS))


def _later(seconds: float) -> datetime:
    return _BEGAN + timedelta(seconds=seconds)


def _verdict(direction: str, text: str, *findings: Finding) -> Verdict:
    return Verdict(direction=direction, action="allow", findings=findings, text=text, reason="", version="rules-4")


def _called(name: str, at: int) -> ToolCall:
    asked = {"orderNumber": "S00042"}
    return ToolCall(name=name, arguments=asked, result=_ORDER, ok=True, started_at=_later(3 + at), duration_ms=80.125)


def _thought(at: int) -> ModelCall:
    return ModelCall(
        model="gpt-5.6-luna",
        input_tokens=2900 + at,
        cached_tokens=2100,
        output_tokens=50 + at,
        cost_usd=0.000325 * at,
        started_at=_later(3 + at),
        duration_ms=800.25,
    )
