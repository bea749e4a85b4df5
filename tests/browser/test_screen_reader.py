"""What a screen reader is told: landmarks, names, headings, and what happens while its user looks elsewhere."""

from __future__ import annotations

import itertools

from playwright.sync_api import Page, expect

from browser.person import VISITOR, Person

LISTEN = """() => {
    window.heard = [];
    for (const live of document.querySelectorAll("[role=status], [aria-live=polite]")) {
        const hear = () => live.textContent && window.heard.push(live.textContent);
        new MutationObserver(hear).observe(live, { childList: true, subtree: true, characterData: true });
    }
}"""


def test_landmarks_forms_and_headings_lead_through_the_page(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    for landmark in ("banner", "main"):
        expect(page.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type]
    expect(page.get_by_role("navigation", name="Skip links")).to_have_count(1)
    for place in (person.customer, person.agent, person.turn, person.chat, person.team):
        expect(place).to_have_count(1)
    for form in ("Message to the shop", "Message of the human agent"):
        expect(page.get_by_role("form", name=form)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metta playground")
    levels = [int(each.evaluate("e => e.tagName[1]")) for each in page.get_by_role("heading").all()]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
    expect(person.turn.get_by_role("list", name="Findings")).to_have_count(0)
    expect(person.turn.get_by_role("list", name="Spans, in the order in which they began")).to_be_visible()


def test_the_reply_and_the_turns_end_are_said_aloud_and_little_else(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    page.evaluate(LISTEN)

    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    expect(page.get_by_role("status").filter(has_text="Turn ended.")).to_have_count(1)
    heard = page.evaluate("window.heard")
    assert any("Metta: Aurora Desk Lamp: 49.90 EUR" in one for one in heard)
    assert any("Turn ended. Answered by the assistant." in one for one in heard)
    assert len(heard) <= 3, heard
