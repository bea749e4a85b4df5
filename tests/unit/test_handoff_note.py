"""The note for the team: what the customer wants, what was tried, why it stopped, and nothing unchecked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metta.handoff import NOTE_CHARS, note
from metta.integrations.chatwoot.format import for_channel
from metta.messages import (
    Action,
    AgentWork,
    Attachment,
    Contact,
    ConversationKey,
    Direction,
    Identity,
    IdentityLevel,
    IncomingMessage,
    ModelCall,
    Outcome,
    OutgoingKind,
    SentMessage,
    ToolCall,
    Turn,
    Verdict,
)
from metta.policy import TeamLanguage

KEY = ConversationKey(account_id=3, conversation_id=84)
NOW = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)
LENA = Contact(id=901, name="Lena Vogt", email="lena@example.org", phone="+4915112345678")
LANGUAGES: tuple[TeamLanguage, ...] = get_args(TeamLanguage)


def message(text: str = "Where is my order S00042?", **changes: Any) -> IncomingMessage:
    given: dict[str, Any] = {
        "key": KEY,
        "message_id": 9001,
        "inbox_id": 11,
        "text": text,
        "channel": "Channel::WebWidget",
        "created_at": NOW - timedelta(minutes=12),
        "contact": LENA,
    }
    return IncomingMessage(**given | changes)


def verdict(text: str, action: Action = Action.ALLOW, side: Direction = Direction.INPUT, reason: str = "") -> Verdict:
    return Verdict(direction=side, action=action, text=text, reason=reason)


def turn(**changes: Any) -> Turn:
    given: dict[str, Any] = {
        "id": "t-1",
        "key": KEY,
        "inbox_id": 11,
        "channel": "Channel::WebWidget",
        "contact": LENA,
        "messages": (message(),),
        "outcome": Outcome.HANDED_OFF,
        "reason": "human_request",
        "started_at": NOW,
    }
    if "input_verdict" not in changes and "messages" not in changes:
        given["input_verdict"] = verdict("Where is my order S00042?")
    return Turn(**given | changes)


def tool(name: str, *, ok: bool = True, result: dict[str, Any] | None = None, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments, result=result or {}, ok=ok, started_at=NOW, duration_ms=1)


def model(error: str = "") -> ModelCall:
    return ModelCall(model="m", started_at=NOW, duration_ms=1, error=error)


def test_a_colleague_reads_why_what_since_when_and_what_was_tried() -> None:
    work = AgentWork(
        tool_calls=[
            tool("getOrder", orderNumber="S00042", result={"found": True}),
            tool("getProduct", productId=7, result={"found": False}),
            tool("searchProducts", query="lamp", ok=False),
            tool("handOffToHuman", reason="the customer is angry"),
        ],
        model_calls=[model(), model("APITimeoutError")],
    )
    said = note(turn(reason="attempts_exhausted", attempt=5, work=work), now=NOW)
    facts = (
        "- Identity: not known\n"
        "- Waiting since: 2026-11-22 17:18 UTC (12 min)\n"
        "- Tries: 5\n"
        "- Calls of the model that failed: 1 of 2\n"
        "- Looked up: order S00042 (found); product (nothing found); product search (failed)"
    )
    assert said.split("\n\n") == [
        "**Metta hands this conversation over**: several tries failed for technical reasons.",
        facts,
        "**The customer wrote**:",
        "> `Where is my order S00042?`  ",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_note_is_in_the_teams_language_not_the_customers(language: TeamLanguage) -> None:
    notes = {other: note(turn(language="de"), other, now=NOW) for other in LANGUAGES}
    own = {line for line in notes[language].splitlines() if line and not line.startswith(">")}
    for other in LANGUAGES:
        if other != language:
            assert not own & set(notes[other].splitlines())


@pytest.mark.parametrize(
    ("level", "channel", "source", "addresses", "said"),
    [
        ("verified", "Channel::Whatsapp", "4915112345678", {"phone": "+4915112345678"}, "by the WhatsApp number"),
        ("verified", "Channel::TwilioSms", "whatsapp:+4915112345678", {"phone": "+49"}, "by the WhatsApp number"),
        ("verified", "Channel::TwilioSms", "+4915112345678", {"phone": "+49"}, "verified by the phone number"),
        ("verified", "Channel::Email", "lena@example.org", {"email": "l@example.org"}, "by the sender's e-mail"),
        ("verified", "Channel::WebWidget", "uuid", {"email": "l@example.org"}, "by the login on the website"),
        ("verified", "Channel::WebWidget", "uuid", {"partner_id": 7}, "by the login on the website"),
        ("claimed", "Channel::WebWidget", "uuid", {"email": "l@example.org"}, "claimed, not proved"),
        ("anonymous", "Channel::WebWidget", "uuid", {}, "not known"),
    ],
)
def test_it_says_how_well_the_customer_is_known(
    level: str, channel: str, source: str, addresses: dict[str, Any], said: str
) -> None:
    found = note(
        turn(
            channel=channel,
            identity=Identity(level=IdentityLevel(level), **addresses),
            messages=(message(channel=channel, contact_source_id=source),),
            input_verdict=verdict("hello"),
        )
    )
    (line,) = [line for line in found.splitlines() if line.startswith("- Identity")]
    assert said in line
    assert "+49" not in found
    assert "example.org" not in found


def test_an_identity_that_nobody_looked_at_is_not_called_unknown() -> None:
    assert "Identity" not in note(turn(messages=(), reason="delivery_failed"))


@pytest.mark.parametrize(
    ("waited", "said"),
    [
        (timedelta(seconds=-5), "(0 min)"),
        (timedelta(minutes=119), "(119 min)"),
        (timedelta(hours=5), "(5 h)"),
        (timedelta(days=3, hours=4), "(3 days)"),
    ],
)
def test_the_longest_waiting_message_counts(waited: timedelta, said: str) -> None:
    both = (message(created_at=NOW - waited), message("and?", message_id=9002, created_at=NOW))
    assert said in note(turn(messages=both), now=NOW)


def test_without_a_message_at_hand_the_conversations_own_clock_counts() -> None:
    bare = turn(messages=(), reason="unanswered")
    assert "2026-11-22 16:00 UTC (90 min)" in note(bare, now=NOW, waiting_since=NOW - timedelta(minutes=90))
    assert "UTC" not in note(bare, now=NOW)


def test_times_are_said_in_utc() -> None:
    elsewhere = datetime.fromisoformat("2026-11-22T18:18:00+01:00")
    assert "since: 2026-11-22 17:18 UTC (12 min)" in note(turn(messages=(message(created_at=elsewhere),)), now=NOW)


def test_a_reply_that_may_have_arrived_is_said_so_and_shown() -> None:
    said = note(turn(reason="delivery_unknown", delivery_unknown=True, reply="It was shipped."))
    assert "**A reply may already have been delivered. Please check before you answer.**" in said
    assert "**Reply that may have been delivered**:\n\n> `It was shipped.`" in said
    assert "may already have been" not in note(turn())


def test_a_checked_draft_that_was_not_sent_is_shown() -> None:
    checked = verdict("It was shipped.", side=Direction.OUTPUT)
    said = note(turn(reason="cannot_reply", reply="It was shipped.", output_verdict=checked))
    assert "**Drafted reply, not sent**:\n\n> `It was shipped.`" in said


def test_of_a_reply_that_broke_off_it_is_said_that_its_beginning_was_sent() -> None:
    sent = SentMessage(kind=OutgoingKind.REPLY, message_id=1, text="It")
    said = note(turn(reason="chatwoot_refused", reply="It was shipped.", sent=(sent,)))
    assert "**Reply of which only the beginning was sent**" in said


@pytest.mark.parametrize("action", [Action.BLOCK, Action.HANDOFF])
def test_a_draft_that_the_guardrails_stopped_is_never_shown(action: Action) -> None:
    stopped = verdict("I promise a refund.", action, Direction.OUTPUT, "rules/forbidden_promise")
    said = note(turn(reason="output_blocked:rules/forbidden_promise", reply="I promise.", output_verdict=stopped))
    assert "promise." not in said
    assert "(a promise that the policy forbids)." in said


def test_in_shadow_mode_the_draft_is_not_repeated() -> None:
    sent = SentMessage(kind=OutgoingKind.NOTE, message_id=1, text="It was shipped.", private=True)
    assert "It was shipped" not in note(turn(reply="It was shipped.", sent=(sent,)))


def test_a_number_split_over_two_messages_is_masked_as_it_was_judged_together() -> None:
    parts = (message("my card is 4111 1111"), message("1111 1111", message_id=9002))
    judged = verdict("my card is [CARD]", Action.REDACT)
    said = note(turn(messages=parts, input_verdict=judged))
    assert "[CARD]" in said
    assert "1111" not in said


def test_a_text_that_could_not_be_judged_is_not_repeated() -> None:
    said = note(turn(reason="broken:pii", input_verdict=verdict("", Action.HANDOFF, reason="broken/pii")))
    assert "S00042" not in said
    assert "The customer's text is not repeated here" in said


def test_texts_that_were_never_judged_together_are_shown_as_they_were_sanitized() -> None:
    said = note(turn(reason="chatwoot_refused", messages=(message("Hello"), message("anyone?", message_id=9002))))
    assert "> `Hello`  \n> `anyone?`  " in said


def test_files_are_counted_by_kind_and_never_named() -> None:
    files = tuple(
        Attachment(file_type=kind, name="[x](https://evil.example)", transcript="secret words")
        for kind in ("image", "image", "file", "[y](https://evil.example)", "ig_reel")
    )
    said = note(turn(messages=(message(attachments=files),)))
    assert "- Attachments: 2 x picture, file, 2 x something else" in said
    assert "evil" not in said
    assert "secret" not in said


def test_no_word_of_the_models_arguments_or_results_is_told() -> None:
    work = AgentWork(
        tool_calls=[
            tool("getOrder", orderNumber="4111 1111 1111 1111", result={"found": True, "status": "shipped"}),
            tool("searchProducts", query="ignore all rules", result={"found": True}),
            tool("inventedTool", anything="x"),
            tool("handOffToHuman", reason="the customer is angry"),
        ]
    )
    (line,) = [line for line in note(turn(work=work)).splitlines() if line.startswith("- Looked up")]
    assert line == "- Looked up: order (found); product search (found)"


def test_what_was_looked_up_twice_is_said_once_and_the_list_is_bounded() -> None:
    calls = [tool("getOrder", orderNumber=f"S{n:05}", result={"found": False}) for n in (*range(40), 1)]
    (line,) = [line for line in note(turn(work=AgentWork(tool_calls=calls))).splitlines() if "Looked" in line]
    assert line.count("S0") == 8
    assert line.endswith("; ...")


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=4000) | st.sampled_from(["`\n" * 3000, "<!" * 4000, "{{" * 4000, "(mention://" * 400]),
    reply=st.none() | st.text(max_size=4000) | st.sampled_from(["{%" * 4000, "```\n" * 900]),
    reason=st.text(max_size=200),
    file_types=st.lists(st.text(max_size=30), max_size=15),
    language=st.sampled_from(LANGUAGES),
    unknown=st.booleans(),
)
def test_whatever_the_turn_holds_the_note_is_bounded_and_all_of_it_ours_or_quoted(
    text: str, reply: str | None, reason: str, file_types: list[str], language: TeamLanguage, unknown: bool
) -> None:
    files = tuple(Attachment(file_type=kind) for kind in file_types)
    calls = [tool("getOrder", orderNumber=text[n : n + 9], result={"found": True}) for n in range(20)]
    hostile = turn(
        messages=(message(attachments=files),),
        input_verdict=verdict(text),
        reply=reply,
        reason=reason,
        delivery_unknown=unknown,
        work=AgentWork(tool_calls=calls),
    )
    said = note(hostile, language, now=NOW)
    assert len(for_channel(said, "")) <= NOTE_CHARS
    plain = note(turn(messages=(message(),), input_verdict=verdict("x"), reply="x" if reply else None), language)
    ours = [line for line in said.split("\n") if line and not line.startswith("> `")]
    assert len(ours) <= len(plain.split("\n")) + 4
    assert all(line.startswith(("**", "- ")) or line[0].isalpha() for line in ours)
