"""What a page says when ``metta up`` ends under it, and that what it says comes back with a new one."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.conftest import Opens
from browser.person import VISITOR, Person
from browser.playground import started

Shot = Callable[[Page, str], None]


def test_a_stack_that_is_stopped_is_told_by_a_banner(opens: Opens, shot: Shot) -> None:
    with started("metta-up-stopped") as stack:
        page = opens(stack.url)
        person = Person(page).starts(**VISITOR)
        person.writes("Do you have a desk lamp in stock?")

        assert stack.stop() == 0

    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("The stack has stopped", use_inner_text=True)
    expect(person.message).to_be_disabled()
    expect(person.chat).to_contain_text("Do you have a desk lamp in stock?", use_inner_text=True)
    shot(page, "stopped")
