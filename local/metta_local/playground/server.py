"""The page's server: its files, the stream of events, and what a page may ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Protocol

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from metta.messages import JsonObject
from metta_local.playground.board import Board, TooManyPagesError
from metta_local.playground.gate import Gate, refusal
from metta_local.playground.stream import EventStream
from metta_local.playground.wishes import RefusedError

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Actions(Protocol):
    """What a page may ask for; each raises ``RefusedError`` where a wish cannot be met. Called from worker threads."""

    def write(self, given: JsonObject) -> JsonObject:
        """Write as a customer."""
        ...

    def scenes(self, given: JsonObject) -> JsonObject:
        """Play sample conversations."""
        ...

    def agent(self, given: JsonObject) -> JsonObject:
        """Act as a person of the team."""
        ...

    def faults(self, given: JsonObject) -> JsonObject:
        """Switch a fault on or off."""
        ...

    def worker(self, given: JsonObject) -> JsonObject:
        """Kill the worker."""
        ...


class PlaygroundServer:
    """``app`` is to be served on loopback from the start on; it answers 503 until it is ``opened``.

    Args:
        board: what pages are told.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._actions: Actions | None = None
        posts = ("write", "scenes", "agent", "faults", "worker")
        inner = Starlette(
            routes=[
                Route("/", self._index, methods=["GET"]),
                Route("/page/{name}", self._file, methods=["GET"]),
                Route("/events", self._Events(self)),
                Route("/api/state", self._state, methods=["GET"]),
                Route("/api/turn/{id}", self._turn, methods=["GET"]),
                *(Route(f"/api/{name}", self._post(name), methods=["POST"]) for name in posts),
            ],
            exception_handlers={HTTPException: _http_error, Exception: _broken},
        )
        self.app: ASGIApp = Gate(inner)

    def open(self, actions: Actions) -> None:
        """Everything is there: serve."""
        self._actions = actions

    class _Events:
        """``GET /events`` as an ASGI app of its own, since its answer has no end."""

        def __init__(self, server: PlaygroundServer) -> None:
            self._server = server

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if self._server._actions is None:
                await _starting()(scope, receive, send)
                return
            try:
                page = self._server._board.join(asyncio.get_running_loop())
            except TooManyPagesError as error:
                await refusal(503, str(error))(scope, receive, send)
                return
            await EventStream(self._server._board, page)(scope, receive, send)

    async def _index(self, _: Request) -> Response:
        return _page_file("index.html")

    async def _file(self, request: Request) -> Response:
        return _page_file(request.path_params["name"])

    async def _state(self, _: Request) -> Response:
        return JSONResponse(self._board.everything()) if self._actions is not None else _starting()

    async def _turn(self, request: Request) -> Response:
        found = self._board.get("turn", request.path_params["id"])
        return refusal(404, "there is no such turn", "id") if found is None else JSONResponse(found)

    def _post(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if self._actions is None:
                return _starting()
            try:
                given = json.loads(await request.body() or b"{}")
            except (ValueError, RecursionError):
                return refusal(400, "the request is not JSON")
            if not isinstance(given, dict):
                return refusal(400, "the request is not a JSON object")
            act: Callable[[JsonObject], JsonObject] = getattr(self._actions, name)
            try:
                return JSONResponse(await anyio.to_thread.run_sync(act, given))
            except RefusedError as error:
                return refusal(error.status, _sentence(error), error.field)

        return answer


def _sentence(error: RefusedError) -> str:
    return f"{error.field}: {error.sentence}" if error.field else error.sentence


def _page_file(name: str) -> Response:
    """One of the page's files; names are those of a directory without any below it."""
    file = files("metta_local.playground").joinpath("page", name)
    suffix = f".{name.rpartition('.')[2]}"
    if suffix not in TYPES or "/" in name or "\\" in name or not file.is_file():
        return refusal(404, "there is no such file")
    return Response(file.read_bytes(), media_type=TYPES[suffix])


def _starting() -> JSONResponse:
    return refusal(503, "the stack is still starting; try again in a moment")


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, error.detail)


async def _broken(_: Request, __: Exception) -> Response:
    return refusal(500, "something went wrong that should not have; the terminal of metta up says what")
