"""Answers read off a socket: whole in whatever pieces they come, and a broken one is never taken for an answer."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from metta.integrations.odoo import http1
from metta.integrations.odoo.http1 import Answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2;note=x\r\n2]\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    here.settimeout(5)
    with here, there:
        yield here, there


def answered(
    ends: tuple[socket.socket, socket.socket], *parts: bytes, most: int = 1000, stays_open: bool = False
) -> Answer:
    """What is read when the server sends these parts one after the other, and then hangs up."""
    here, there = ends

    def serve() -> None:
        for part in parts:
            there.sendall(part)
        if not stays_open:
            there.shutdown(socket.SHUT_WR)

    server = threading.Thread(target=serve)
    server.start()
    try:
        return http1.exchange(here, b"GET / HTTP/1.1\r\n\r\n", most=most)
    finally:
        server.join(timeout=5)


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 5\r\nContent-Type: application/json\r\n\r\n[1,2]",
        OK + b"content-length:5\r\n\r\n[1,2]",
        CHUNKED,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\n[1,2]",
    ],
    ids=["length", "small-letters", "chunks", "interim"],
)
class TestWhole:
    def test_at_once(self, ends: tuple[socket.socket, socket.socket], raw: bytes) -> None:
        answer = answered(ends, raw, stays_open=True)

        assert (answer.status, answer.body, answer.keep) == (200, b"[1,2]", True)

    def test_byte_by_byte(self, ends: tuple[socket.socket, socket.socket], raw: bytes) -> None:
        answer = answered(ends, *(raw[place : place + 1] for place in range(len(raw))), stays_open=True)

        assert (answer.status, answer.body, answer.keep) == (200, b"[1,2]", True)

    def test_cut_off_anywhere_it_is_a_failure_that_may_pass(self, raw: bytes) -> None:
        for length in range(len(raw)):
            here, there = socket.socketpair()
            here.settimeout(5)
            with here, there, pytest.raises((http.client.HTTPException, ConnectionError)):
                answered((here, there), raw[:length])


def test_an_answer_that_ends_with_the_connection(ends: tuple[socket.socket, socket.socket]) -> None:
    answer = answered(ends, OK + b"\r\n[1,", b"2]")

    assert (answer.body, answer.keep) == (b"[1,2]", False)


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_the_connection_is_used_again_where_the_server_keeps_it(
    ends: tuple[socket.socket, socket.socket], head: bytes, keep: bool
) -> None:
    assert answered(ends, head + b"Content-Length: 2\r\n\r\n[]", stays_open=True).keep is keep


@pytest.mark.parametrize("raw", [OK + b"Content-Length: 2\r\n\r\n[]surplus", CHUNKED + b"surplus"])
def test_a_connection_with_something_left_on_it_is_not_used_again(
    ends: tuple[socket.socket, socket.socket], raw: bytes
) -> None:
    assert answered(ends, raw, stays_open=True).keep is False


def test_an_error_keeps_its_status_and_headers(ends: tuple[socket.socket, socket.socket]) -> None:
    answer = answered(
        ends, b"HTTP/1.1 429 Too Many Requests\r\nRetry-After:  17 \r\nContent-Length: 0\r\n\r\n", stays_open=True
    )

    assert (answer.status, answer.headers[b"retry-after"], answer.body) == (429, b"17", b"")


def test_no_content_has_no_body_to_wait_for(ends: tuple[socket.socket, socket.socket]) -> None:
    assert answered(ends, b"HTTP/1.1 204 No Content\r\n\r\n", stays_open=True).body == b""


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001,
        OK + b"Content-Length: 999999999999\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"x" * 500 + b"\r\n1f5\r\n",
        OK + b"\r\n" + b"x" * 1001,
    ],
)
def test_an_answer_over_the_bound_is_given_up(ends: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    with pytest.raises(OverflowError):
        answered(ends, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 0x10\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        OK + b"X: " + b"x" * 70_000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 70_000,
    ],
    ids=str,
)
def test_what_is_no_http_is_a_failure(ends: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        answered(ends, raw)


class TestRequest:
    def test_goes_out_as_one_piece_with_its_length(self, ends: tuple[socket.socket, socket.socket]) -> None:
        here, there = ends
        there.sendall(OK + b"Content-Length: 0\r\n\r\n")

        http1.exchange(here, http1.request("POST", "/jsonrpc", {"Host": "odoo.example"}, b"{}"), most=1)

        assert there.recv(1000) == b"POST /jsonrpc HTTP/1.1\r\nHost: odoo.example\r\nContent-Length: 2\r\n\r\n{}"

    def test_without_a_body_names_no_length(self) -> None:
        assert http1.request("GET", "/web/version", {}, None) == b"GET /web/version HTTP/1.1\r\n\r\n"

    @pytest.mark.parametrize("key", ["key\n", "key\r\nX-Other: 1", "ke\0y", "schlüssel\u2013"])
    def test_a_key_that_is_no_header_is_not_sent(self, key: str) -> None:
        with pytest.raises(ValueError):
            http1.request("POST", "/", {"Authorization": f"bearer {key}"}, b"{}")
