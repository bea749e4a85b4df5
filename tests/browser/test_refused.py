"""Bad input is answered beside the field that it is about, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.person import VISITOR, Person
from browser.watched import Watched

Shot = Callable[[Page, str], None]


def test_an_empty_message_is_not_sent(page: Page, watched: list[Watched], shot: Shot) -> None:
    person = Person(page).starts(**VISITOR)

    person.customer.get_by_role("button", name="Send", exact=True).click()

    expect(person.customer.get_by_role("alert")).to_have_text("Write something, or attach a file.")
    expect(person.message).to_have_accessible_description(
        "Enter sends, Shift+Enter starts a new line. Write something, or attach a file."
    )
    expect(person.message).to_be_focused()
    expect(person.message).to_have_attribute("aria-invalid", "true")
    shot(page, "refused")
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")
    expect(person.message).not_to_have_attribute("aria-invalid", "true")
    assert watched[0].requests.count("POST /api/write") == 1


def test_an_empty_reply_of_the_agent_is_not_sent(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    person.agent.get_by_role("button", name="Send reply").click()

    expect(person.agent.get_by_role("alert")).to_have_text("Write something first.")
    expect(person.agent.get_by_role("textbox", name="Agent's message")).to_be_focused()


def test_what_the_stack_refuses_is_told_in_its_words_and_nothing_is_lost(
    page: Page, watched: list[Watched], shot: Shot
) -> None:
    person = Person(page).starts(**VISITOR, burst=True)
    text = "\n".join(f"line {number}" for number in range(1, 12))
    person.message.fill(text)

    person.customer.get_by_role("button", name="Send", exact=True).click()

    expect(person.customer.get_by_role("alert")).to_contain_text("a burst has at most 10 messages", use_inner_text=True)
    expect(person.message).to_have_value(text)
    expect(person.message).to_be_focused()
    watched[0].expect("status of 422")
    shot(page, "refused-by-the-stack")
