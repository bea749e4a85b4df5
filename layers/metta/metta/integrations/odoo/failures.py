"""Turns whatever a session raises into the refinements of ``OdooDown``, without a word of the server's.

A server's message holds SQL, host names, group names and user ids, its ``debug`` a whole traceback. What goes on is
written here: the kind of failure, the model, and what an operator can do.
"""

from __future__ import annotations

import http.client
import ssl
from typing import NamedTuple

from metta.errors import OdooDown
from metta.integrations.odoo.port import FieldMissing, KeyRefused, NoAccess, Refused
from metta.integrations.odoo.session import LoginRefusedError, NotSpokenError, ServerError
from metta.integrations.odoo.transport import HttpStatusError

_KEY_HELP = "Odoo refuses the login: check ODOO_USERNAME and ODOO_API_KEY (keys expire and can be revoked)"
_BUSY = ("psycopg2.errors.SerializationFailure", "psycopg2.errors.LockNotAvailable")
_NOT_FOUND = ("werkzeug.exceptions.NotFound", "werkzeug.exceptions.UnprocessableEntity")
"""How JSON-2 says that there is no such model or method, or that the method has no such argument."""
LONGEST_WAIT_SECONDS = 900.0


class Failure(NamedTuple):
    """What goes on in place of the original exception."""

    error: OdooDown
    again: bool
    """Whether asking once more at once may help."""


def translate(error: Exception, model: str) -> Failure:
    """The failure that stands for ``error``.

    Args:
        error: whatever came out of a session: ours, odoorpc's, http.client's or ssl's.
        model: the model that was asked, for the operator.
    """
    if isinstance(error, OdooDown):
        return Failure(error, again=False)
    if isinstance(error, LoginRefusedError):
        return Failure(KeyRefused(_KEY_HELP), again=False)
    if isinstance(error, NotSpokenError):
        help_text = "ODOO_URL answers, but not as an Odoo with the database ODOO_DB: check both"
        return Failure(OdooDown(help_text), again=False)
    if isinstance(error, ServerError):
        return _from_server(error, model)
    if isinstance(error, HttpStatusError):
        return _from_status(error)
    if isinstance(error, TimeoutError):
        return Failure(OdooDown("Odoo did not answer in time"), again=False)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(OdooDown("ODOO_URL: the server's certificate is not valid"), again=False)
    if isinstance(error, OSError | http.client.HTTPException):
        return Failure(OdooDown("the connection to Odoo failed"), again=True)
    if isinstance(error, ValueError):
        return Failure(OdooDown("Odoo answered with something that is not JSON (maintenance?)"), again=True)
    return Failure(OdooDown(f"Odoo's answer makes no sense ({type(error).__name__})"), again=True)


def _from_server(error: ServerError, model: str) -> Failure:
    name = error.name
    if name == "odoo.exceptions.AccessError":
        return Failure(NoAccess(f"the rights of ODOO_USERNAME do not cover what is read of {model}"), again=False)
    if name == "builtins.ValueError" and error.message.startswith("Invalid field"):
        return Failure(FieldMissing(f"this Odoo lacks a field of {model}"), again=False)
    if name.startswith("odoo.exceptions.") or name in _NOT_FOUND:
        return Failure(Refused(f"Odoo refuses what is asked of {model}"), again=False)
    if name == "psycopg2.OperationalError":
        return Failure(OdooDown("Odoo cannot reach its database: check ODOO_DB"), again=True)
    if name in _BUSY:
        return Failure(OdooDown("Odoo's database is busy"), again=True)
    return Failure(OdooDown(f"Odoo failed on a read of {model}"), again=False)


def _from_status(error: HttpStatusError) -> Failure:
    if error.status == http.HTTPStatus.TOO_MANY_REQUESTS:
        seconds = error.wait.isascii() and error.wait.isdigit()
        after = min(float(error.wait), LONGEST_WAIT_SECONDS) if seconds else None
        return Failure(OdooDown("Odoo asks for fewer calls (HTTP 429)", after_seconds=after), again=False)
    if error.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(OdooDown(f"Odoo answered HTTP {error.status}"), again=True)
    return Failure(OdooDown(f"ODOO_URL answered HTTP {error.status}: is it the server's own address?"), again=False)
