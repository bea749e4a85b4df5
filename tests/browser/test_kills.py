"""The worker killed from the page at each point of a turn: exactly one reply, and the page tells of the kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import Opens
from browser.person import FAULTS, VISITOR, Person, turns
from browser.playground import Json, Playground

Shot = Callable[[Page, str], None]
MOMENTS = {
    "Now": "now",
    "When the model is asked": "model",
    "Just before the reply is sent": "send",
    "After Chatwoot has the reply, before Metta wrote that down": "sent",
}
PATIENCE_MS = 90_000.0
"""A lease has to end before another worker may go on."""


@pytest.fixture(scope="module")
def killed(browser: Browser, playground: Playground) -> Iterator[dict[str, int]]:
    """One conversation for each moment, all killed before the first is waited for: their leases end side by side."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(playground.url)
    numbers = {}
    for moment in MOMENTS:
        kills = playground.get("/api/state")["worker"]["kills"]
        person = Person(page).starts(**VISITOR)
        expect(page.get_by_text("Worker ready")).to_be_visible(timeout=PATIENCE_MS)
        if moment != "Now":
            person.kills(moment)
        numbers[moment] = person.writes("How long does shipping take?")
        if moment == "Now":
            person.kills(moment)
        gauges = page.get_by_role("group", name="Worker and queue")
        expect(gauges).to_contain_text(f"· {kills + 1} kill", use_inner_text=True, timeout=PATIENCE_MS)
    with person.popover("Log", "Log") as log:
        told = log.get_by_role("listitem").filter(has_text="The worker was killed (SIGKILL)")
        expect(told).to_have_count(len(MOMENTS))
    yield numbers
    context.close()


def test_a_kill_that_waits_says_so_and_is_called_off(page: Page) -> None:
    person = Person(page).starts(**VISITOR)
    person.kills("When the model is asked")
    expect(page.get_by_text("It dies in the next turn: when the model is asked.").first).to_be_visible()
    with person.popover(FAULTS, "Break something") as dialog:
        dialog.get_by_role("button", name="Call the kill off").click()
        expect(dialog.get_by_role("button", name="Call the kill off")).to_be_hidden()

    person.writes("How long does shipping take?")

    person.is_answered("2 to 4 working days")


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (
            {"state": "interrupted", "due": "2026-11-28T12:00:33+00:00"},
            "The message comes back at 12:00:33 at the latest, and is answered once.",
        ),
        ({"state": "interrupted", "due": None, "taken_up_by": "t-2"}, ""),
        (
            {"state": "retrying", "due": "2026-11-28T12:00:07+00:00"},
            "It is tried again at 12:00:07. If it goes on failing, a person takes over.",
        ),
        (
            {
                "state": "audited",
                "outcome": "answered",
                "latency_ms": 26_760,
                "spans": [
                    {"name": "turn", "start_ms": 0, "end_ms": 760},
                    {"name": "turn", "start_ms": 26_700, "end_ms": 26_760},
                ],
            },
            "Of the time it took, 25.94 s went by waiting between 2 tries.",
        ),
        (
            {
                "state": "audited",
                "outcome": "answered",
                "latency_ms": 760,
                "spans": [{"name": "turn", "start_ms": 0, "end_ms": 700}],
            },
            "",
        ),
    ],
)
def test_a_turn_that_waits_says_for_how_long(opens: Opens, turn: Json, told: str) -> None:
    page = opens(timezone_id="UTC")

    assert page.evaluate("async (turn) => (await import('/page/story.js')).story(turn)", turn) == told


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_worker_costs_no_message_and_doubles_none(
    page: Page, killed: dict[str, int], playground: Playground, shot: Shot, moment: str
) -> None:
    number = killed[moment]
    person = Person(page)
    person.chooses(playground, number)

    expect(person.turn.get_by_text("all rows as JSON")).to_be_visible(timeout=PATIENCE_MS)
    expect(person.turn).to_contain_text("Answered by the assistant.", use_inner_text=True)
    expect(person.replies).to_have_count(1)
    expect(person.replies).to_contain_text("2 to 4 working days", use_inner_text=True)
    assert [turn["outcome"] for turn in turns(playground, number) if turn["state"] == "audited"] == ["answered"]
    shot(page, f"killed-{MOMENTS[moment]}")
