"""``metta doctor --only chatwoot``: an address that does not lead to Chatwoot's API, and a Chatwoot that is too old."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from metta_local.chatwoot.faults import Fault
from metta_local.doctor import chatwoot_ask, clock
from tests_support.tls import Certificate, certificate, served_over_tls

from .chatwoot_world import ChatwootWorld

NAME = "chatwoot.address"


def everywhere(answer: Response) -> Starlette:
    """A server that answers everything in one way."""

    async def say(_request: Request) -> Response:
        return answer

    return Starlette(routes=[Route("/{path:path}", say)])


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_sound_chatwoot_has_nothing_to_complain_of_and_is_only_read(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor()

    assert (report.code, report.bad()) == (0, set())
    assert "skip" not in report.statuses.values()
    assert {method for method, _ in chatwoot.watched.asked} == {"GET"}
    assert chatwoot.emulator.conversations() == []


@pytest.mark.usefixtures("name_server")
def test_a_name_that_nobody_knows(chatwoot: ChatwootWorld) -> None:
    report = chatwoot.doctor(CHATWOOT_BASE_URL="http://caht.shop.example")

    assert report.one(NAME) == ("fail", "CHATWOOT_BASE_URL: its name is not known to the name server")
    assert "spelling" in report.fixes[NAME]
    assert set(report.statuses) == {"chatwoot.variables", NAME}, "nothing else is asked"


def test_a_port_where_nothing_listens(chatwoot: ChatwootWorld, free_port: int) -> None:
    report = chatwoot.doctor(CHATWOOT_BASE_URL=f"http://127.0.0.1:{free_port}")

    assert report.one(NAME) == ("fail", "CHATWOOT_BASE_URL: nothing listens there")


def test_https_where_http_is_spoken(chatwoot: ChatwootWorld, served: Callable[[Any], str]) -> None:
    report = chatwoot.doctor(CHATWOOT_BASE_URL=served(chatwoot.watched).replace("http:", "https:"))

    assert report.one(NAME) == ("fail", "CHATWOOT_BASE_URL: no TLS connection comes about")
    assert report.fixes[NAME].startswith("is it http there?")


@pytest.mark.usefixtures("name_server")
class TestTls:
    @pytest.fixture
    def files(self, tmp_path: Path) -> Certificate:
        return certificate(tmp_path, "chat.shop.example")

    @pytest.fixture
    def base_url(self, chatwoot: ChatwootWorld, files: Certificate) -> Iterator[str]:
        with served_over_tls(chatwoot.watched, files) as port:
            yield f"https://chat.shop.example:{port}"

    def test_a_certificate_that_is_trusted(
        self, chatwoot: ChatwootWorld, base_url: str, files: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(files.certificate))
        report = chatwoot.doctor(CHATWOOT_BASE_URL=base_url)

        assert report.one("chatwoot.tls") == ("ok", "the connection is encrypted")
        assert report.bad() == set()

    def test_one_that_is_not(self, chatwoot: ChatwootWorld, base_url: str) -> None:
        report = chatwoot.doctor(CHATWOOT_BASE_URL=base_url)

        assert report.one(NAME) == ("fail", "CHATWOOT_BASE_URL: its certificate is not accepted")
        assert "of this name" in report.fixes[NAME]


def test_a_server_that_never_answers(chatwoot: ChatwootWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chatwoot_ask, "CALL_SECONDS", 0.2)
    chatwoot.emulator.faults.add(Fault("api", "delay", delay_seconds=20, times=None))

    status, found = chatwoot.doctor().one(NAME)

    assert (status, "no answer within" in found) == ("fail", True)


def test_a_server_that_hangs_up(chatwoot: ChatwootWorld) -> None:
    chatwoot.emulator.faults.add(Fault("api", "reset", times=None))

    assert chatwoot.doctor().one(NAME) == ("fail", "CHATWOOT_BASE_URL: the connection broke")


@pytest.mark.parametrize(
    ("answer", "says", "advice"),
    [
        (HTMLResponse("<!doctype html><title>Welcome to our shop"), "leads to a web page (200", "host alone"),
        (HTMLResponse("<h1>Not here</h1>", 404), "leads to a web page (404", "host alone"),
        (JSONResponse({"hello": "world"}), "something other than Chatwoot (200", "host alone"),
        (PlainTextResponse("", 401), "answers 401 before Chatwoot is reached", "login or firewall"),
        (PlainTextResponse("Forbidden by policy 4711", 403), "answers 403 before", "login or firewall"),
        (HTMLResponse("Bad gateway", 502), "answers 502", "is Chatwoot up"),
        (RedirectResponse("https://sso.corp.example/login?to=chat"), "redirects to another host (307)", "browser"),
        (RedirectResponse("/app/login", 302), "redirects to another path of its host (302)", "browser"),
    ],
)
def test_an_address_of_something_else(chatwoot: ChatwootWorld, answer: Response, says: str, advice: str) -> None:
    chatwoot.watched.app = everywhere(answer)
    report = chatwoot.doctor()

    status, found = report.one(NAME)
    assert (status, says in found, advice in report.fixes[NAME]) == ("fail", True, True), report.text
    for word in ("sso.corp", "4711", "Welcome", "world"):
        assert word not in report.text, "the server's words are not told"


def test_an_answer_without_end(chatwoot: ChatwootWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chatwoot_ask, "MOST_BYTES", 1000)
    chatwoot.watched.app = everywhere(JSONResponse({"version": "4.15.1", "more": "." * 100_000}))

    assert "something other than Chatwoot" in chatwoot.doctor().found[NAME]


@pytest.mark.usefixtures("name_server")
def test_http_that_redirects_to_https(chatwoot: ChatwootWorld, served: Callable[[Any], str]) -> None:
    chatwoot.watched.app = everywhere(RedirectResponse("https://chat.shop.example/api", 301))
    base_url = served(chatwoot.watched).replace("127.0.0.1", "chat.shop.example")

    report = chatwoot.doctor(CHATWOOT_BASE_URL=base_url)

    assert report.statuses[NAME] == "fail"
    assert "redirects to https: Metta follows no redirect" in report.found[NAME]
    assert report.fixes[NAME] == "write https"


@pytest.mark.parametrize("path", ["/app/accounts/3/dashboard", "/api/v1", "/app/"])
def test_a_path_that_was_copied_from_the_browser(
    chatwoot: ChatwootWorld, served: Callable[[Any], str], path: str
) -> None:
    report = chatwoot.doctor(CHATWOOT_BASE_URL=served(chatwoot.watched) + path)

    assert report.one(NAME)[0] == "fail"
    assert "not below its path" in report.found[NAME]
    assert report.fixes[NAME].startswith("leave the path away")


@pytest.mark.usefixtures("name_server")
def test_http_beyond_this_machine(chatwoot: ChatwootWorld, served: Callable[[Any], str]) -> None:
    base_url = served(chatwoot.watched).replace("127.0.0.1", "chat.shop.example")

    report = chatwoot.doctor(CHATWOOT_BASE_URL=base_url)

    assert report.bad() == {"chatwoot.tls"}
    assert report.one("chatwoot.tls")[0] == "warn"


@pytest.mark.parametrize(
    ("version", "status", "says"),
    [
        ("4.11.1", "fail", "too old, no webhook is signed"),
        ("4.12.0", "warn", "a bot's webhooks are not signed; messages arrive as the HTML of their channel"),
        ("4.12.1", "warn", "Chatwoot 4.12.1: a bot's webhooks are not signed; a bot may not look at a conversation"),
        ("4.14.1", "warn", "Chatwoot 4.14.1: a bot may not look at a conversation"),
        ("4.14.2", "ok", "Chatwoot 4.14.2"),
        ("4.16.0", "ok", "Chatwoot 4.16.0"),
    ],
)
def test_a_chatwoot_that_is_too_old_for_a_bot_alone(
    chatwoot: ChatwootWorld, version: str, status: str, says: str
) -> None:
    chatwoot.is_version(version)
    report = chatwoot.alone()

    assert (report.statuses["chatwoot.version"], says in report.found["chatwoot.version"]) == (status, True)
    assert status == "ok" or "4.14.2 or newer" in report.fixes["chatwoot.version"]


def test_before_4_14_2_a_token_that_lists_messages_makes_up_for_the_bot(chatwoot: ChatwootWorld) -> None:
    chatwoot.is_version("4.14.1")

    assert chatwoot.alone().fixes["chatwoot.version"].endswith("; or give CHATWOOT_HISTORY_API_KEY a user's token")
    assert chatwoot.doctor().one("chatwoot.version") == ("ok", "Chatwoot 4.14.1")


def test_a_version_that_is_not_told(chatwoot: ChatwootWorld) -> None:
    chatwoot.emulator.admin.version = "develop"

    assert chatwoot.doctor().statuses["chatwoot.version"] == "warn"


def test_a_chatwoot_whose_own_queue_is_down(chatwoot: ChatwootWorld) -> None:
    chatwoot.emulator.admin.queue_services = "failing"

    status, found = chatwoot.doctor().one("chatwoot.services")

    assert (status, "it sends no webhooks" in found) == ("fail", True)


@pytest.mark.parametrize(
    ("seconds", "status"), [(30, "ok"), (-130, "warn"), (130, "warn"), (-900, "fail"), (900, "fail")]
)
def test_a_clock_that_is_off(
    chatwoot: ChatwootWorld, monkeypatch: pytest.MonkeyPatch, seconds: float, status: str
) -> None:
    right = clock.now
    monkeypatch.setattr(clock, "now", lambda: right() + seconds)

    report = chatwoot.doctor()

    assert report.statuses["chatwoot.clock"] == status, report.found["chatwoot.clock"]
    assert report.bad() == (set() if status == "ok" else {"chatwoot.clock"})
