"""Page, its JSON, ``metta audit show`` and PostgreSQL tell of the same turns in the same words and numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.person import Person, turns
from browser.playground import Playground
from functional.local.processes import metta
from metta_local.demo_report import audit_rows
from tests_support.agreeing import is_in_the_database, tells_as_the_audit

Json = dict[str, Any]
Shot = Callable[[Page, str], None]
PLAYED = (
    "order status",
    "product search",
    "injection attempt",
    "card number in the chat",
    "I want a human",
    "Spanish customer",
    "attachment without text",
    "burst of two messages",
)

READ_BY_PEOPLE = ("order status", "card number in the chat", "I want a human")
"""Where the text that ``metta audit show`` prints is compared, too."""


@pytest.fixture(scope="module")
def conversations(browser: Browser, playground: Playground) -> Iterator[dict[str, int]]:
    """Numbers of the sample conversations, played from the page."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(playground.url)
    known = {one["id"] for one in playground.get("/api/state")["conversations"]}
    with Person(page).popover("Play samples", "Sample conversations") as dialog:
        dialog.get_by_role("button", name="Play all").click()
        expect(dialog).to_be_hidden(timeout=20_000)
    played = [one for one in playground.get("/api/state")["conversations"] if one["id"] not in known]
    yield {one["name"]: one["id"] for one in played}
    context.close()


@pytest.mark.parametrize("name", PLAYED)
def test_a_turn_is_told_alike_everywhere(
    page: Page, conversations: dict[str, int], playground: Playground, shot: Shot, name: str
) -> None:
    number = conversations[name]
    person = Person(page)
    person.chooses(playground, number)
    expect(person.turn.get_by_text("all rows as JSON")).to_be_visible()

    [listed] = turns(playground, number)
    told = playground.get(f"/api/turn/{listed['id']}")
    done = metta("audit", "show", f"3:{number}", "--json", **playground.environment)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    [turn] = shown["turns"]

    assert shown["chain"]["sound"] is True
    assert told["state"] == "audited"
    tells_as_the_audit(told, turn)
    is_in_the_database(turn, playground.environment["DATABASE_URL"])
    assert told == listed
    assert told["audit"] == [row for row in audit_rows(shown) if row["table"] != "skips"]
    _is_on_the_page(person, turn, shown)
    if name in READ_BY_PEOPLE:
        _words_are_those_of_the_case_file(person, number, playground)
    shot(page, f"same-{name.replace(' ', '-')}")


def _is_on_the_page(person: Person, turn: Json, shown: Json) -> None:
    """What a reader sees of a turn, against ``metta audit show --json`` alone."""
    seen = _text(person.turn)
    facts = {
        "identity": turn["identity_level"].capitalize(),
        "duration": _duration(turn["latency_ms"]),
        **({"tokens": f"{turn['input_tokens'] + turn['output_tokens']:,}"} if turn["model_calls"] else {}),
        **({"cost": f"${turn['cost_usd']:.6f}"} if turn["cost_usd"] else {}),
    }
    for name, fact in facts.items():
        assert re.search(rf"(?<![\d.,]){re.escape(fact)}(?![\d,])", seen), f"{name} {fact} is not in {seen}"
    for call in turn["model_calls"]:
        assert f"{call['input_tokens']:,} tokens in" in seen
        assert f"{call['output_tokens']:,} out" in seen
        assert _duration(call["duration_ms"]) in seen
    for call in turn["tool_calls"]:
        arguments = ", ".join(f"{key}: {json.dumps(one, ensure_ascii=False)}" for key, one in call["arguments"].items())
        assert f"{call['name']}({arguments})" in seen
        for word in _words(call["result"]):
            assert word in seen, word
    for message in turn["incoming_messages"]:
        assert _flat(message["text"] or "no words, only files") in seen
    for message in turn["outgoing_messages"]:
        assert _plain(message["text"]) in seen
        assert f"message {message['message_id']}" in seen
    marks = person.marked()
    for verdict in turn["verdicts"]:
        for found in verdict["findings"]:
            assert f"{found['check']}/{found['kind']}" in seen
            assert f"{found['start']}–{found['end']}" in seen
            assert f"{found['score']:.2f}" in seen
    assert bool(marks) is any(verdict["findings"] for verdict in turn["verdicts"])
    person.turn.get_by_text("all rows as JSON").click()
    rows = person.turn.locator("pre").last
    assert json.loads(rows.inner_text()) == audit_rows(shown)


def _words_are_those_of_the_case_file(person: Person, number: int, playground: Playground) -> None:
    """The sentence about how it ended is the one that ``metta audit show`` prints for people."""
    file = _flat(metta("audit", "show", f"3:{number}", **playground.environment, COLUMNS="400").stdout)
    [turn] = turns(playground, number)
    assert turn["words"] in file
    assert turn["words"] in _text(person.turn)
    for verdict in turn["verdicts"]:
        assert verdict["words"].rstrip(".") in file


def _text(of: Any) -> str:
    return _flat(of.evaluate("element => element.innerText"))


def _plain(text: str) -> str:
    """A text without its Markdown, which the page shows as what it means."""
    return _flat(re.sub(r"^(?:- |> )|\*\*|`", "", text, flags=re.MULTILINE))


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _words(result: Any) -> Iterator[str]:
    """Texts and numbers of a tool's result."""
    if isinstance(result, dict):
        for one in result.values():
            yield from _words(one)
    elif isinstance(result, list):
        for one in result:
            yield from _words(one)
    elif isinstance(result, str):
        yield _flat(result)
    elif isinstance(result, int | float) and not isinstance(result, bool):
        yield f"{result:g}"


def _duration(ms: float) -> str:
    """As the page rounds it."""
    if ms < 9.95:
        return f"{ms:.1f} ms"
    return f"{int(ms + 0.5)} ms" if ms < 999.5 else f"{ms / 1000:.2f} s"
