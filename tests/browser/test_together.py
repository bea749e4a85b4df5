"""Two pages at once see the same, and a page that is loaded anew knows all that it knew."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browser.conftest import Opens
from browser.person import VISITOR, WHATSAPP, Person
from browser.playground import Playground


def test_two_pages_see_the_same(opens: Opens, playground: Playground) -> None:
    here, there = (Person(opens()) for _ in range(2))
    number = here.starts(**WHATSAPP).writes("Hi, where is my order S00042?")
    there.chooses(playground, number)

    for person in (here, there):
        person.is_answered("PX0042LENA")
    there.takes_over()
    expect(here.agent).to_contain_text("Open: a person answers", use_inner_text=True)
    there.agent.get_by_role("textbox", name="Agent's message").fill("A person here")
    there.agent.get_by_role("button", name="Send reply").click()
    expect(here.chat).to_contain_text("A person here", use_inner_text=True)

    for place in ("chat", "team", "turn"):
        one, other = getattr(here, place), getattr(there, place)
        expect(other).to_have_text(one.inner_text(), use_inner_text=True)


def test_a_page_that_is_loaded_anew_shows_what_it_showed(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    number = person.writes("My card is 4111 1111 1111 1111. How long does shipping take?")
    person.is_answered("2 to 4 working days")
    before = [place.inner_text() for place in (person.chat, person.team, person.turn)]

    page.reload()

    assert person.number() == number
    for place, text in zip((person.chat, person.team, person.turn), before, strict=True):
        expect(place).to_have_text(text, use_inner_text=True)
    assert person.marked() == ["4111 1111 1111 1111"]
