"""A session on Odoo's JSON-2 API (19 and later), which replaces RPC: one POST per call, the key in a header.

Facts: ``addons/rpc/controllers/json2.py`` and the JSON-2 dispatcher of Odoo 19. A result comes bare with status 200, an
exception as an object with ``name`` and ``message`` and a status of its own.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from metta.integrations.odoo.session import (
    LoginRefusedError,
    NotSpokenError,
    Question,
    ServerError,
    is_object,
    timezone_of,
)
from metta.integrations.odoo.transport import Call, HttpStatusError, Wire
from metta.settings import OdooSettings

_WHO_AM_I = Question("res.users", "context_get", {}, is_object)
_HEADER = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""What may stand in a header, to the letter."""
_ACCESS_DENIED = "odoo.exceptions.AccessDenied"


class Json2Session:
    """Known to be let in; see ``session.Session``."""

    protocol = "json2"

    def __init__(self, wire: Wire, settings: OdooSettings) -> None:
        self.timezone = ""
        self._wire = wire
        self._headers = {
            "Authorization": f"bearer {settings.api_key.get_secret_value()}",
            "Content-Type": "application/json; charset=utf-8",
            "X-Odoo-Database": settings.database,
        }

    @classmethod
    def open(cls, wire: Wire, settings: OdooSettings, call: Call) -> Json2Session:
        """Make sure that the server speaks JSON-2 for this database and takes the key, with one small question.

        Raises:
            LoginRefusedError: the key is wrong, revoked or expired, or a password.
            NotSpokenError: the server has no JSON-2 here.
            Exception: as ``ask`` does.
        """
        if not all(_HEADER.fullmatch(value) for value in (settings.api_key.get_secret_value(), settings.database)):
            raise LoginRefusedError  # no key and no such database, but perhaps a password
        session = cls(wire, settings)
        context = session.ask(call, _WHO_AM_I)
        if not is_object(context):
            raise TypeError
        session.timezone = timezone_of(context)
        return session

    def ask(self, call: Call, question: Question) -> Any:
        """See ``session.Session.ask``."""
        body = dict(question.arguments)
        if question.context is not None:
            body["context"] = dict(question.context)
        path = f"/json/2/{question.model}/{question.method}"
        try:
            return json.loads(self._wire.request(call, "POST", path, json.dumps(body).encode(), self._headers))
        except HttpStatusError as error:
            failure = _meaning(error)
        # Outside the except block, so that the server's own words are not carried along as its context.
        raise failure


def _meaning(error: HttpStatusError) -> Exception:
    """What a failed answer says; the same error where it says nothing."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        return LoginRefusedError()
    try:
        told = json.loads(error.body)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        return (
            NotSpokenError() if error.status == HTTPStatus.NOT_FOUND else HttpStatusError(error.status, wait=error.wait)
        )
    if told["name"] == _ACCESS_DENIED:
        return LoginRefusedError()
    if error.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return HttpStatusError(error.status, wait=error.wait)
    return ServerError(told["name"], str(told.get("message")))
