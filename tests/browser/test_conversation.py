"""A customer asks, Metta answers: what the chat, the agent's view and the turn show, and that it comes by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.person import WHATSAPP, Person, turns
from browser.playground import Playground
from browser.watched import Watched

Shot = Callable[[Page, str], None]
QUESTION = "Hi, where is my order S00042?"


def test_a_question_is_answered_and_the_page_shows_how(page: Page, playground: Playground, shot: Shot) -> None:
    shot(page, "empty")
    person = Person(page).starts(**WHATSAPP)

    number = person.writes(QUESTION)
    person.is_answered("PX0042LENA")

    expect(person.chat.get_by_role("article", name="Lena Vogt")).to_contain_text(QUESTION, use_inner_text=True)
    expect(person.team.get_by_role("article", name="Metta", exact=True)).to_contain_text(
        "PX0042LENA", use_inner_text=True
    )
    expect(person.agent).to_contain_text("Pending: Metta answers", use_inner_text=True)
    [turn] = turns(playground, number)
    assert person.steps() == [
        "Message received",
        "What the customer wrote: nothing found",
        "Asked the model",
        "Looked up an order",
        "Asked the model",
        "What Metta wants to say: nothing found",
        "Reply to the customer",
    ]
    for seen in (
        "Answered by the assistant.",
        "Verified",
        f"{turn['tokens']:,}",
        f"${turn['cost_usd']:.6f}",
        'getOrder(orderNumber: "S00042")',
        "Parcel Express",
        "Aurora Desk Lamp",
        turn["model"],
    ):
        expect(person.turn).to_contain_text(seen, use_inner_text=True)
    assert turn["cost_usd"] > 0
    shot(page, "answered")


def test_the_waterfall_and_the_audit_rows_are_those_of_the_turn(page: Page, playground: Playground, shot: Shot) -> None:
    person = Person(page).starts(**WHATSAPP)
    number = person.writes(QUESTION)
    person.is_answered("PX0042LENA")
    [turn] = turns(playground, number)

    bars = person.turn.get_by_role("list", name="Spans").get_by_role("listitem")
    expect(bars).to_have_count(len(turn["spans"]))
    for label in ("Check the customer's text", "Tool getOrder: order", "Look again before sending", "Send"):
        bar = bars.filter(has_text=label).first
        assert bar.locator(":scope > *").nth(1).bounding_box(), label

    tables = {row["table"] for row in turn["audit"]}
    assert tables >= {"turns", "incoming_messages", "verdicts", "tool_calls", "model_calls", "timings"}
    for name in sorted(tables):
        summary = page.locator("summary").filter(has=page.get_by_text(name, exact=True))
        person.turn.locator(summary).click()
        table = person.turn.locator("details").filter(has=summary).get_by_role("table").first
        rows = table.locator(":scope > tbody > tr")
        expect(rows).to_have_count(sum(row["table"] == name for row in turn["audit"]))
    shot(page, "audit")


def test_steps_are_seen_before_the_turn_ends_and_nobody_asks_for_them(
    page: Page, playground: Playground, watched: list[Watched], shot: Shot
) -> None:
    person = Person(page).starts(**WHATSAPP)
    expect(page.get_by_text("Worker ready")).to_be_visible()
    before = len(watched[0].requests)
    person.switches("The model is slow", on=True)
    try:
        person.writes("How long does shipping take?")

        expect(person.turn).to_contain_text("At work", use_inner_text=True)
        expect(person.turn.get_by_role("list", name="Spans")).to_contain_text("Ask the model", use_inner_text=True)
        expect(person.turn.get_by_role("heading", level=4).nth(1)).to_have_text(
            "What the customer wrote: nothing found"
        )
        expect(person.turn).not_to_contain_text("No model and no tool was asked", use_inner_text=True)
        expect(person.replies).to_have_count(0)
        shot(page, "working")
        person.is_answered("2 to 4 working days")
    finally:
        playground.post("/api/faults", {"name": "model_slow", "on": False})

    assert watched[0].requests[before:] == ["POST /api/faults", "POST /api/write"]
    assert watched[0].requests.count("GET /events") == 1


def test_messages_shortly_after_one_another_get_one_reply(page: Page, playground: Playground, shot: Shot) -> None:
    person = Person(page).starts(channel="Website", identity="Anonymous", customer="Somebody new", burst=True)

    number = person.writes("Hello!\nDo you sell wool blankets?\nI mean the warm ones.")

    person.is_answered("Wool Blanket")
    expect(person.turn.get_by_role("heading", level=4).first).to_have_text("3 messages, answered together")
    expect(person.chat.get_by_role("article")).to_have_count(4)
    [turn] = turns(playground, number)
    assert [one["text"] for one in turn["messages"]] == [
        "Hello!",
        "Do you sell wool blankets?",
        "I mean the warm ones.",
    ]
    shot(page, "burst")
