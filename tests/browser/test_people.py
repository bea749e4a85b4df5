"""Hand-off, taking over and giving back: who has the conversation answers it, and nobody else does."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.person import VISITOR, Person

Shot = Callable[[Page, str], None]


def test_who_asks_for_a_person_gets_one_and_metta_answers_again_after_it_was_given_back(page: Page, shot: Shot) -> None:
    person = Person(page).starts(**VISITOR)

    person.writes("I want a human")
    person.sees_end("Handed to a person: the customer asked for a person.")

    expect(person.chat.get_by_role("article", name="Metta", exact=True)).to_have_count(1)
    expect(person.chat).to_contain_text("A colleague from our team will take over", use_inner_text=True)
    expect(person.chat).not_to_contain_text("hands this conversation over", use_inner_text=True)
    note = person.team.get_by_role("article", name="Metta's note to the team")
    expect(note).to_contain_text("Metta hands this conversation over", use_inner_text=True)
    expect(person.agent).to_contain_text("Open: a person answers", use_inner_text=True)
    shot(page, "handed-off")

    person.agent.get_by_role("textbox", name="Agent's message").fill("Ruth here. What can I do for you?")
    person.agent.get_by_role("button", name="Send reply").click()
    expect(person.chat).to_contain_text("Ruth here. What can I do for you?", use_inner_text=True)

    person.gives_back()
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp", replies=2)
    shot(page, "given-back")


def test_metta_stays_silent_while_a_person_has_the_conversation(page: Page, shot: Shot) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    person.takes_over()
    expect(person.agent).to_contain_text("Nina", use_inner_text=True)
    person.writes("Do you sell wool blankets?")
    expect(person.turn).to_contain_text("Not answered: ", use_inner_text=True)
    expect(person.replies).to_have_count(1)
    expect(person.team.get_by_role("article", name="Metta", exact=True)).to_have_count(1)
    shot(page, "silent")

    person.gives_back()
    person.is_answered("Wool Blanket", replies=2)


def test_a_private_note_is_for_the_team_alone(page: Page, shot: Shot) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    person.is_answered("Aurora Desk Lamp")

    person.agent.get_by_role("radio", name="Private note").check()
    person.agent.get_by_role("textbox", name="Agent's message").fill("He asked the same yesterday")
    person.agent.get_by_role("button", name="Add note").click()

    expect(person.team.get_by_role("article", name="Private note")).to_contain_text(
        "He asked the same yesterday", use_inner_text=True
    )
    expect(person.chat).not_to_contain_text("yesterday", use_inner_text=True)

    person.agent.get_by_role("button", name="Resolve").click()
    expect(person.agent).to_contain_text("Resolved: done", use_inner_text=True)
    shot(page, "resolved")
