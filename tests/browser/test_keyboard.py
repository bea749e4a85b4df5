"""Everything by keyboard alone: each stop is visible, in an order that makes sense, and nothing needs a mouse."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.person import VISITOR, Person

Shot = Callable[[Page, str], None]
MOST_STOPS = 80
FOCUSED = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const style = getComputedStyle(at), near = getComputedStyle(at.closest("label") ?? at);
    const sibling = at.nextElementSibling ? getComputedStyle(at.nextElementSibling) : style;
    const ring = [style, near, sibling].some((s) =>
        (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none");
    const box = at.getBoundingClientRect();
    return { ring, inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth };
}"""


def tab_to(page: Page, role: str, name: str, *, backwards: bool = False) -> list[str]:
    """Press Tab until this has the focus; gives the stops on the way as a screen reader names them."""
    stops: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        seen = page.evaluate(FOCUSED)
        if seen is None:
            continue
        said = page.locator(":focus").aria_snapshot().splitlines()[0].removeprefix("- ")
        stops.append(said)
        assert seen["ring"], f"nobody sees that {said} has the focus"
        assert seen["inside"], f"{said} has the focus out of sight"
        if said.startswith(f'{role} "{name}'):
            return stops
    raise AssertionError(f"no {role} {name} by Tab; there were: {stops}")


def test_a_conversation_without_a_mouse(page: Page, shot: Shot) -> None:
    person = Person(page)
    expect(page.get_by_role("button", name="New conversation")).to_be_visible()
    expect(
        person.customer.get_by_role("combobox", name="Channel").or_(person.chat.get_by_role("article")).first
    ).to_be_visible()

    stops = tab_to(page, "link", "Skip to the customer's chat")
    assert len(stops) == 1
    shot(page, "focus-skip-link")
    page.keyboard.press("Enter")
    tab_to(page, "button", "New conversation")
    page.keyboard.press("Enter")
    expect(person.message).to_be_focused()

    tab_to(page, "combobox", "Language", backwards=True)
    tab_to(page, "combobox", "Customer", backwards=True)
    page.keyboard.type("Somebody")
    tab_to(page, "combobox", "Channel", backwards=True)
    page.keyboard.type("Web")
    tab_to(page, "combobox", "Identity")
    page.keyboard.type("Anon")
    expect(person.customer.get_by_role("combobox", name="Channel")).to_have_value("website")
    expect(person.customer.get_by_role("combobox", name="Identity")).to_have_value("anonymous")
    tab_to(page, "textbox", "Message")
    page.keyboard.type("Do you have a desk lamp in stock?")
    page.keyboard.press("Enter")
    person.is_answered("Aurora Desk Lamp")
    expect(person.message).to_be_focused()

    tab_to(page, "button", "Take over")
    shot(page, "focus-take-over")
    page.keyboard.press("Enter")
    expect(person.agent).to_contain_text("Open: a person answers", use_inner_text=True)
    tab_to(page, "textbox", "Agent's message")
    page.keyboard.type("A person here")
    page.keyboard.press("Enter")
    expect(person.chat).to_contain_text("A person here", use_inner_text=True)
    tab_to(page, "button", "Give back to Metta", backwards=True)
    page.keyboard.press("Space")
    expect(person.agent).to_contain_text("Pending: Metta answers", use_inner_text=True)


def test_faults_and_kills_are_reached_by_keyboard_and_escape_leads_back(page: Page) -> None:
    expect(page.get_by_text("Worker ready")).to_be_visible()
    tab_to(page, "button", "Break something")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Break something")
    expect(dialog).to_be_visible()

    tab_to(page, "switch", "Odoo is slow")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="1 fault on")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Break something")).to_be_visible()
    tab_to(page, "combobox", "Moment")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Break something")).to_be_focused()


def test_stops_follow_the_page_from_left_to_right_and_none_is_met_twice(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.writes("Do you have a desk lamp in stock?")
    page.reload()
    expect(person.agent.get_by_role("button", name="Take over")).to_be_enabled()

    stops = tab_to(page, "textbox", "Agent's message")

    in_order = ["Skip to the customer's chat", "Break something", "Log", "Auto", "New conversation", "Play samples",
                "Chat", "An order", "Message", "Send", "Each line a message", "Attach a file", "Take over", "Resolve",
                "Conversation as the team sees it", "Reply", "Agent's message"]  # fmt: skip
    places = [next((place for place, stop in enumerate(stops) if f'"{name}' in stop), None) for name in in_order]
    assert None not in places, list(zip(in_order, places, strict=True))
    assert places == sorted(places), list(zip(in_order, places, strict=True))  # type: ignore[type-var]
