"""Brings the database to the newest schema: numbered SQL files, applied in order, each once, under a lock.

Everything a run does is one transaction, which also holds the lock: it works through a transaction-mode pooler, two
runs at the same time queue up, and a run that fails leaves nothing behind. Forward only; an applied file never
changes (its checksum is verified). Code that is older than the database leaves all of it alone, the rights included.
Why not a migration library: ``docs/decisions/0003``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg

from metta.errors import MigrationError
from metta.persistence.bounded import BrokenOffInTime, connect_awake
from metta.persistence.connection import audit_conninfo, audit_down
from metta.persistence.grants import grant_roles
from metta.persistence.sql_files import MIGRATIONS, Migration, read_migrations

_COMMITTING = "committing"
_LOCK = 0x6D65747461  # "metta", a number nobody else locks by chance
_HAS_JOURNAL: LiteralString = "SELECT to_regclass('metta.migrations') IS NOT NULL"
_SCHEMA = """
CREATE SCHEMA metta;
COMMENT ON SCHEMA metta IS 'Audit log of Metta, the customer-service agent. Changed only by `metta migrate`.';
"""
_JOURNAL = """
CREATE TABLE metta.migrations (
    number     integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE metta.migrations IS 'Which migrations this database has seen.';
COMMENT ON COLUMN metta.migrations.number IS 'Number of the file.';
COMMENT ON COLUMN metta.migrations.name IS 'Name of the file.';
COMMENT ON COLUMN metta.migrations.checksum IS 'SHA-256 (hex) of the file with plain newlines.';
COMMENT ON COLUMN metta.migrations.applied_at IS 'When it was applied.';
COMMENT ON COLUMN metta.migrations.applied_by IS 'Database role that applied it.';
"""


@dataclass(frozen=True)
class AppliedMigration:
    """One migration that the database has seen."""

    number: int
    name: str
    checksum: str
    applied_at: datetime


@dataclass(frozen=True)
class SchemaStatus:
    """How the database stands to the files."""

    applied: tuple[AppliedMigration, ...]
    pending: tuple[str, ...]
    """Names of the files the database has not seen; `metta migrate` applies them."""
    changed: tuple[str, ...]
    """Names of applied files whose content is another now; the database cannot be trusted to match the code."""
    newer: tuple[str, ...]
    """Names of migrations the database has and this code does not: it was migrated by a newer version."""

    @property
    def current(self) -> bool:
        """True when the database is what this code needs."""
        return not self.pending and not self.changed


@dataclass(frozen=True)
class MigrationReport:
    """What one run did."""

    applied: tuple[str, ...]
    """Names of the files this run applied; empty when there was nothing to do."""
    already: tuple[str, ...]
    granted: tuple[str, ...]
    """Roles that now have exactly their rights."""
    missing_roles: tuple[str, ...]
    """Roles that do not exist yet: create them and run again."""
    schema: int
    """Number of the newest migration that the database has now, also one that this code does not know."""


def status(url: str, *, folder: Path = MIGRATIONS) -> SchemaStatus:
    """How the database at ``url`` stands; reads only, with any role that may read.

    Raises:
        AuditDown: the database cannot be reached or read.
        SettingsError: ``url`` is not a connection string.
    """
    try:
        with _connect(url) as connection:
            return _compare(read_migrations(folder), _applied(connection))
    except psycopg.Error as error:
        raise audit_down(error) from None


def migrate(
    url: str,
    *,
    worker_role: str = "metta_worker",
    erase_role: str = "metta_erase",
    lock_timeout_seconds: float = 60,
    wake_seconds: float = 0,
    seconds: float | None = None,
    folder: Path = MIGRATIONS,
) -> MigrationReport:
    """Apply what is pending and give the roles their rights; safe to repeat and to run twice at the same time.

    Args:
        url: the schema owner's connection string (``DATABASE_MIGRATE_URL``).
        worker_role: role of ``DATABASE_URL``: may insert and select, not update or delete.
        erase_role: role of ``DATABASE_ERASE_URL``: may select, and empty the columns that hold contents.
        lock_timeout_seconds: how long to wait for another run, or for a table in use.
        wake_seconds: how long to go on trying to connect to a server that may be asleep.
        seconds: bound of all of it; a run that is not done by then is undone. None sets none.

    Raises:
        AuditDown: the database cannot be reached.
        MigrationError: an applied file was changed, a file fails, another run does not end, or time ran out. Nothing
            was changed, unless the text says that this is not known.
        SettingsError: ``url`` is not a connection string.
    """
    run = _Run(read_migrations(folder), worker_role, erase_role)
    until = None if seconds is None else time.monotonic() + seconds
    try:
        connection = _connect(url, wake_seconds=wake_seconds)
    except psycopg.Error as error:
        raise audit_down(error) from None
    bound = BrokenOffInTime(connection, None if until is None else until - time.monotonic())
    try:
        with bound, connection:  # one transaction: committed at the end, rolled back on any error
            connection.execute(_bounds(lock_timeout_seconds))
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            return run.on(connection)
    except psycopg.Error as error:
        raise MigrationError(f"{run.step}: {_why(error, run.step, over=bound.over)}") from None


class _Run:
    """One run inside its transaction; ``step`` names where it is, for the error text."""

    def __init__(self, migrations: tuple[Migration, ...], worker_role: str, erase_role: str) -> None:
        self._migrations = migrations
        self._roles = {"worker_role": worker_role, "erase_role": erase_role}
        self.step = "preparing"

    def on(self, connection: psycopg.Connection) -> MigrationReport:
        if not _exists(connection, "SELECT to_regnamespace('metta') IS NOT NULL"):
            connection.execute(_SCHEMA.encode())
        if not _exists(connection, _HAS_JOURNAL):
            connection.execute(_JOURNAL.encode())
        state = _compare(self._migrations, _applied(connection))
        pending = [one for one in self._migrations if one.name in state.pending]
        _refuse_what_cannot_be(state, pending)
        for one in pending:
            self.step = one.name
            connection.execute(one.sql.encode())
            connection.execute(
                "INSERT INTO metta.migrations (number, name, checksum) VALUES (%s, %s, %s)",
                [one.number, one.name, one.checksum],
            )
        granted: tuple[str, ...] = ()
        missing: tuple[str, ...] = ()
        if not state.newer:  # newer code gave rights that this one does not know of, and would take away
            self.step = "granting rights"
            granted, missing = grant_roles(connection, **self._roles)
        self.step = _COMMITTING
        return MigrationReport(
            applied=tuple(one.name for one in pending),
            already=tuple(one.name for one in state.applied),
            granted=granted,
            missing_roles=missing,
            schema=max([*(one.number for one in state.applied), *(one.number for one in pending)], default=0),
        )


def _connect(url: str, *, wake_seconds: float = 0) -> psycopg.Connection:
    return connect_awake(audit_conninfo(url, variable="DATABASE_MIGRATE_URL"), wake_seconds=wake_seconds)


def _why(error: psycopg.Error, step: str, *, over: bool) -> str:
    """What broke a run off, and what it left: a lost commit alone may have taken effect."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "another migration or a long transaction is in the way; nothing was changed, run it again"
    said = error.diag.message_primary or "the connection was lost"
    text = "time ran out" if over else f"{said} ({type(error).__name__})"
    if step == _COMMITTING and error.sqlstate is None:
        return f"{text}; whether it took effect is not known, run it again"
    return f"{text}; nothing was changed"


def _bounds(lock_timeout_seconds: float) -> bytes:
    """Bounds of this transaction alone, so that a pooled connection keeps nothing of them."""
    milliseconds = round(lock_timeout_seconds * 1000)
    return f"SET LOCAL lock_timeout = {milliseconds}; SET LOCAL statement_timeout = 0".encode()


def _exists(connection: psycopg.Connection, question: LiteralString) -> bool:
    row = connection.execute(question).fetchone()
    return row is not None and bool(row[0])


def _applied(connection: psycopg.Connection) -> tuple[AppliedMigration, ...]:
    if not _exists(connection, _HAS_JOURNAL):
        return ()
    rows = connection.execute("SELECT number, name, checksum, applied_at FROM metta.migrations ORDER BY number")
    return tuple(AppliedMigration(number, name, digest, at.astimezone(UTC)) for number, name, digest, at in rows)


def _compare(migrations: tuple[Migration, ...], applied: tuple[AppliedMigration, ...]) -> SchemaStatus:
    files = {one.number: one for one in migrations}
    seen = {one.number for one in applied}
    return SchemaStatus(
        applied=applied,
        pending=tuple(one.name for one in migrations if one.number not in seen),
        changed=tuple(
            one.name for one in applied if one.number in files and files[one.number].checksum != one.checksum
        ),
        newer=tuple(one.name for one in applied if one.number not in files),
    )


def _refuse_what_cannot_be(state: SchemaStatus, pending: list[Migration]) -> None:
    if state.changed:
        raise MigrationError(
            f"changed since this database applied them: {', '.join(state.changed)}; restore these files "
            "and put what is new into a file with the next number"
        )
    newest = max((one.number for one in state.applied), default=0)
    late = [one.name for one in pending if one.number < newest]
    if late:
        raise MigrationError(
            f"numbered before what this database already has: {', '.join(late)}; give them new numbers"
        )
