"""What is answered, what is skipped and why, and what an event says about its conversation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from metta.integrations.chatwoot.filter import ChangeKind, Decision, SkipReason, classify
from metta.integrations.chatwoot.payload import parse_webhook
from metta.settings import ChatwootSettings

Body = dict[str, Any]
Read = Callable[[str], Body]
Make = Callable[..., ChatwootSettings]


@pytest.fixture
def decide(settings: Make) -> Callable[..., Decision]:
    def run(body: Body, **variables: str) -> Decision:
        return classify(parse_webhook(json.dumps(body)), settings(**variables))

    return run


Decide = Callable[..., Decision]

OUTCOMES = {
    "01": (None, None),
    "02": (None, None),
    "03": (SkipReason.OUTGOING, ChangeKind.TAKEOVER),
    "04": (SkipReason.PRIVATE, None),
    "05": (SkipReason.ACTIVITY, None),
    "06": (SkipReason.OWN_MESSAGE, None),
    "06b": (None, None),
    "07": (None, None),
    "07b": (SkipReason.OUTGOING, ChangeKind.TAKEOVER),
    "08": (SkipReason.AUTO_REPLY, None),
    "09": (SkipReason.CSAT, None),
    "10": (SkipReason.TEMPLATE, None),
    "11": (SkipReason.OTHER_EVENT, None),
    "12": (SkipReason.OTHER_EVENT, ChangeKind.TAKEOVER),
    "13": (SkipReason.OTHER_EVENT, ChangeKind.TAKEOVER),
    "14": (SkipReason.OTHER_EVENT, None),
    "15": (SkipReason.OTHER_BOT, None),
}


def test_every_payload_has_an_expected_outcome() -> None:
    files = {path.name.partition("_")[0] for path in (Path(__file__).parents[2] / "payloads/chatwoot").iterdir()}

    assert files == set(OUTCOMES) | {"05b", "16"}


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_of_each_payload(body: Read, decide: Decide, name: str) -> None:
    decision = decide(body(name))

    assert (decision.skip, decision.change.kind if decision.change else None) == OUTCOMES[name]
    assert (decision.answer is None) == (decision.skip is not None)


def test_a_question_is_answered_even_when_the_bot_itself_is_the_assignee(body: Read, decide: Decide) -> None:
    decision = decide(body("06b"))

    assert decision.answer is not None
    assert decision.answer.text == "And can I change the address?"
    assert str(decision.key) == "3:85"
    assert decision.message is None


def changed(body: Body, path: str, value: object) -> Body:
    *parents, last = path.split(".")
    holder: Any = body
    for name in parents:
        holder = holder[name]
    holder[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("account", {"id": 4, "name": "Other"}, SkipReason.OTHER_ACCOUNT),
        ("private", True, SkipReason.PRIVATE),
        ("content_attributes.deleted", True, SkipReason.DELETED),
        ("content_attributes.is_unsupported", True, SkipReason.UNSUPPORTED),
        ("content_attributes.email", {"auto_reply": True}, SkipReason.AUTO_REPLY),
        ("conversation.additional_attributes.auto_reply", True, SkipReason.AUTO_REPLY),
        ("content_type", "input_csat", SkipReason.CSAT),
        ("content_type", "voice_call", SkipReason.UNSUPPORTED),
        ("content_type", "from_the_future", SkipReason.UNSUPPORTED),
        ("sender.blocked", True, SkipReason.BLOCKED_CONTACT),
        ("conversation.status", "open", SkipReason.NOT_ANSWERABLE_STATUS),
        ("conversation.status", "resolved", SkipReason.NOT_ANSWERABLE_STATUS),
        ("conversation.status", "snoozed", SkipReason.NOT_ANSWERABLE_STATUS),
        ("conversation.can_reply", False, SkipReason.CANNOT_REPLY),
        ("content", None, SkipReason.EMPTY),
        ("content", " \n\u00a0", SkipReason.EMPTY),
    ],
)
def test_a_customer_message_is_skipped_for(
    body: Read, decide: Decide, path: str, value: object, reason: SkipReason
) -> None:
    decision = decide(changed(body("01"), path, value))

    assert decision.skip == reason
    assert decision.answer is None
    if reason is not SkipReason.OTHER_ACCOUNT:
        assert decision.message is not None
        assert decision.message.message_id == 5001


def test_other_accounts_leave_no_trace(body: Read, decide: Decide) -> None:
    decision = decide(body("03") | {"account": {"id": 4, "name": "Other"}})

    assert (decision.skip, decision.change, decision.message) == (SkipReason.OTHER_ACCOUNT, None, None)


def test_only_the_named_inboxes_are_answered(body: Read, decide: Decide) -> None:
    assert decide(body("01"), CHATWOOT_INBOX_IDS="11,12").answer is not None
    elsewhere = decide(body("01"), CHATWOOT_INBOX_IDS="12")

    assert elsewhere.skip == SkipReason.OTHER_INBOX
    assert elsewhere.message is not None
    assert decide(body("03"), CHATWOOT_INBOX_IDS="12").change is None
    assert decide(body("12"), CHATWOOT_INBOX_IDS="12").skip == SkipReason.OTHER_INBOX
    assert decide(body("12"), CHATWOOT_INBOX_IDS="12").change is None


def test_an_assigned_person_is_not_talked_over(body: Read, decide: Decide) -> None:
    assigned = body("01")
    assigned["conversation"]["meta"] |= {"assignee": {"id": 21, "type": "user"}, "assignee_type": "User"}

    decision = decide(assigned)

    assert decision.skip == SkipReason.HUMAN_ASSIGNED
    assert decision.change is not None
    assert decision.change.kind == ChangeKind.TAKEOVER
    assert decision.message is not None


def test_captain_as_assignee_is_not_a_person(body: Read, decide: Decide) -> None:
    later = body("01")
    later["conversation"]["meta"] |= {
        "assignee": {"id": 2, "type": "captain_assistant"},
        "assignee_type": "Captain::Assistant",
    }

    assert decide(later).answer is not None


def test_unassigned_mode_also_answers_open_conversations_without_a_person(body: Read, decide: Decide) -> None:
    opened = changed(body("01"), "conversation.status", "open")
    assert decide(opened, CHATWOOT_ANSWER_WHEN="unassigned").answer is not None

    opened["conversation"]["meta"] |= {"assignee": {"id": 21, "type": "user"}, "assignee_type": "User"}
    assert decide(opened, CHATWOOT_ANSWER_WHEN="unassigned").skip == SkipReason.HUMAN_ASSIGNED
    resolved = changed(body("01"), "conversation.status", "resolved")
    assert decide(resolved, CHATWOOT_ANSWER_WHEN="unassigned").skip == SkipReason.NOT_ANSWERABLE_STATUS


def test_a_sticker_is_answered(body: Read, decide: Decide) -> None:
    assert decide(body("02") | {"content_type": "sticker"}).answer is not None


@pytest.mark.parametrize("sender", ["no-reply@shop.example", "NoReply+12@x.example", "MAILER-DAEMON@mx.example"])
def test_mail_from_a_mailbox_nobody_reads_is_not_answered(body: Read, decide: Decide, sender: str) -> None:
    mail = body("08")
    mail["content_attributes"]["email"] |= {"auto_reply": False, "from": [sender]}
    mail["conversation"]["additional_attributes"]["auto_reply"] = False
    assert decide(mail).skip == SkipReason.AUTO_REPLY

    mail["content_attributes"]["email"]["from"] = ["lena.noreply.fan@example.org"]
    assert decide(mail).answer is not None


def test_our_own_reply_is_known_by_its_turn_id_whichever_token_sent_it(body: Read, decide: Decide) -> None:
    by_user_token = body("03") | {"content_attributes": {"metta_turn_id": "t-1"}}

    decision = decide(by_user_token)

    assert (decision.skip, decision.change) == (SkipReason.OWN_MESSAGE, None)


def test_a_customer_cannot_pass_for_us(body: Read, decide: Decide) -> None:
    forged = body("01") | {"content_attributes": {"metta_turn_id": "t-1", "external_error": "x"}}
    assert decide(forged).answer is not None

    update = decide(forged | {"event": "message_updated"})
    assert (update.skip, update.change) == (SkipReason.OTHER_EVENT, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content_attributes": {"automation_rule_id": 4}, "sender": None}, SkipReason.AUTOMATION),
        ({"additional_attributes": {"campaign_id": 9}}, SkipReason.CAMPAIGN),
        ({"message_type": "template"}, SkipReason.TEMPLATE),
        ({"message_type": "template", "content_type": "input_csat"}, SkipReason.CSAT),
        ({"private": True}, SkipReason.PRIVATE),
        ({"sender": None}, SkipReason.OUTGOING),
        ({"sender": {"id": 9, "name": "Other", "type": "agent_bot"}}, SkipReason.OTHER_BOT),
        ({"message_type": "from_the_future"}, SkipReason.UNSUPPORTED),
    ],
)
def test_what_no_person_wrote_to_the_customer_is_no_takeover(
    body: Read, decide: Decide, change: Body, reason: SkipReason
) -> None:
    decision = decide(body("03") | change)

    assert (decision.skip, decision.change) == (reason, None)


def test_an_outgoing_sender_without_a_type_counts_as_a_person_unless_the_conversation_says_otherwise(
    body: Read, decide: Decide
) -> None:
    typeless = body("03") | {"sender": {"id": 21, "name": "Nina Kraus"}}
    typeless["conversation"]["messages"] = []
    assert decide(typeless).change is not None

    bot = body("15") | {"sender": {"id": 2, "name": "Captain"}}
    assert decide(bot).change is None


def test_a_takeover_names_its_message_and_time(body: Read, decide: Decide) -> None:
    change = decide(body("03")).change

    assert change is not None
    assert change.message_id == 5003
    assert change.at is not None
    assert change.at.isoformat() == "2026-06-17T10:01:00.387000+00:00"


def nobody(body: Body, **values: object) -> Body:
    body["meta"] |= {"assignee": None, "assignee_type": None}
    return body | values


@pytest.mark.parametrize("event", ["conversation_status_changed", "conversation_resolved"])
def test_resolving_ends_a_takeover(body: Read, decide: Decide, event: str) -> None:
    change = decide(body("12") | {"event": event, "status": "resolved"}).change

    assert change is not None
    assert change.kind == ChangeKind.RESOLVED


def test_pending_again_is_told_only_by_a_status_event(body: Read, decide: Decide) -> None:
    pending = decide(nobody(body("12"), status="pending")).change
    assert pending is not None
    assert pending.kind == ChangeKind.PENDING

    # a label changed: the status in the body is no news, and a person may have answered meanwhile
    assert decide(nobody(body("13"), status="pending")).change is None
    assert decide(nobody(body("13"), status="resolved")).change is None
    assert decide(nobody(body("13"), event="conversation_created", status="pending")).change is None


def test_opening_without_a_person_changes_nothing(body: Read, decide: Decide) -> None:
    assert decide(nobody(body("12"), status="open")).change is None
    assert decide(nobody(body("12"), event="conversation_opened", status="open")).change is None


def test_pending_with_a_person_assigned_stays_with_the_person(body: Read, decide: Decide) -> None:
    change = decide(body("12") | {"status": "pending"}).change

    assert change is not None
    assert change.kind == ChangeKind.TAKEOVER


def test_a_reply_of_ours_that_was_not_delivered_is_told_with_its_turn(body: Read, decide: Decide) -> None:
    failed = body("11")
    failed["content_attributes"]["metta_turn_id"] = "t-9"

    decision = decide(failed)

    assert decision.skip == SkipReason.OWN_MESSAGE
    assert decision.change is not None
    assert (decision.change.kind, decision.change.turn_id, decision.change.message_id) == (
        ChangeKind.DELIVERY_FAILED,
        "t-9",
        6003,
    )


def test_an_update_of_our_reply_that_went_well_changes_nothing(body: Read, decide: Decide) -> None:
    assert decide(body("06") | {"event": "message_updated"}).change is None


def test_late_updates_of_a_persons_message_are_no_takeover(body: Read, decide: Decide) -> None:
    decision = decide(body("03") | {"event": "message_updated"})

    assert (decision.skip, decision.change) == (SkipReason.OTHER_EVENT, None)


@pytest.mark.parametrize("event", ["automation_event.message_created", "macro.executed"])
def test_unsigned_automation_webhooks_change_nothing(body: Read, decide: Decide, event: str) -> None:
    decision = decide(body("12") | {"event": event, "status": "resolved"})

    assert (decision.skip, decision.change) == (SkipReason.AUTOMATION, None)


@pytest.mark.parametrize("event", ["conversation_typing_on", "contact_updated", "inbox_created", "call_started"])
def test_events_of_no_interest_are_skipped_by_name(decide: Decide, event: str) -> None:
    assert decide({"event": event}).skip == SkipReason.OTHER_EVENT
