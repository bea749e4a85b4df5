"""HTTP messages as they are cut out of a stream: whole ones only, however they arrive."""

from __future__ import annotations

import gzip

import pytest

from metta_local.chaos.http_wire import BrokenMessageError, Message, Reader, plain_body, response

POST = (
    b"POST /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:9\r\nConnection: close\r\nX-Amz-Target: DynamoDB_20120810.UpdateItem\r\n"
    b'Content-Length: 9\r\n\r\n{"a": 12}'
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


def read(reader: Reader, data: bytes, step: int = 1) -> list[Message]:
    found = []
    for start in range(0, len(data), step):
        reader.feed(data[start : start + step])
        while (message := reader.next()) is not None:
            found.append(message)
    return found


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_requests_are_whole_however_they_arrive(step: int) -> None:
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

    first, second, third = read(Reader(requests=True), POST + get + POST, step)

    assert first == third
    assert (first.method, first.target, first.body, first.closes) == ("POST", "/a?b=1", b'{"a": 12}', True)
    assert first.header(b"x-amz-target") == b"DynamoDB_20120810.UpdateItem"
    assert (second.method, second.body, second.closes) == ("GET", b"", False)


def test_the_host_goes_on_as_it_came_and_the_connection_s_own_headers_do_not() -> None:
    (request,) = read(Reader(requests=True), POST)

    sent = request.encoded()

    assert b"\r\nHost: 127.0.0.1:9\r\n" in sent
    assert b"Connection: keep-alive" in sent
    assert b"close" not in sent
    assert sent.endswith(b'\r\n\r\n{"a": 12}')
    assert read(Reader(requests=True), sent)[0].body == request.body


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_chunked_answer_becomes_one_with_a_length(step: int) -> None:
    (answer,) = read(Reader(requests=False), CHUNKED, step)

    assert answer.body == b"hello world"
    assert b"Content-Length: 11\r\n" in answer.encoded()
    assert b"chunked" not in answer.encoded()


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    reader = Reader(requests=False)
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nall of")
    assert reader.next() is None
    reader.feed(b" it")

    answer = reader.next(ended=True)

    assert answer is not None
    assert answer.body == b"all of it"


def test_answers_without_a_body_do_not_wait_for_one() -> None:
    reader = Reader(requests=False)
    early = b"HTTP/1.1 100 Continue\r\n\r\n"

    assert [m.status for m in read(reader, early + b"HTTP/1.1 204 No Content\r\n\r\n")] == [204]
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n")
    head = reader.next(bodiless=True)
    assert head is not None
    assert head.body == b""


def test_a_client_that_waits_for_a_word_before_its_body_gets_one() -> None:
    reader = Reader(requests=True)
    reader.feed(b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    assert reader.next() is None
    assert reader.asks_to_continue()
    assert not reader.asks_to_continue()
    assert b"Expect" not in read(reader, b"ok")[0].encoded()


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"HELLO\r\n\r\n", b"GET / HTTP/1.1\r\nnonsense\r\n\r\n"]
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        read(Reader(requests=True), data, 1000)


def test_one_may_look_into_a_compressed_body() -> None:
    packed = Message(b"HTTP/1.1 200 OK", ((b"Content-Encoding", b"gzip"),), gzip.compress(b"{}"))

    assert plain_body(packed) == b"{}"
    assert plain_body(Message(b"HTTP/1.1 200 OK", ((b"Content-Encoding", b"br"),), b"?")) == b""
    assert response(429, "Too Many Requests", b"", "text/plain", retry_after="1").header(b"retry-after") == b"1"
