"""Turns whatever odoorpc raises into the refinements of ``OdooDown``, without a word of the server's.

A server's message holds SQL, host names, group names and user ids, its ``debug`` a whole traceback. What goes on is
written here: the kind of failure, the model, and what an operator can do.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
from typing import Any, NamedTuple

from odoorpc.error import RPCError

from metta.errors import OdooDown
from metta.integrations.odoo.port import FieldMissing, KeyRefused, NoAccess, Refused

ACCESS_DENIED = "odoo.exceptions.AccessDenied"
_KEY_HELP = "Odoo refuses the login: check ODOO_USERNAME and ODOO_API_KEY (keys expire and can be revoked)"


class Failure(NamedTuple):
    """What goes on in place of the original exception."""

    error: OdooDown
    again: bool
    """Whether asking once more at once may help."""


def server_data(error: RPCError) -> dict[str, Any] | None:
    """The ``data`` of a server's error; None when it carries none, as a refused login does."""
    info = error.info
    data = info.get("data") if isinstance(info, dict) else None
    return data if isinstance(data, dict) else None


def is_access_denied(error: RPCError) -> bool:
    """Whether the server no longer accepts the user id with the key."""
    data = server_data(error)
    return data is not None and data.get("name") == ACCESS_DENIED


def _from_server(error: RPCError, model: str) -> Failure:
    data = server_data(error)
    if data is None:
        return Failure(KeyRefused(_KEY_HELP), again=False)
    name, message = str(data.get("name")), str(data.get("message"))
    if name == ACCESS_DENIED:
        return Failure(KeyRefused(_KEY_HELP), again=False)
    if name == "odoo.exceptions.AccessError":
        return Failure(NoAccess(f"the rights of ODOO_USERNAME do not cover what is read of {model}"), again=False)
    if name == "builtins.ValueError" and message.startswith("Invalid field"):
        return Failure(FieldMissing(f"this Odoo lacks a field of {model}"), again=False)
    if name.startswith("odoo.exceptions."):
        return Failure(Refused(f"Odoo refuses what is asked of {model}"), again=False)
    if name == "psycopg2.OperationalError":
        return Failure(OdooDown("Odoo cannot reach its database: check ODOO_DB"), again=True)
    if name in ("psycopg2.errors.SerializationFailure", "psycopg2.errors.LockNotAvailable"):
        return Failure(OdooDown("Odoo's database is busy"), again=True)
    return Failure(OdooDown(f"Odoo failed on a read of {model}"), again=False)


def _from_status(error: urllib.error.HTTPError) -> Failure:
    status = error.code
    wait = error.headers.get("Retry-After", "") if error.headers else ""
    error.close()
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        after = min(float(wait), 900.0) if wait.isascii() and wait.isdigit() else None
        return Failure(OdooDown("Odoo asks for fewer calls (HTTP 429)", after_seconds=after), again=False)
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(OdooDown(f"Odoo answered HTTP {status}"), again=True)
    return Failure(OdooDown(f"ODOO_URL answered HTTP {status}: is it the server's own address?"), again=False)


def translate(error: Exception, model: str) -> Failure:
    """The failure that stands for ``error``.

    Args:
        error: whatever came out of odoorpc, urllib, http.client or ssl.
        model: the model that was asked, for the operator.
    """
    if isinstance(error, OdooDown):
        return Failure(error, again=False)
    if isinstance(error, RPCError):
        return _from_server(error, model)
    if isinstance(error, urllib.error.HTTPError):
        return _from_status(error)
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return Failure(OdooDown("Odoo did not answer in time"), again=False)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Failure(OdooDown("ODOO_URL: the server's certificate is not valid"), again=False)
    if isinstance(reason, OSError | http.client.HTTPException) or reason is not error:
        return Failure(OdooDown("the connection to Odoo failed"), again=True)
    if isinstance(error, ValueError):
        return Failure(OdooDown("Odoo answered with something that is not JSON (maintenance?)"), again=True)
    return Failure(OdooDown(f"Odoo's answer makes no sense ({type(error).__name__})"), again=True)
