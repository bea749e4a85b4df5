"""How the emulated API answers over HTTP: well, with an error, broken off, dripping, or with what is no answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from metta_local.model.scripting import Fail
from metta_local.model.wire import error_body, response_body

_PIECES = 20


def answered(body: dict[str, Any], identity: str) -> Response:
    """A good answer."""
    return Response(
        json.dumps(body, ensure_ascii=False), media_type="application/json", headers={"x-request-id": f"req_{identity}"}
    )


def failed(fail: Fail) -> Response:
    """An error answer in the API's shape."""
    headers = dict(fail.headers)
    if fail.retry_after is not None:
        headers["retry-after"] = f"{fail.retry_after:g}"
    return JSONResponse(error_body(fail), status_code=fail.status, headers=headers)


def malformed(kind: str, body: dict[str, Any], identity: str) -> Response:
    """Status 200 with a body that is no response."""
    if kind == "html":
        return Response("<html><body>Bad gateway</body></html>", media_type="text/html")
    if kind == "json":
        return Response('{"id": "resp_1", "output": [', media_type="application/json")
    if kind == "item":
        broken = [{"type": "function_call", "id": "fc_1", "name": "getOrder"}]
        return answered(response_body(body, identity, broken, {}), identity)
    return JSONResponse({"object": "response", "answer": 42})


def dripping(body: dict[str, Any], seconds: float) -> Response:
    """A good answer in small pieces."""
    text = json.dumps(body)
    size = len(text) // _PIECES + 1

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            await asyncio.sleep(seconds / _PIECES)
            yield text[start : start + size].encode()

    return StreamingResponse(pieces(), media_type="application/json")


def broken_off() -> Response:
    """A response that promises more than it sends; the server then closes the connection."""

    async def beginning() -> AsyncIterator[bytes]:
        yield b'{"id": "resp_'

    return StreamingResponse(beginning(), media_type="application/json", headers={"content-length": "4096"})
