"""A connection for looking only, bounded in time, and what it means when there is none; without the server's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from metta.errors import SettingsError
from metta.persistence.connection import audit_conninfo

CONNECT_SECONDS = 5
"""For each address of the host. A sleeping Neon needs a second or two to wake."""
STATEMENT_SECONDS = 4

_ADDRESS = "check host and port; can this machine reach it (firewall, allowed addresses)?"
_PASSWORD = "check role and password; a password with @ : / ? # has to be percent-encoded in a URL"
_CAUSES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("password authentication failed", "sasl authentication failed", "no such user", "no password supplied"),
        "the server refuses role or password",
        _PASSWORD,
    ),
    (
        (
            "could not translate host name",
            "failed to resolve host",
            "name or service not known",
            "nodename nor",
            "label",
        ),
        "the name of the host is not known (DNS)",
        "check the host for a slip (Neon: under Connect); a password with @ : / ? # has to be percent-encoded",
    ),
    (("no such file or directory",), "no server is behind that socket", "check host and port, or is it down?"),
    (
        ("invalid sslmode", "invalid connection option", "invalid integer value", "invalid uri query"),
        "a parameter behind the ? is none, or has a value that it cannot have",
        "take it away, or see .env.example",
    ),
    (("connection refused",), "nothing listens at that host and port (refused)", _ADDRESS),
    (("timeout expired", "timed out"), "the host does not answer in time", _ADDRESS),
    (("no route to host", "network is unreachable"), "there is no way to that host", _ADDRESS),
    (
        ("certificate",),
        "the server's certificate is not accepted (TLS)",
        "is the host the name that the certificate is for? name a CA of your own in sslrootcert",
    ),
    (
        ("does not support ssl", "ssl is not enabled"),
        "the server does not speak TLS, which sslmode asks for",
        "turn TLS on in the server; sslmode=disable is for this machine alone",
    ),
    (
        ("no pg_hba.conf entry", "ssl required", "insecure connection"),
        "the server does not let this connection in",
        ("add sslmode=verify-full, or let role, database and address in (pg_hba.conf)"),
    ),
    (("ssl",), "TLS does not come about", "check sslmode and sslrootcert"),
    (("no such database",), "there is no such database on that server", "check the name after the last /"),
    (("permission denied for database",), "the role may not connect to that database", "GRANT CONNECT ON DATABASE"),
    (
        ("too many", "remaining connection slots", "max_client_conn"),
        "the server has no connection left",
        ("use the pooled address (Neon: ep-...-pooler), or allow more connections"),
    ),
    (("starting up", "shutting down"), "the server is starting or stopping", "try again in a minute"),
    (("is not permitted to log in",), "the role may not log in", "ALTER ROLE ... LOGIN"),
)
"""Parts of libpq's and the server's text, the first that fits -> what is found, what to do."""


class NotConnectedError(Exception):
    """There is no connection; ``fix`` says what to do."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found)
        self.fix = fix


@contextmanager
def looking(url: str, variable: str) -> Iterator[psycopg.Connection]:
    """A connection whose transactions only read, also through a pooler.

    Args:
        url: the connection string.
        variable: that holds it.

    Raises:
        NotConnectedError: what stands in the way.
    """
    try:
        info = make_conninfo(audit_conninfo(url, variable=variable), connect_timeout=CONNECT_SECONDS)
    except SettingsError as error:
        raise NotConnectedError(str(error), "as in .env.example: postgresql://ROLE:PASSWORD@HOST/DATABASE") from None
    try:
        connection = psycopg.connect(info, prepare_threshold=None)
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise _meaning(error, variable) from None
    with connection:
        connection.read_only = True
        connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}".encode())
        yield connection
        connection.rollback()


def place(url: str) -> tuple[str, str] | None:
    """Host and sslmode of a connection string, empty where it names none; None when it is no connection string."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return None
    mode = "verify-full" if given.get("sslrootcert") == "system" else str(given.get("sslmode") or "")
    return str(given.get("host") or given.get("hostaddr") or ""), mode


def _meaning(error: Exception, variable: str) -> NotConnectedError:
    text = str(error).lower()
    if 'database "' in text and "does not exist" in text:
        text = "no such database"
    for parts, found, fix in _CAUSES:
        if any(part in text for part in parts):
            return NotConnectedError(f"{variable}: {found}", fix)
    return NotConnectedError(f"{variable}: the server cannot be connected to ({type(error).__name__})", _ADDRESS)
