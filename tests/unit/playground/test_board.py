"""The newest state of each object reaches every page, however slowly it reads; old states never pile up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, MutableMapping
from functools import wraps
from typing import Any

import pytest

from metta_local.playground.board import KEPT, MOST_NOTICES, MOST_PAGES, Board, TooManyPagesError
from metta_local.playground.stream import EventStream

Test = Callable[[], Coroutine[Any, Any, None]]


def on_a_loop(test: Test) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


Told = list[tuple[str, Any]]


async def taken(page: Any) -> Told:
    await asyncio.sleep(0)
    return [(kind, json.loads(text)) for kind, text in await asyncio.wait_for(page.next(), 5)]


@on_a_loop
async def test_a_new_page_is_told_everything_in_the_order_of_the_contract() -> None:
    board = Board()
    board.put("queue", {"waiting": 1})
    board.put("turn", {"id": "t-1"}, "t-1")
    board.put("hello", {"version": "1"})
    page = board.join(asyncio.get_running_loop())
    assert [kind for kind, _ in await taken(page)] == ["hello", "turn", "queue"]


@on_a_loop
async def test_a_page_that_reads_slowly_is_told_the_newest_state_alone() -> None:
    board = Board()
    page = board.join(asyncio.get_running_loop())
    for number in range(1000):
        board.put("turn", {"id": "t-1", "n": number}, "t-1")
    assert await taken(page) == [("turn", {"id": "t-1", "n": 999})]


@on_a_loop
async def test_what_did_not_change_is_not_told_again() -> None:
    board = Board()
    page = board.join(asyncio.get_running_loop())
    board.put("queue", {"waiting": 0})
    await taken(page)
    board.put("queue", {"waiting": 0})
    board.put("worker", {"state": "ready"})
    assert await taken(page) == [("worker", {"state": "ready"})]


@on_a_loop
async def test_only_so_many_objects_and_notices_are_kept() -> None:
    board = Board()
    for number in range(KEPT["turn"] + 5):
        board.put("turn", {"id": number}, str(number))
    assert board.everything()["turns"][0]["id"] == 5
    assert board.get("turn", "4") is None
    page = board.join(asyncio.get_running_loop())
    for number in range(MOST_NOTICES + 5):
        board.notice("info", str(number))
    notices = [value["text"] for kind, value in await taken(page) if kind == "notice"]
    assert notices == [str(number) for number in range(5, MOST_NOTICES + 5)]


@on_a_loop
async def test_only_so_many_pages_are_served_and_none_after_the_end() -> None:
    board = Board()
    loop = asyncio.get_running_loop()
    pages = [board.join(loop) for _ in range(MOST_PAGES)]
    with pytest.raises(TooManyPagesError, match="close one"):
        board.join(loop)
    board.leave(pages[0])
    board.join(loop)
    board.close()
    board.leave(pages[1])
    with pytest.raises(TooManyPagesError):
        board.join(loop)


@on_a_loop
async def test_a_stream_ends_when_everything_is_stopped_after_telling_what_there_was() -> None:
    board = Board()
    board.put("worker", {"state": "ready"})
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    serving = asyncio.ensure_future(
        EventStream(board, board.join(asyncio.get_running_loop()))({"type": "http"}, receive, send)
    )
    await asyncio.sleep(0.01)
    board.put("worker", {"state": "stopped"})
    board.close()
    await asyncio.wait_for(serving, 5)
    body = b"".join(message.get("body", b"") for message in sent).decode()
    assert body.count("event: worker\ndata: ") == 2
    assert body.endswith('{"state": "stopped"}\n\n')
    assert sent[-1].get("more_body") is not True


@on_a_loop
async def test_a_page_that_takes_nothing_is_let_go() -> None:
    board = Board()
    loop = asyncio.get_running_loop()
    for _ in range(MOST_PAGES - 1):
        board.join(loop)

    async def stuck(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    stream = EventStream(board, board.join(loop), slow_seconds=0.05)
    await asyncio.wait_for(stream({"type": "http"}, receive, stuck), 5)
    board.join(loop)


@on_a_loop
async def test_what_stands_in_a_text_cannot_begin_an_event_of_its_own() -> None:
    board = Board()
    board.put("conversation", {"id": 1, "text": "a\n\nevent: worker\rdata: {}\u2028\ud800"}, "1")
    page = board.join(asyncio.get_running_loop())
    [(_, text)] = await page.next()
    assert "\n" not in text
    assert "\r" not in text
    assert text.isascii()
