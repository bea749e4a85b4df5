"""What people do on the page and where they look: by role, name and visible text, never by a place in the markup."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from browser.playground import Playground

Json = dict[str, Any]
WHATSAPP = {"channel": "WhatsApp", "customer": "Lena Vogt"}
"""Her phone number proves who she is."""
VISITOR = {"channel": "Website", "identity": "Anonymous", "customer": "Somebody new"}
FAULTS = re.compile(r"^(Break something|\d+ faults? on)$")
METTA = re.compile(r"^Metta$")


class Person:
    """Somebody who plays customer and team on one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.customer = page.get_by_role("region", name="Customer", exact=True)
        self.agent = page.get_by_role("region", name="Human agent", exact=True)
        self.turn = page.get_by_role("region", name="Turn", exact=True)
        self.chat = page.get_by_role("log", name="Chat", exact=True)
        self.team = page.get_by_role("log", name="Conversation as the team sees it")
        self.message = page.get_by_role("textbox", name="Message", exact=True)
        self.replies = self.chat.get_by_role("article", name=METTA)
        """What Metta wrote to the customer."""

    def starts(
        self, *, channel: str = "", identity: str = "", customer: str = "", language: str = "", burst: bool = False
    ) -> Person:
        """A new conversation of this customer; what is not named stays as the page proposes it."""
        self.page.get_by_role("button", name="New conversation").click()
        chosen = {"Channel": channel, "Identity": identity, "Customer": customer, "Language": language}
        for name, value in chosen.items():
            if value:
                self.customer.get_by_role("combobox", name=name).select_option(label=value)
        self.customer.get_by_role("switch", name="Each line a message").set_checked(burst)
        return self

    def writes(self, text: str) -> int:
        """As the customer; gives the conversation's number once the chat shows the text."""
        self.message.fill(text)
        self.customer.get_by_role("button", name="Send", exact=True).click()
        expect(self.message).to_have_value("")
        return self.number()

    def chooses(self, playground: Playground, number: int) -> None:
        """A conversation in the list, where the newest stands first."""
        rows = self.page.get_by_role("list", name="Conversations", exact=True).get_by_role("button")
        newest_first = sorted((one["id"] for one in playground.get("/api/state")["conversations"]), reverse=True)
        expect(rows).to_have_count(len(newest_first))
        rows.nth(newest_first.index(number)).click()
        expect(self.agent.get_by_role("heading", level=3)).to_have_text(re.compile(rf"#{number}$"))

    def number(self) -> int:
        """Of the conversation that is shown."""
        heading = self.agent.get_by_role("heading", level=3)
        expect(heading).to_have_text(re.compile(r"#\d+$"))
        return int(heading.inner_text().rpartition("#")[2])

    def is_answered(self, text: str, *, replies: int = 1) -> None:
        """Wait until Metta's newest reply says this, and the turn is over."""
        expect(self.replies).to_have_count(replies)
        expect(self.replies.last).to_contain_text(text, use_inner_text=True)
        self.sees_end("Answered")

    def sees_end(self, words: str) -> None:
        """Wait until the shown turn ended like this and its audit is there."""
        expect(self.turn).to_contain_text(words, use_inner_text=True)
        expect(self.turn.get_by_text("all rows as JSON")).to_be_visible()

    def takes_over(self) -> None:
        self.agent.get_by_role("button", name="Take over").click()
        expect(self.agent).to_contain_text("Open: a person answers", use_inner_text=True)

    def gives_back(self) -> None:
        self.agent.get_by_role("button", name="Give back to Metta").click()
        expect(self.agent).to_contain_text("Pending: Metta answers", use_inner_text=True)

    def steps(self) -> list[str]:
        """Headlines of the shown turn's steps."""
        return self.turn.get_by_role("heading", level=4).all_inner_texts()

    def marked(self) -> list[str]:
        """Texts that are marked, as the reader sees them marked."""
        return [mark.evaluate("element => element.textContent") for mark in self.turn.locator("mark").all()]

    def switches(self, fault: str, *, on: bool) -> None:
        """A fault, in the dialog of faults."""
        with self.popover(FAULTS, "Break something") as dialog:
            dialog.get_by_role("switch", name=fault).set_checked(on)
        expect(self.page.get_by_role("button", name="1 fault on" if on else "Break something")).to_be_visible()

    def kills(self, moment: str) -> None:
        """The worker, now or at a step of the next turn."""
        with self.popover(FAULTS, "Break something") as dialog:
            dialog.get_by_role("combobox", name="Moment").select_option(label=moment)
            dialog.get_by_role("button", name="Kill the worker").click()

    def popover(self, button: str | re.Pattern[str], title: str) -> Popover:
        """A dialog of the bar, for the length of a with statement."""
        return Popover(self.page, button, title)


class Popover:
    """Opened by its button, closed by Escape."""

    def __init__(self, page: Page, button: str | re.Pattern[str], title: str) -> None:
        self._button = page.get_by_role("button", name=button)
        self._dialog = page.get_by_role("dialog", name=title)
        self._page = page

    def __enter__(self) -> Locator:
        self._button.first.click()
        expect(self._dialog).to_be_visible()
        return self._dialog

    def __exit__(self, *_: object) -> None:
        if self._dialog.is_visible():
            self._page.keyboard.press("Escape")
        expect(self._dialog).to_be_hidden()


def turns(playground: Playground, conversation: int) -> list[Json]:
    """Its turns, oldest first, as the page's server tells of them."""
    found = [turn for turn in playground.get("/api/state")["turns"] if turn["conversation_id"] == conversation]
    return sorted(found, key=lambda turn: str(turn["started_at"]))
