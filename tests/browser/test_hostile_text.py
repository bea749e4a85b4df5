"""Whatever people, files or tools write is shown as text: nothing of it becomes an element, a dialog or a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from browser.conftest import Opens
from browser.person import VISITOR, Person
from browser.playground import Playground

Shot = Callable[[Page, str], None]
HOSTILE = {
    "html": "<b>Hello</b> <img src=x onerror=alert(1)> <a href='javascript:alert(2)'>mugs</a>",
    "script": "</textarea></script><script>alert(1)</script><script src=//example.com/x.js></script>",
    "svg": "<svg onload=alert(1)><style>*{display:none}</style><foreignObject><iframe src=//x.example></iframe></svg>",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &amp;amp; &#x202E; &nbsp;",
    "bidi": "\u202eevil\u202c \u2067\u05e9\u05dc\u05d5\u05dd\u2069 do you sell mugs? \u200f\u061c",
    "template": "{{constructor.constructor('alert(1)')()}} ${alert(1)} <%= 1 %>",
}
FOREIGN = (
    "script:not([src^='/page/']), link:not([href^='/page/']), img:not([src^='/page/']), style, iframe, object, embed, "
    "base, [onerror], [onload], a[href^='javascript'], textarea b, bdi *"
)
"""What no text may become: the page's own are those that it serves."""
KEPT_AS_THEY_ARE = {
    "id", "conversation_id", "turn_id", "message_id", "channel", "status", "state", "phase", "outcome", "identity",
    "direction", "action", "started_at", "created_at", "updated_at", "kind", "from", "parent", "table", "at",
}  # fmt: skip
"""Fields that only Metta fills, with words of its own."""


def test_messages_are_shown_as_they_were_written(page: Page, playground: Playground, shot: Shot) -> None:
    person = Person(page)
    numbers = {name: person.starts(**VISITOR).writes(text) for name, text in HOSTILE.items()}

    for name, text in HOSTILE.items():
        person.chooses(playground, numbers[name])
        person.sees_end("Answered")
        for place in (person.chat, person.team):
            expect(place.get_by_text(text, exact=True).first, name).to_be_visible()
        if name != "bidi":  # of which the guardrails leave the words alone
            expect(person.turn.get_by_text(text, exact=True).first, name).to_be_visible()
        assert page.locator(FOREIGN).count() == 0, name
        assert page.title() == "Metta playground", name
        if name == "html":
            shot(page, "html-as-text")


def test_names_of_files_are_text(page: Page, shot: Shot) -> None:
    name = "<img src=x onerror=alert(1)>\u202egnp.exe"
    person = Person(page).starts(**VISITOR)
    person.customer.get_by_role("button", name="Attach a file").click()
    person.customer.get_by_role("textbox", name="File name").fill(name)
    person.customer.get_by_role("button", name="Add file").click()
    expect(person.customer.get_by_role("list", name="Files to send")).to_contain_text(name, use_inner_text=True)

    person.customer.get_by_role("button", name="Send", exact=True).click()

    expect(person.chat).to_contain_text(name, use_inner_text=True)
    expect(person.team).to_contain_text(name, use_inner_text=True)
    person.is_answered("I can't open files")
    assert page.locator(FOREIGN).count() == 0
    shot(page, "file-name")


def test_a_message_of_signs_that_nobody_sees_has_no_words_and_no_files(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("\u200b\u2060")
    person.sees_end("nothing came that could be understood")
    expect(person.turn.get_by_text("no words that can be read", exact=True)).to_be_visible()


def test_a_text_that_no_webhook_can_carry_goes_to_a_person_and_the_page_says_so(
    page: Page, playground: Playground
) -> None:
    number = playground.post("/api/write", {"texts": ["灯" * 140_000]})["conversation_id"]
    person = Person(page)
    person.chooses(playground, number)
    expect(person.team).to_contain_text("due to an error with the agent bot", use_inner_text=True)
    expect(person.turn).to_contain_text("A person has this conversation, and Metta began no turn", use_inner_text=True)


def test_a_private_note_and_an_agents_reply_are_text(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    person.agent.get_by_role("textbox", name="Agent's message").fill(HOSTILE["script"])
    person.agent.get_by_role("button", name="Send reply").click()

    expect(person.team.get_by_text(HOSTILE["script"], exact=True)).to_be_visible()
    expect(person.chat.get_by_text(HOSTILE["script"], exact=True)).to_be_visible()
    assert page.locator(FOREIGN).count() == 0


def test_whatever_the_stack_could_send_is_text(opens: Opens, page: Page, playground: Playground, shot: Shot) -> None:
    """Names, arguments and results of tools, words, spans, rows: each text of a real state with markup in its place."""
    person = Person(page).starts(channel="WhatsApp", customer="Lena Vogt")
    number = person.writes("Hi, where is my order S00042?")
    person.is_answered("PX0042LENA")
    [whole] = [one for one in playground.get("/api/state")["conversations"] if one["id"] == number]
    [turn] = [one for one in playground.get("/api/state")["turns"] if one["conversation_id"] == number]
    state = playground.get("/api/state")
    events = [("hello", state["hello"]), ("conversation", whole), ("turn", turn), ("worker", state["worker"]),
              ("faults", state["faults"]), ("queue", state["queue"]),
              ("notice", {"level": "info", "text": "noted", "at": turn["started_at"]})]  # fmt: skip
    evil = HOSTILE["svg"]
    body = "".join(f"event: {name}\ndata: {json.dumps(_spoilt(data, evil))}\n\n" for name, data in events)

    def stream(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=f"retry: 600000\n\n{body}")

    spoilt = opens(before=lambda fresh: fresh.route("**/events", stream))
    other = Person(spoilt)
    expect(other.chat).to_contain_text(evil, use_inner_text=True)
    for closed in other.turn.locator("summary").all():
        closed.click()
    other.turn.get_by_text("all rows as JSON").scroll_into_view_if_needed()
    expect(other.turn.get_by_role("table").first).to_contain_text(evil, use_inner_text=True)
    with other.popover("Log", "Log") as log:
        expect(log).to_contain_text(evil, use_inner_text=True)
    shot(spoilt, "everything-hostile")

    assert spoilt.locator(FOREIGN).count() == 0
    assert spoilt.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _spoilt(value: Any, by: str, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _spoilt(one, by, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_spoilt(one, by, name) for one in value]
    return f"{by} {value}" if isinstance(value, str) and name not in KEPT_AS_THEY_ARE else value
