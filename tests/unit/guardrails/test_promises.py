"""What a reply may not promise or advise, in seven languages; refusals, open questions and what is true may be said."""

from __future__ import annotations

import json
import time
from datetime import date

import pytest

from metta.guardrails.normalise import View
from metta.guardrails.rules import OutputRules
from metta.messages import Contact, ConversationKey, MessageContext
from metta.policy import Policy, PromiseKind, Rules
from tests_support.promise_texts import HONEST, PROMISES, REWORDED

TODAY = date(2026, 11, 25)
"""A Wednesday."""


def kinds_of(policy: Policy, context: MessageContext, reply: str) -> list[str]:
    return sorted({hit.kind for hit in OutputRules(policy, lambda: TODAY)(View(reply), context)})


def only(policy: Policy, kind: PromiseKind) -> Policy:
    """The policy with every kind of promise permitted but one."""
    promises = {other: other != kind for other in REWORDED}
    return policy.model_copy(update={"rules": Rules(promises=promises)})


def returned(context: MessageContext, **fields: object) -> MessageContext:
    return context.model_copy(update={"tool_results": (json.dumps(fields),)})


@pytest.mark.parametrize(("kind", "reply"), [(kind, reply) for kind, replies in PROMISES.items() for reply in replies])
def test_no_promise_leaves_in_any_language(
    policy: Policy, nowhere: MessageContext, kind: PromiseKind, reply: str
) -> None:
    assert kinds_of(only(policy, kind), nowhere, reply) == ["forbidden_promise"]


@pytest.mark.parametrize(("kind", "reply"), [(kind, reply) for kind, replies in REWORDED.items() for reply in replies])
def test_other_words_do_not_carry_a_promise_past(
    policy: Policy, nowhere: MessageContext, kind: PromiseKind, reply: str
) -> None:
    assert kinds_of(only(policy, kind), nowhere, reply) == ["forbidden_promise"]


def test_a_discount_in_the_facts_may_be_told_in_other_words_but_not_given_away(policy: Policy) -> None:
    facts = {"discount": "With the code WELCOME10 new customers get 10% off their first order."}
    told = policy.model_copy(update={"facts": facts})
    nowhere = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))
    assert kinds_of(told, nowhere, "Mit dem Code erhalten Sie 10 % Rabatt.") == []
    assert kinds_of(told, nowhere, "Mit dem Code erhalten Sie 20 % Rabatt.") == ["forbidden_promise"]
    assert kinds_of(told, nowhere, "I will give you a discount of 10%.") == ["forbidden_promise"]


@pytest.mark.parametrize("reply", HONEST)
def test_refusals_open_questions_and_plain_facts_may_be_said(
    policy: Policy, nowhere: MessageContext, reply: str
) -> None:
    assert kinds_of(policy, nowhere, reply) == []


@pytest.mark.parametrize("kind", PROMISES)
def test_what_the_policy_permits_may_be_promised(policy: Policy, nowhere: MessageContext, kind: PromiseKind) -> None:
    permitted = policy.model_copy(update={"rules": Rules(promises={kind: True})})
    assert kinds_of(policy, nowhere, PROMISES[kind][0]) == ["forbidden_promise"]
    assert kinds_of(permitted, nowhere, PROMISES[kind][0]) == []


def test_a_refund_that_the_shop_has_booked_may_be_told(policy: Policy, nowhere: MessageContext) -> None:
    reply = "Your order has been refunded."
    booked = returned(nowhere, invoices=[{"kind": "credit note", "total": "20 EUR"}])
    described = returned(nowhere, note="credit note", description="Your order has been refunded.")
    assert kinds_of(policy, booked, reply) == []
    assert kinds_of(policy, described, reply) == ["forbidden_promise"]


@pytest.mark.parametrize(
    ("reply", "promised_for", "may_leave"),
    [
        ("Your parcel will arrive tomorrow.", "2026-11-26", True),
        ("Your parcel will arrive tomorrow.", "2026-11-27", False),
        ("Your parcel will arrive today.", "2026-11-25", True),
        ("It will be delivered on Friday.", "2026-11-27", True),
        ("It will be delivered on Friday.", "2026-11-28", False),
        ("It will be delivered next week.", "2026-12-02", True),
        ("It will be delivered next week.", "2026-11-27", False),
        ("Ihr Paket kommt übermorgen an.", "2026-11-27", True),
        ("We guarantee delivery tomorrow.", "2026-11-27", False),
        ("It should reach you in 2 days.", "2026-11-27", True),
        ("It should reach you in two days.", "2026-11-28", False),
        ("It'll be there by the weekend.", "2026-11-28", True),
        ("It'll be there by the weekend.", "2026-11-30", False),
    ],
)
def test_a_day_may_be_named_when_it_is_the_one_the_shop_gave(
    policy: Policy, nowhere: MessageContext, reply: str, promised_for: str, may_leave: bool
) -> None:
    assert (kinds_of(policy, returned(nowhere, promisedFor=promised_for), reply) == []) is may_leave


def test_what_a_product_is_for_may_be_told_as_its_description_says(policy: Policy, nowhere: MessageContext) -> None:
    reply = "It relieves the pain."
    described = returned(nowhere, description="A heat pad. It relieves the pain after sports.")
    assert kinds_of(policy, nowhere, reply) == ["forbidden_promise"]
    assert kinds_of(policy, described, reply) == []


def _seconds(rules: OutputRules, text: str) -> float:
    view = View(text)
    started = time.process_time()
    list(rules._promises.find(view.folded, ()))
    return time.process_time() - started


@pytest.mark.parametrize(
    "flood",
    [
        "we ",
        "you will ",
        "we will give you a very big ",
        "refund ",
        "your refund is ",
        "it will arrive on ",
        "it should arrive within two to ",
        "wir konnen ihnen ",
        "wird ihnen nicht mehr erstattet, ",
        "le vamos a ",
        "vous avez droit a ",
        "ibuprofen ",
        "not ",
        "a,",
        "a" * 50,
        "\n",
    ],
)
def test_looking_for_promises_takes_time_in_proportion_to_the_length(policy: Policy, flood: str) -> None:
    rules = OutputRules(policy, lambda: TODAY)
    everything = " ".join(reply for replies in PROMISES.values() for reply in replies)  # every stem is there
    _seconds(rules, everything)
    short, long = (everything + flood * (size // len(flood)) for size in (2000, 16_000))
    before = min(_seconds(rules, short) for _ in range(3))
    assert _seconds(rules, long) < 25 * max(before, 0.002)
