"""What a page must never do while a test looks at it: complain, fail, or reach for another host."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebError


class Watched:
    """Gathers complaints of all pages of a context.

    Args:
        context: of the browser; nothing is open in it yet.
        origin: the one place that its pages may ask.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        """Each request as ``METHOD path``, in order."""
        self._origin = origin
        self._expected: list[re.Pattern[str]] = []
        context.on("console", self._said)
        context.on("weberror", self._broke)
        context.on("dialog", self._asked)
        context.on("request", self._requested)
        context.on("requestfailed", self._failed)
        context.on("page", self._opened)
        self._pages: list[Page] = []

    def expect(self, pattern: str) -> None:
        """A complaint like this has to come, any number of times; without it the test fails."""
        self._expected.append(re.compile(pattern))

    def check(self) -> None:
        """Raises: AssertionError: something came that must not, or what had to come did not."""
        unexpected = [one for one in self.complaints if not any(like.search(one) for like in self._expected)]
        assert not unexpected, "the page complained:\n" + "\n".join(unexpected)
        for like in self._expected:
            assert any(map(like.search, self.complaints)), f"nothing was heard like {like.pattern}"

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _broke(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def _asked(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog {dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _opened(self, page: Page) -> None:
        self._pages.append(page)
        if page.opener():
            self.complaints.append(f"a window was opened: {page.url}")

    def _requested(self, request: Request) -> None:
        url = urlsplit(request.url)
        self.requests.append(f"{request.method} {url.path}")
        if url.scheme not in ("data", "blob") and f"{url.scheme}://{url.netloc}" != self._origin:
            self.complaints.append(f"request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left or loaded anew lets go of its stream; only then is that told as aborted.
        if (urlsplit(request.url).path, request.failure) != ("/events", "net::ERR_ABORTED"):
            self.complaints.append(f"request failed: {request.method} {request.url}: {request.failure}")
