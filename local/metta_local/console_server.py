"""The console on this machine: an ASGI app that turns HTTP requests into what a Function URL would send it.

In the cloud AWS checks a signature; here, whoever reaches the loopback port is the operator. Web pages in the
operator's browser reach it too, so requests that a page may send, or that came by another name, are refused.
"""

from __future__ import annotations

import base64
import threading
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from metta.bootstrap.console import Console
from metta.console.app import MOST_BYTES
from metta.messages import JsonObject
from metta_local.lambda_context import LocalContext

IDENTITY = "arn:aws:iam::000000000000:user/local"
_HOSTS = frozenset({"127.0.0.1", "localhost"})


class ConsoleServer:
    """Serves a console; ``app`` is the ASGI application, to be served on loopback.

    Args:
        console: what answers.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._one_at_a_time = threading.Lock()  # as Lambda does; Powertools keeps the request in hand in a global
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        if request.url.hostname not in _HOSTS or "origin" in request.headers:
            return JSONResponse({"error": "not from a web page"}, status_code=403)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                break
        answer = await anyio.to_thread.run_sync(self._handle, event_of(request, bytes(body)))
        return Response(answer["body"], answer["statusCode"], media_type="application/json")

    def _handle(self, event: JsonObject) -> Any:
        with self._one_at_a_time:
            return self._console.handle(event, LocalContext(function_name="metta-console"))


def event_of(request: Request, body: bytes) -> JsonObject:
    """The event that a Function URL makes of a request that this machine's operator signed."""
    return function_url_event(request.method, request.url.path, body, dict(request.headers), request.url.query)


def function_url_event(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, query: str = ""
) -> JsonObject:
    """A signed request as a Function URL with AuthType AWS_IAM sends it (payload format 2.0).

    Args:
        method: of HTTP.
        path: without the query.
        body: as it came; in the event it stands as text, or in base64 where it is none.
        headers: by lower-case names.
        query: behind the question mark.
    """
    try:
        text, encoded = body.decode(), False
    except UnicodeDecodeError:
        text, encoded = base64.b64encode(body).decode(), True
    event: JsonObject = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": {"iam": {"accountId": "000000000000", "userArn": IDENTITY, "userId": "local"}},
            "domainPrefix": "local",
            "domainName": "local.lambda-url.us-east-1.on.aws",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "local",
            },
            "requestId": "00000000-0000-0000-0000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "17/Jun/2026:10:00:00 +0000",
            "timeEpoch": 1781690400000,
        },
        "isBase64Encoded": encoded,
    }
    return event | {"body": text} if body else event
