"""The page where the deployed function does the work: it says so, and that its turns are known once they are over."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from browser.conftest import Opens
from browser.person import VISITOR, Person
from browser.playground import Playground

Shot = Callable[[Page, str], None]


def test_a_deployed_function_is_no_stopped_worker(opens: Opens, page: Page, playground: Playground, shot: Shot) -> None:
    number = Person(page).starts(**VISITOR).writes("Do you sell mugs?")
    state = playground.get("/api/state")
    [conversation] = [one for one in state["conversations"] if one["id"] == number]
    worker = {"state": "stopped", "pid": None, "kills": 0, "armed": None, "since": "", "note": "there is no worker"}
    events = {"hello": {**state["hello"], "deployed": True}, "conversation": conversation, "worker": worker}
    told = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events.items())

    def stream(route: Route) -> None:
        route.fulfill(content_type="text/event-stream", body=f"retry: 600000\n\n{told}")

    other = Person(opens(before=lambda fresh: fresh.route("**/events", stream)))

    gauges = other.page.get_by_role("group", name="Worker and queue")
    expect(gauges).to_contain_text("Deployed function", use_inner_text=True)
    expect(gauges).not_to_contain_text("stopped")
    other.page.get_by_role("button", name=f"#{number}").click()
    expect(other.turn).to_contain_text("the turn appears here once it is over", use_inner_text=True)
    shot(other.page, "deployed")
