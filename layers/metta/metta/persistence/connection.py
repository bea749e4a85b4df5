"""Connection strings as Metta needs them, and what a database error means; for store, reads and migrations alike."""

from __future__ import annotations

import certifi
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from metta.errors import AuditDown, SettingsError

_MIGRATE_STATES = frozenset({"3F000", "42P01", "42703", "42883", "42501"})
"""No schema, table, column or function of that name, or no right to it (grants are the migration's work too)."""

_CONNECT_CAUSES = {
    "connection refused": "connection refused",
    "password authentication failed": "the password was refused",
    "could not translate host name": "the host name is unknown",
    "name or service not known": "the host name is unknown",
    "failed to resolve host": "the host name is unknown",
    "certificate": "the server's certificate was not accepted",
    "ssl": "TLS failed",
    "does not exist": "no such database or role",
    "starting up": "the server is starting",
    "too many": "too many connections",
}
"""Part of libpq's text -> what we say. Its own text names host and user, so it is not passed on."""


def audit_conninfo(url: str, *, connect_timeout_seconds: float = 5, variable: str = "DATABASE_URL") -> str:
    """The connection string with what is needed for a bounded, verified connection from anywhere.

    Where the server's certificate is to be verified and no CA file is named (or ``system``, whose path psycopg's
    wheel does not have on most machines), certifi's is. What the operator set stays as it is.

    Args:
        url: ``postgresql://`` URL or libpq's ``key=value`` form.
        connect_timeout_seconds: bound of one connection attempt; at least 2 seconds take effect.
        variable: name of the variable for the error.

    Raises:
        SettingsError: it is not a connection string; the text names the variable, never its value.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise SettingsError(f"{variable}: not a PostgreSQL connection string") from None
    settings: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
    root = settings.get("sslrootcert", "")
    if root == "system":
        settings["sslmode"] = "verify-full"
    if settings.get("sslmode") in ("verify-full", "verify-ca") and root in ("", "system"):
        settings["sslrootcert"] = certifi.where()
    settings.setdefault("connect_timeout", max(2, round(connect_timeout_seconds)))
    settings.setdefault("application_name", "metta")
    return make_conninfo("", **settings)


def role_of(url: str, *, variable: str = "DATABASE_URL") -> str | None:
    """The role that a connection string names; None when it leaves that to libpq.

    Raises:
        SettingsError: it is not a connection string.
    """
    user = conninfo_to_dict(audit_conninfo(url, variable=variable)).get("user")
    return None if user is None else str(user)


def audit_down(error: psycopg.Error | OSError) -> AuditDown:
    """The error for a failed statement or connection, in words that hold neither address nor data."""
    state = getattr(error, "sqlstate", None)
    label = f"{type(error).__name__} {state}" if state else type(error).__name__
    return AuditDown(f"audit database: {_cause(error, state)} ({label})")


def _cause(error: psycopg.Error | OSError, state: str | None) -> str:
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return "no connection in time"
    if state in _MIGRATE_STATES:
        return "the schema is missing or behind this code, or the role lacks its rights; run `metta migrate`"
    if state is not None and state[:2] in ("22", "23"):
        constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
        return f"it refused a value{f' ({constraint})' if constraint else ''}"
    if state == "25006":
        return "it is read-only for now"
    if state is not None and state[:2] == "53":
        return "it has run out of disk, memory or connections"
    if state is None:
        text = str(error).lower()
        return next((said for part, said in _CONNECT_CAUSES.items() if part in text), "the connection was lost")
    return "it refused or broke off the statement"
