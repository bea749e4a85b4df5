"""The REST API, its tokens, whitelist and error bodies (contract 3); above a conversation ``Admin`` answers."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from metta_local.chatwoot.admin import PUBLIC, Admin, admin_operation, not_found, unauthorized
from metta_local.chatwoot.lifecycle import Lifecycle
from metta_local.chatwoot.operations import ApiError, Call, Operations
from metta_local.chatwoot.records import Bot, Conversation, User, World
from metta_local.chatwoot.shapes import Json, Shapes, rails_json

BOT_MAY = frozenset(
    {
        "toggle_status",
        "toggle_typing_status",
        "toggle_priority",
        "update_conversation",
        "custom_attributes",
        "create_message",
        "assignments",
    }
)
BOT_MAY_FROM_4_14_2 = frozenset({"get_conversation", "list_labels", "create_labels"})
_OPERATIONS = (
    ("GET", r"", "get_conversation"),
    ("PATCH", r"", "update_conversation"),
    ("GET", r"/messages", "list_messages"),
    ("POST", r"/messages", "create_message"),
    ("DELETE", r"/messages/\d+", "delete_message"),
    ("POST", r"/toggle_status", "toggle_status"),
    ("POST", r"/toggle_typing_status", "toggle_typing_status"),
    ("POST", r"/toggle_priority", "toggle_priority"),
    ("POST", r"/assignments", "assignments"),
    ("GET", r"/labels", "list_labels"),
    ("POST", r"/labels", "create_labels"),
    ("POST", r"/custom_attributes", "custom_attributes"),
    ("POST", r"/update_last_seen", "update_last_seen"),
)
_PATH = re.compile(r"/api/v1/accounts/(\d+)/conversations/(\d+)(/.*)?")


def operation_of(method: str, path: str) -> str:
    """The name of the operation behind a method and path; ``unknown`` when there is none."""
    match = _PATH.fullmatch(path)
    rest = (match[3] or "") if match else None
    for verb, tail, name in _OPERATIONS:
        if rest is not None and verb == method and re.fullmatch(tail, rest):
            return name
    return admin_operation(method, path) or "unknown"


def _token(request: Request) -> str | None:
    return request.headers.get("api_access_token") or request.headers.get("api-access-token")


class Api:
    """Answers one installation's API.

    Args:
        world: the records.
        shapes: writes the answers.
        lifecycle: does what is asked.
        admin: answers what is not about a conversation.
        version: of Chatwoot; decides what a bot may do.
    """

    def __init__(
        self, world: World, shapes: Shapes, lifecycle: Lifecycle, admin: Admin, version: tuple[int, ...]
    ) -> None:
        self._world = world
        self.admin = admin
        self.operations = Operations(world, shapes, lifecycle)
        self._bot_may = BOT_MAY | (BOT_MAY_FROM_4_14_2 if version >= (4, 14, 2) else frozenset())
        if version < (4, 11, 2):
            self._bot_may -= {"toggle_typing_status"}
        self.requests_per_minute: int | None = None
        self._recent: deque[float] = deque()

    def answer(self, request: Request, body: bytes) -> Response:
        """One request's response; the caller holds the lock."""
        try:
            self._throttle()
            result = self._result(request, body)
        except ApiError as problem:
            if isinstance(problem.body, str):
                return Response(problem.body, problem.status, media_type="text/plain")
            return Response(rails_json(problem.body), problem.status, media_type="application/json")
        if result is None:
            return Response(status_code=200)
        return Response(rails_json(result) if result is not False else b"null", media_type="application/json")

    def _result(self, request: Request, body: bytes) -> Any:
        operation, path = operation_of(request.method, request.url.path), request.url.path
        if operation in PUBLIC:
            return self.admin.public(operation, _token(request))
        caller = self._caller(request)
        if not isinstance(caller, User) and operation not in self._bot_may:
            raise unauthorized("Access to this endpoint is not authorized for bots")
        if isinstance(caller, User) and admin_operation(request.method, path):
            return self.admin.answer(operation, path, caller)
        conversation = self._conversation(path, caller)
        handler = getattr(self.operations, operation, None)
        if handler is None:
            raise not_found()
        if caller is None:
            raise unauthorized("You are not authorized to do this action")
        return handler(Call(caller, conversation, self._data(request, body)))

    def _throttle(self) -> None:
        if self.requests_per_minute is None:
            return
        now = time.monotonic()
        while self._recent and self._recent[0] < now - 60:
            self._recent.popleft()
        if len(self._recent) >= self.requests_per_minute:
            raise ApiError(429, "Retry later\n")
        self._recent.append(now)

    def _caller(self, request: Request) -> User | Bot | None:
        """Whose token it is; None for a platform app's, which is a token but nobody's."""
        token = _token(request)
        if not token:
            raise ApiError(401, {"errors": ["You need to sign in or sign up before continuing."]})
        for bot in self._world.bots.values():
            if bot.token == token:
                return bot
        for user in self._world.users.values():
            if user.token is not None and user.token == token:
                return user
        if token == self._world.platform_token:
            return None
        raise unauthorized("Invalid Access Token")

    def _conversation(self, path: str, caller: User | Bot | None) -> Conversation:
        match = _PATH.fullmatch(path)
        if match is None:
            raise not_found()
        self.admin.enter(int(match[1]), caller)
        conversation = self._world.conversations.get(int(match[2]))
        if conversation is None:
            raise not_found()
        members = self._world.inboxes[conversation.inbox_id].members
        if isinstance(caller, User) and caller.role != "administrator" and caller.id not in members:
            raise unauthorized("You are not authorized to do this action")
        return conversation

    @staticmethod
    def _data(request: Request, body: bytes) -> Json:
        data: Json = dict(request.query_params)
        below = request.url.path.rpartition("/")[2]
        data["below"] = int(below) if below.isdigit() else None
        if body.strip():
            try:
                given = json.loads(body)
            except ValueError:
                raise ApiError(400, {"status": 400, "error": "Bad Request"}) from None
            if isinstance(given, dict):
                data |= given
        return data
