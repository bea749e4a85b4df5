"""Browser, stack and pages of the tests; what a page must never do fails every one of them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from browser import chromium
from browser.playground import KEPT, Playground, started
from browser.watched import Watched

WIDE = {"width": 1440, "height": 900}
PATIENCE_MS = 20_000.0
"""How long a test waits for something to be seen: an answer takes a few seconds, on a busy machine more."""
SETTLED = """() => Promise.all(document.getAnimations()
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
    .map((one) => one.finished.catch(() => null)))"""
Opens = Callable[..., Page]
_reports = pytest.StashKey[dict[str, pytest.TestReport]]()


# The package's, not the session's: playwright's loop runs in this thread as long as it lives, and tests elsewhere run
# loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.executable()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def playground(browser: Browser) -> Iterator[Playground]:
    """The one stack of all tests; each has conversations of its own on it."""
    with started("metta-up", BURST_QUIET_SECONDS="1", METTA_MAX_ATTEMPTS="3") as running:
        yield running


@pytest.fixture
def watched() -> list[Watched]:
    """Of each context that the test opened, in order."""
    return []


@pytest.fixture
def opens(
    browser: Browser, playground: Playground, watched: list[Watched], request: pytest.FixtureRequest
) -> Iterator[Opens]:
    """Opens the page in a fresh context, as a browser of its own; options as ``Browser.new_context`` has them.

    ``before`` is given the context before anything is asked for.
    """
    with ExitStack() as contexts:
        pages: list[Page] = []

        def open_page(
            url: str = playground.url, before: Callable[[BrowserContext], None] | None = None, **options: Any
        ) -> Page:
            context = browser.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            watched.append(Watched(context, url))
            if before is not None:
                before(context)
            page = context.new_page()
            pages.append(page)
            page.goto(url)
            return page

        yield open_page
        for page in pages:
            _hear_all(page)
        if _failed(request.node):
            _keep(request.node.name, pages, watched)
            return
        try:
            for one in watched:
                one.check()
        except AssertionError:
            _keep(request.node.name, pages, watched)
            raise


@pytest.fixture
def page(opens: Opens) -> Page:
    return opens()


@pytest.fixture
def shot() -> Callable[[Page, str], None]:
    """Keeps what is seen as ``.metta/browser/NAME.png``, once what came into view has come."""

    def keep(page: Page, name: str) -> None:
        page.evaluate(SETTLED)
        _picture(page, KEPT / f"{name}.png")

    return keep


# Past Page.screenshot, which puts a style of its own into the page: its policy would forbid that, loudly.
def _picture(page: Page, path: Path, *, whole: bool = False) -> None:
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
    session.detach()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(taken["data"]))


def _hear_all(page: Page) -> None:
    """What the browser has told by now has arrived here when it answers."""
    if not page.is_closed():
        page.evaluate("1")


def _keep(name: str, pages: list[Page], watched: list[Watched]) -> None:
    """What a failed test saw."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages):
        stem = KEPT / f"failed-{re.sub(r'[^a-zA-Z0-9_-]+', '-', name)[:80]}-{number}"
        try:
            _picture(page, stem.with_suffix(".png"), whole=True)
            stem.with_suffix(".html").write_text(page.content(), encoding="utf-8", errors="replace")
        except Error as error:
            stem.with_suffix(".html").write_text(str(error), encoding="utf-8")
        heard = [*watched[number].complaints, "", *watched[number].requests]
        stem.with_suffix(".txt").write_text("\n".join(heard), encoding="utf-8", errors="replace")


def _failed(item: pytest.Item) -> bool:
    return any(report.failed for report in item.stash.get(_reports, {}).values())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(_reports, {})[report.when] = report
    return report
