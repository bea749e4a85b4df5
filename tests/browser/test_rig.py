"""The rig itself: it fails where it has to, so that the other tests' silence means something."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from browser import chromium
from browser.watched import Watched
from metta_local.serving import LoopbackServer


async def _page(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    found = scope["path"] == "/"
    await send({"type": "http.response.start", "status": 200 if found else 404,
                "headers": [(b"content-type", b"text/html")]})  # fmt: skip
    await send({"type": "http.response.body", "body": b"<title>quiet</title><link rel=icon href=data:,>"})


@pytest.mark.parametrize(
    ("does", "heard"),
    [
        ("console.error('so wrong')", "console error: so wrong"),
        ("console.warn('nearly wrong')", "console warning: nearly wrong"),
        ("setTimeout(() => { throw new Error('lost') })", "uncaught: .*lost"),
        ("alert('hello')", "dialog alert: hello"),
        ("fetch('/missing')", "console error: .*404"),
        ("fetch('http://example.com/').catch(() => 0)", "request to another host: http://example.com/"),
        ("const c = new AbortController(); fetch('/slow', c).catch(() => 0); c.abort()", "request failed: GET .*/slow"),
        ("new Image().src = 'http://example.com/x.png'", "request to another host: http://example.com/x.png"),
        ("open('/')", "a window was opened"),
    ],
)
def test_what_a_page_must_not_do_is_heard(browser: Browser, does: str, heard: str) -> None:
    with LoopbackServer(_page) as server:
        context = browser.new_context()
        watched = Watched(context, server.url)
        page = context.new_page()
        page.goto(server.url)
        watched.check()

        page.evaluate(f"() => {{ {does} }}")
        for _ in range(100):  # complaints are heard while the page is waited for
            if not watched.complaints:
                page.wait_for_timeout(20)
        context.close()

    with pytest.raises(AssertionError, match=heard):
        watched.check()


def test_a_complaint_that_had_to_come_and_did_not_fails(browser: Browser) -> None:
    context = browser.new_context()
    watched = Watched(context, "about:")
    watched.expect("422")
    context.close()

    with pytest.raises(AssertionError, match="nothing was heard like 422"):
        watched.check()


def test_a_missing_browser_is_skipped_with_a_hint_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("METTA_CHROMIUM", raising=False)
    monkeypatch.delenv("METTA_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        chromium.executable()

    monkeypatch.setenv("METTA_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        chromium.executable()

    monkeypatch.setenv("METTA_CHROMIUM", "no-such-browser")
    with pytest.raises(pytest.fail.Exception, match="METTA_CHROMIUM names no-such-browser"):
        chromium.executable()
