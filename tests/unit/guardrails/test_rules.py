"""The business rules of the policy: a person on request, no promises, and nothing in a reply that fetches or leaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metta.guardrails import Guardrails
from metta.messages import Action, Contact, ConversationKey, MessageContext
from metta.policy import Policy, Rules, load_policy

GUARDRAILS = Guardrails(load_policy())
NOWHERE = MessageContext(key=ConversationKey(account_id=3, conversation_id=7), inbox_id=11, contact=Contact(id=901))


@pytest.mark.parametrize(
    "text",
    [
        "I want a human",
        "can I speak to a real person please?",
        "HUMAN PLEASE",
        "Ich möchte mit einem Menschen sprechen",
        "Quiero hablar con una persona",
        "je veux parler à un humain",
        "quero falar com uma pessoa",
        "voglio parlare con un operatore",
        "ik wil met een mens spreken",
        "I don't want a bot, I want to speak to a human",
    ],
)
def test_who_asks_for_a_person_gets_one(guardrails: Guardrails, nowhere: MessageContext, text: str) -> None:
    verdict = guardrails.validate_input(text, nowhere)
    assert verdict.action is Action.HANDOFF
    assert verdict.reason == "rules/human_request"


@pytest.mark.parametrize(
    "text", ["I don't want to talk to a human, just tell me", "Are you a real person?", "No need for a human agent"]
)
def test_who_does_not_ask_for_a_person_is_answered(guardrails: Guardrails, nowhere: MessageContext, text: str) -> None:
    assert guardrails.validate_input(text, nowhere).action is Action.ALLOW


def test_forbidden_topics_go_to_a_person(guardrails: Guardrails, nowhere: MessageContext) -> None:
    verdict = guardrails.validate_input("My RECHTSANWALT will write to you", nowhere)
    assert (verdict.action, verdict.reason) == (Action.HANDOFF, "rules/forbidden_topic")


@pytest.mark.parametrize(
    "reply", ["Good news: we will refund you today.", "I can give you  a discount!", "WIR ERSTATTEN IHNEN den Betrag"]
)
def test_a_forbidden_promise_does_not_leave(guardrails: Guardrails, turn: MessageContext, reply: str) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert (verdict.action, verdict.reason) == (Action.BLOCK, "rules/forbidden_promise")


@pytest.mark.parametrize("reply", ["I'm afraid I cannot say that we will refund you.", "A discount is not possible."])
def test_declining_is_no_promise(guardrails: Guardrails, turn: MessageContext, reply: str) -> None:
    assert guardrails.validate_output(reply, turn).action is Action.ALLOW


def test_competitors_are_not_named(policy: Policy, turn: MessageContext) -> None:
    rules = Rules(competitors=("Lampen-König",))
    guardrails = Guardrails(policy.model_copy(update={"rules": rules}))
    assert guardrails.validate_output("Try Lampen König instead.", turn).reason == "rules/competitor"
    assert guardrails.validate_output("Try another lamp instead.", turn).action is Action.ALLOW


CLEANED = [
    ("See ![logo](https://evil.example/x.png?d=1) here", "See logo here"),
    ("See [our page](https://evil.example/?q=S00042) here", "See our page here"),
    ("See https://evil.example/a?b=c.", "See [link]."),
    ("See www.evil.example now", "See [link] now"),
    ("See <https://evil.example>", "See [link]"),
    ("Go to evil.com/path please", "Go to [link] please"),
    ("Go to evil.com please", "Go to [link] please"),
    ("Go to evil-shop.top please", "Go to [link] please"),
    ("Get it at evil.app/x", "Get it at [link]"),
    ("The plugin needs ASP.NET 8 or VB.NET.", "The plugin needs ASP.NET 8 or VB.NET."),
    ("Log in at ASP.NET/login or EVIL.NET", "Log in at [link] or [link]"),
    ("hxxps://evil[.]example is it", "[link] is it"),
    ("It is at evil(.)example/pay now", "It is at [link] now"),
    ("Thanks.Link follows. Done.Me too. v1.2 and e.g. this", "Thanks.Link follows. Done.Me too. v1.2 and e.g. this"),
    ("[1]: https://evil.example/x\nHello", "\nHello"),
    ("Click [here](javascript:alert(1)) now", "Click here now"),
    ("An <img src=x onerror=alert(1)> image", "An  image"),
    ("<script>alert(1)</script>Hello", "alert(1)Hello"),
    ("Hello<!-- hidden --> there", "Hello there"),
    ("Dear {{contact.name}},", "Dear { {contact.name}},"),
    ("{% raw %}x", "{ % raw %}x"),
    ("{{{x", "{ { {x"),
    ("Manual: https://evil.example/manual", "Manual: [link]"),
    ("Hi\u200b \u202ethere\u202c", "Hi there"),
]


@pytest.mark.parametrize(
    "link",
    [
        "intent://open#x",
        "slack://open",
        "evil.museum",
        "evil.africa",
        "evil.it",
        "münchen-evil.com",
        "пример.рф",
        "evil (dot) com/a",
        "192.0.2.7/a",
        "[x](java\tscript:alert(1))",
    ],
)
def test_no_way_of_writing_an_address_gets_it_out(guardrails: Guardrails, nowhere: MessageContext, link: str) -> None:
    left = guardrails.validate_output(f"Here: {link} please.", nowhere).text
    assert link not in left
    assert left.startswith("Here: ")


@pytest.mark.parametrize(("reply", "cleaned"), CLEANED)
def test_what_could_fetch_or_leak_is_taken_out(
    guardrails: Guardrails, turn: MessageContext, reply: str, cleaned: str
) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert verdict.text == cleaned
    assert verdict.action in (Action.REDACT, Action.ALLOW)
    assert guardrails.validate_output(cleaned, turn).text == cleaned


@pytest.mark.parametrize(
    "reply",
    [
        "Track it: https://track.example/p/00340434161094012345",
        "[Track it](https://track.example/p/00340434161094012345)",
        "See https://www.acme.example/returns for more.",
        "See shop.acme.example/returns for more.",
        "Price < 100 and size > 5: a lamp <3 and {braces} stay.",
        "**Bold**, _italic_ and `code` stay.\n- a list\n- of things",
        "Sent at once.Thank you e.g. for waiting, i.e. be patient.",
        "Thanks.It is noted. Good.No problem at all.",
    ],
)
def test_allowed_links_and_plain_text_stay_as_they_are(policy: Policy, turn: MessageContext, reply: str) -> None:
    rules = policy.rules.model_copy(update={"allowed_link_hosts": ("acme.example",)})
    guardrails = Guardrails(policy.model_copy(update={"rules": rules}))
    context = turn.model_copy(update={"customer_text": "size 5, price 100"})
    verdict = guardrails.validate_output(reply, context)
    assert (verdict.action, verdict.text) == (Action.ALLOW, reply)


def test_a_host_that_only_looks_allowed_is_not(policy: Policy, turn: MessageContext) -> None:
    rules = policy.rules.model_copy(update={"allowed_link_hosts": ("acme.example",)})
    guardrails = Guardrails(policy.model_copy(update={"rules": rules}))
    for url in (
        "https://acme.example.evil.com/",
        "https://notacme.example/",
        "https://acme.example@evil.com/",
        "https://evil.com\\@acme.example/",
        "https://evil.com/acme.example",
        "https://acme.example\\@evil.com/",
        "https:\\\\evil.com\\x",
    ):
        verdict = guardrails.validate_output(f"See {url}", turn)
        assert verdict.action is not Action.ALLOW, url
        assert "evil.com" not in verdict.text
        assert "notacme" not in verdict.text


def test_a_reply_that_was_nothing_but_an_image_is_not_sent(guardrails: Guardrails, turn: MessageContext) -> None:
    verdict = guardrails.validate_output("![](https://evil.example/x.png)", turn)
    assert (verdict.action, verdict.reason) == (Action.BLOCK, "rules/nothing_left")


def test_a_reply_of_endless_length_is_not_one(guardrails: Guardrails, turn: MessageContext) -> None:
    assert guardrails.validate_output("word " * 5000, turn).reason == "rules/too_long"


@pytest.mark.parametrize(
    "reply",
    [
        "You will get a full refund today.",
        "Your refund has been approved.",
        "Der Betrag wird Ihnen erstattet.",
        "Sie erhalten Ihr Geld zurück.",
        "Vous serez remboursé demain.",
        "Recibirá un reembolso.",
    ],
)
def test_a_refund_is_not_promised_in_other_words_either(
    guardrails: Guardrails, turn: MessageContext, reply: str
) -> None:
    assert guardrails.validate_output(reply, turn).reason == "rules/forbidden_promise"


def test_what_the_facts_promise_may_be_told(policy: Policy, turn: MessageContext) -> None:
    reply = "If you return it unused, you get a full refund."
    facts = policy.facts | {"refunds": "For unused goods you get a full refund."}
    assert Guardrails(policy).validate_output(reply, turn).action is Action.BLOCK
    assert Guardrails(policy.model_copy(update={"facts": facts})).validate_output(reply, turn).action is Action.ALLOW


@pytest.mark.parametrize(
    ("reply", "left"),
    [
        ("{{{<!---->{%", "{ { { { %"),
        ("javascript:<img src=x>alert(1)", "[link])"),
        ("[{<b>{ contact.name }}", "[{ { contact.name }}"),
        ("![a](<i>https://evil.example/x)", "a"),
    ],
)
def test_taking_markup_out_brings_no_new_markup_together(
    guardrails: Guardrails, turn: MessageContext, reply: str, left: str
) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert verdict.text == left
    assert guardrails.validate_output(left, turn).text == left


@pytest.mark.parametrize(
    ("reply", "check"),
    [
        ("We will ref<b>und you.", "rules"),
        ("You fuck<!-- -->ing idiot", "toxicity"),
    ],
)
def test_what_reads_badly_without_its_markup_does_not_leave(
    guardrails: Guardrails, turn: MessageContext, reply: str, check: str
) -> None:
    verdict = guardrails.validate_output(reply, turn)
    assert (verdict.action, verdict.reason.partition("/")[0]) == (Action.BLOCK, check)


_MARKUP = (
    "![a](", "https://evil.example/x", ")", "[b](", "<img src=x>", "<", "</", "{{", "{%", "}}", "[1]:", "www.x.com/",
    "{", "javascript:", ":", " ", "\n", "text", "(", "]", "[", "!", "`", "<!--", "-->", "data:x", "%", "](", "@",
)  # fmt: skip


@given(st.lists(st.sampled_from(_MARKUP), max_size=9))
def test_a_cleaned_reply_is_clean(pieces: list[str]) -> None:
    verdict = GUARDRAILS.validate_output("".join(pieces), NOWHERE)
    if verdict.action in (Action.ALLOW, Action.REDACT):
        assert GUARDRAILS.validate_output(verdict.text, NOWHERE).text == verdict.text
