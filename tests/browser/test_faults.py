"""Trouble switched on from the page: the customer still gets an honest end, and the page tells what happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.person import VISITOR, WHATSAPP, Person, turns
from browser.playground import Playground

Shot = Callable[[Page, str], None]
PATIENCE_MS = 60_000.0
"""Several tries with pauses between them."""


@pytest.fixture(autouse=True)
def nothing_is_broken_afterwards(playground: Playground) -> Iterator[None]:
    yield
    for fault in playground.get("/api/state")["faults"]["faults"]:
        if fault["on"]:
            playground.post("/api/faults", {"name": fault["name"], "on": False})


@pytest.fixture(scope="module")
def answer_lost(browser: Browser, playground: Playground) -> int:
    """A conversation whose reply Chatwoot took, but did not acknowledge; what comes of it takes a while."""
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(playground.url)
        person = Person(page).starts(**VISITOR)
        person.switches("Chatwoot loses answers", on=True)
        number = person.writes("Do you have a desk lamp in stock?")
        expect(person.replies).to_have_count(1)
        person.switches("Chatwoot loses answers", on=False)
    return number


@pytest.mark.usefixtures("answer_lost")  # begun before, so that both are waited for side by side
def test_with_odoo_down_the_customer_gets_a_person(page: Page, playground: Playground, shot: Shot) -> None:
    person = Person(page).starts(**WHATSAPP)
    person.switches("Odoo is down", on=True)

    number = person.writes("Hi, where is my order S00042?")

    expect(person.turn).to_contain_text(re.compile(r"It is tried again at \d\d:\d\d:\d\d\. If"), use_inner_text=True)
    expect(person.turn).to_contain_text("Handed to a person", timeout=PATIENCE_MS, use_inner_text=True)
    expect(person.turn.get_by_text("all rows as JSON")).to_be_visible()
    expect(person.turn).to_contain_text("Could not look up an order", use_inner_text=True)
    expect(person.replies).to_have_count(1)
    expect(person.chat).to_contain_text("A colleague from our team will take over", use_inner_text=True)
    expect(person.agent).to_contain_text("Open: a person answers", use_inner_text=True)
    assert turns(playground, number)[-1]["outcome"] == "handed_off"
    shot(page, "odoo-down")


def test_a_lost_answer_of_chatwoot_makes_no_second_reply(
    page: Page, answer_lost: int, playground: Playground, shot: Shot
) -> None:
    person = Person(page)
    person.chooses(playground, answer_lost)

    expect(person.turn.get_by_text("all rows as JSON")).to_be_visible(timeout=PATIENCE_MS)
    expect(person.turn).to_contain_text("Answered by the assistant.", use_inner_text=True)
    expect(person.turn.get_by_role("list", name="Spans")).to_contain_text("SendUnknown", use_inner_text=True)
    expect(person.replies).to_have_count(1)
    shot(page, "answer-lost")


def test_a_customer_who_writes_while_a_slow_model_thinks_gets_one_answer_to_both(page: Page, shot: Shot) -> None:
    person = Person(page).starts(**VISITOR)
    person.switches("The model is slow", on=True)
    person.writes("How long does shipping take?")
    expect(person.turn).to_contain_text("At work", use_inner_text=True)

    person.writes("And what are your opening hours?")
    person.switches("The model is slow", on=False)

    expect(person.turn.get_by_role("heading", level=4).first).to_have_text(
        "2 messages, answered together", timeout=PATIENCE_MS
    )
    expect(person.replies).to_have_count(1, timeout=PATIENCE_MS)
    person.sees_end("Answered by the assistant.")
    shot(page, "overtaken")
