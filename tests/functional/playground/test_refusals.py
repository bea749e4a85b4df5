"""What the page's server refuses: other names, other origins, other kinds of requests, and wishes that cannot be."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from functional.playground.ground import Json
from metta.policy import Policy
from metta_local.playground import wishes
from metta_local.playground.board import MOST_PAGES, Board
from metta_local.playground.channels import channels
from metta_local.playground.customers import CUSTOMERS
from metta_local.playground.gate import MOST_BYTES
from metta_local.playground.server import PlaygroundServer
from metta_local.serving import LoopbackServer


class Wanted:
    """Takes every wish that is well-formed, and does nothing."""

    def write(self, given: Json) -> Json:
        wishes.write_wish(given, channels(Policy()), CUSTOMERS)
        return {"conversation_id": 84, "message_ids": [1]}

    def scenes(self, given: Json) -> Json:
        return {"names": wishes.names(given, ("one", "two"))}

    def agent(self, given: Json) -> Json:
        return {"action": wishes.agent_wish(given).action}

    def faults(self, given: Json) -> Json:
        return {"faults": list(wishes.fault_wish(given, ("odoo_down",)))}

    def worker(self, given: Json) -> Json:
        return {"at": wishes.kill_wish(given)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    board = Board()
    board.put("hello", {"version": "1"})
    server = PlaygroundServer(board)
    server.open(Wanted())
    with LoopbackServer(server.app) as running:
        yield running.url
        board.close()


def asked(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request with exactly these headers; ``Host`` is the server's unless given."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"host": urlsplit(url).netloc, **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        if body or method == "POST":
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def posted(url: str, name: str, given: Any, **headers: str) -> tuple[int, Json]:
    sent = {"content_type": "application/json", **headers}
    status, _, body = asked(url, "POST", f"/api/{name}", json.dumps(given).encode(), **sent)
    return status, json.loads(body)


@pytest.mark.parametrize("path", ["/", "/page/icon.svg", "/api/state", "/events", "/api/turn/t-1", "/nothing"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[::2]:1", "", "::1"])
def test_by_another_name_nothing_is_served(url: str, path: str, host: str) -> None:
    status, _, body = asked(url, "GET", path, host=host)
    assert status == 403
    assert "127.0.0.1" in json.loads(body)["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8765", "LOCALHOST", "[::1]:8765", "[::1]"])
def test_by_each_name_of_loopback_it_is(url: str, host: str) -> None:
    assert asked(url, "GET", "/api/state", host=host)[0] == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example", "file://", ""]
)
def test_a_page_of_another_origin_can_ask_for_nothing(url: str, origin: str) -> None:
    status, told = posted(url, "worker", {"action": "kill"}, origin=origin)
    assert status == 403
    assert "origin" in told["error"]
    assert asked(url, "GET", "/events", origin=origin)[0] == 403


def test_the_page_itself_and_programs_may_ask(url: str) -> None:
    own = f"http://{urlsplit(url).netloc}"
    assert posted(url, "worker", {"action": "kill", "at": "send"}, origin=own) == (200, {"at": "send"})
    assert posted(url, "worker", {"action": "kill"}) == (200, {"at": "now"})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_could_send_is_refused(url: str, kind: str) -> None:
    status, told = posted(url, "worker", {"action": "kill"}, content_type=kind)
    assert status == 403
    assert "application/json" in told["error"]


@pytest.mark.parametrize("path", ["/", "/api/state", "/page/nothing.js", "/nothing"])
def test_every_answer_says_what_a_browser_may_do_with_it(url: str, path: str) -> None:
    _, headers, _ = asked(url, "GET", path)
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"} <= set(policy)
    assert {"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
    assert "require-trusted-types-for 'script'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert not any(name.startswith("access-control-") for name in headers)


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page/%2e%2e%2fstage.py",
        "/page/",
        "/page/__init__.py",
        "/page/a/b",
    ],
)
def test_only_the_pages_own_files_are_served(url: str, path: str) -> None:
    assert asked(url, "GET", path)[0] == 404


def test_a_large_request_is_refused_before_it_is_read_to_its_end(url: str) -> None:
    status, _, body = asked(url, "POST", "/api/write", b" " * (MOST_BYTES + 1), content_type="application/json")
    assert (status, "1 MB" in json.loads(body)["error"]) == (413, True)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"1", b"[" * 60_000])
def test_what_is_no_json_object_is_refused(url: str, body: bytes) -> None:
    assert asked(url, "POST", "/api/write", body, content_type="application/json")[0] == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_only_post_asks_for_something(url: str, method: str) -> None:
    assert asked(url, method, "/api/write")[0] == 405


@pytest.mark.parametrize(
    ("given", "field", "part"),
    [
        ({}, "texts", "list"),
        ({"texts": []}, "texts", "at least one"),
        ({"texts": "hello"}, "texts", "list"),
        ({"texts": [1]}, "texts", "text"),
        ({"texts": [" "]}, "texts", "write something"),
        ({"texts": ["a"] * 11}, "texts", "at most 10"),
        ({"texts": ["a\x00b"]}, "texts", "U+0000"),
        ({"texts": ["\ud800"]}, "texts", "surrogate"),
        ({"texts": ["a" * 150_007]}, "texts", "at most 150,000 characters; leave 7 out"),
        ({"texts": ["", "b"], "attachments": [{"name": "a", "file_type": "image"}]}, "texts", "write something"),
        ({"texts": ["a"], "channel": "fax"}, "channel", "website, whatsapp, email"),
        ({"texts": ["a"], "channel": "whatsapp", "identity": "anonymous"}, "identity", "choose verified"),
        ({"texts": ["a"], "channel": "whatsapp", "identity": "claimed"}, "identity", "choose verified"),
        ({"texts": ["a"], "channel": "email", "identity": "anonymous"}, "identity", "claimed or verified"),
        ({"texts": ["a"], "identity": "sure"}, "identity", "anonymous, claimed, verified"),
        ({"texts": ["a"], "language": "deutsch"}, "language", "two letters"),
        ({"texts": ["a"], "customer": "nobody"}, "customer", "lena"),
        ({"texts": ["a"], "conversation_id": "84"}, "conversation_id", "number"),
        ({"texts": ["a"], "conversation_id": True}, "conversation_id", "number"),
        ({"texts": ["a"], "conversation_id": -1}, "conversation_id", "number"),
        ({"texts": ["a"], "attachments": {}}, "attachments", "list"),
        ({"texts": ["a"], "attachments": ["x"]}, "attachments", "file_type"),
        ({"texts": ["a"], "attachments": [{"name": "", "file_type": "image"}]}, "attachments", "1 to 200"),
        ({"texts": ["a"], "attachments": [{"name": "a", "file_type": "exe"}]}, "attachments", "image"),
        ({"texts": ["a"], "attachments": [{"name": "a", "file_type": "image"}] * 11}, "attachments", "at most 10"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_by_its_field(url: str, given: Json, field: str, part: str) -> None:
    status, told = posted(url, "write", given)
    assert (status, told["field"]) == (422, field)
    assert part in told["error"]
    assert field in told["error"]


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("agent", {"conversation_id": 84, "action": "dance"}, "action"),
        ("agent", {"action": "resolve"}, "conversation_id"),
        ("agent", {"conversation_id": 84, "action": "reply"}, "text"),
        ("agent", {"conversation_id": 84, "action": "note", "text": "  "}, "text"),
        ("faults", {"name": "earthquake", "on": True}, "name"),
        ("faults", {"name": "odoo_down", "on": "yes"}, "on"),
        ("worker", {"action": "hug"}, "action"),
        ("worker", {"action": "kill", "at": "lunch"}, "at"),
        ("scenes", {"names": ["three"]}, "names"),
        ("scenes", {"names": []}, "names"),
    ],
)
def test_other_wishes_are_refused_by_their_field_too(url: str, name: str, given: Json, field: str) -> None:
    status, told = posted(url, name, given)
    assert (status, told["field"]) == (422, field)
    assert "Traceback" not in told["error"]


def test_more_pages_than_anybody_looks_at_are_not_served(url: str) -> None:
    netloc = urlsplit(url)
    pages = [socket.create_connection((netloc.hostname, netloc.port), 10) for _ in range(MOST_PAGES + 1)]
    try:
        answers = []
        for page in pages:
            page.sendall(f"GET /events HTTP/1.1\r\nHost: {netloc.netloc}\r\n\r\n".encode())
            answers.append(page.recv(12))
        assert answers[:-1] == [b"HTTP/1.1 200"] * MOST_PAGES
        assert answers[-1] == b"HTTP/1.1 503"
    finally:
        for page in pages:
            page.close()


def test_until_the_stack_is_there_the_page_says_so() -> None:
    with LoopbackServer(PlaygroundServer(Board()).app) as starting:
        status, headers, body = asked(starting.url, "GET", "/api/state")
        assert (status, "starting" in json.loads(body)["error"]) == (503, True)
        assert "x-metta-page" in headers
        assert posted(starting.url, "worker", {"action": "kill"})[0] == 503
