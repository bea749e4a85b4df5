"""What a role of the audit log's may do, as PostgreSQL itself says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from metta.persistence.grants import EMPTIED

JOURNAL = "migrations"
_SELF: LiteralString = """
SELECT rolname, rolsuper OR rolcreaterole,
       coalesce((SELECT bool_or(pg_has_role(current_user, relowner, 'MEMBER')) FROM pg_class
                 WHERE relnamespace = to_regnamespace('metta')), false)
FROM pg_roles WHERE rolname = current_user
"""
_SERVER: LiteralString = """
SELECT (SELECT oid FROM pg_database WHERE datname = current_database()), pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on'
"""
_ROOM: LiteralString = """
SELECT current_setting('max_connections')::int,
       (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),
       (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
       pg_database_size(current_database()) / 1048576,
       nullif(current_setting('neon.max_cluster_size', true), ''),
       (SELECT reset_val::int FROM pg_settings WHERE name = 'statement_timeout')
"""
_BEGUN: LiteralString = "SELECT min(applied_at) FROM metta.migrations"
_TABLES: LiteralString = """
SELECT relname,
       has_table_privilege(oid, 'SELECT'), has_table_privilege(oid, 'INSERT'),
       has_table_privilege(oid, 'UPDATE'), has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE'),
       coalesce((SELECT array_agg(attname::text) FROM pg_attribute
                 WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
                   AND has_column_privilege(attrelid, attnum, 'UPDATE')), '{}')
FROM pg_class WHERE relnamespace = to_regnamespace('metta') AND relkind IN ('r', 'p') ORDER BY relname
"""


@dataclass(frozen=True)
class Table:
    """One table of schema ``metta``, and what the role may do to it."""

    name: str
    select: bool
    insert: bool
    update: bool
    """All of it."""
    remove: bool
    """Rows, one or all."""
    columns: frozenset[str]
    """Columns that it may change."""


@dataclass(frozen=True)
class Role:
    """One role as it is connected.

    Attributes:
        name: of the role; not told, since it stands in the connection string.
        superuser: whether it may give itself any right.
        owner: whether the tables of the audit log are its own, or its group's.
        database: number of the database and when its schema was begun, by which two are told apart.
        replica: whether the server only follows another.
        read_only: whether its transactions only read unless they say otherwise.
        tables: of schema ``metta``; empty where there is none.
    """

    name: str
    superuser: bool
    owner: bool
    database: tuple[int, datetime | None]
    replica: bool
    read_only: bool
    tables: tuple[Table, ...]

    @property
    def too_much(self) -> list[str]:
        """What lets the worker's role change what the log says, in SQL's words."""
        verbs = {
            "UPDATE": any(table.columns for table in self.tables),
            "DELETE": any(table.remove for table in self.tables),
        }
        return [verb for verb, granted in verbs.items() if granted]

    @property
    def missing(self) -> list[str]:
        """Tables that the worker cannot write to or read."""
        return [table.name for table in self.tables if not table.select or not (table.insert or table.name == JOURNAL)]

    @property
    def cannot_empty(self) -> list[str]:
        """Tables whose contents the role cannot erase."""
        found = [name for name, columns in EMPTIED.items() if not self._of(name).columns >= set(columns)]
        return sorted({*found, *([] if self._of("entries").insert else ["entries"])})

    @property
    def beyond_erasing(self) -> list[str]:
        """Tables that the role may do more to than to empty contents."""
        return [
            table.name
            for table in self.tables
            if table.remove
            or table.columns - set(EMPTIED.get(table.name, ()))
            or (table.insert and table.name != "entries")
        ]

    def _of(self, name: str) -> Table:
        missing = Table(name, select=False, insert=False, update=False, remove=False, columns=frozenset())
        return next((table for table in self.tables if table.name == name), missing)


@dataclass(frozen=True)
class Room:
    """What is left.

    Attributes:
        most_connections, connections: that the server permits, and that there are.
        role_limit: connections that this role may have; None for any number.
        megabytes: that the database takes.
        most_megabytes: that it may take, as far as the server says; None where it does not.
        statement_ms: after which the server breaks a statement of this role off; 0 for never.
    """

    most_connections: int
    connections: int
    role_limit: int | None
    megabytes: int
    most_megabytes: int | None
    statement_ms: int


def role(connection: psycopg.Connection) -> Role:
    """Ask the server; any role may.

    Raises:
        psycopg.Error: it did not answer.
    """
    name, superuser, owner = _row(connection, _SELF)
    number, replica, read_only = _row(connection, _SERVER)
    tables = tuple(
        Table(table, select, insert, update, remove, frozenset(columns))
        for table, select, insert, update, remove, columns in connection.execute(_TABLES)
    )
    journal = any(table.name == JOURNAL and table.select for table in tables)
    begun = _row(connection, _BEGUN)[0] if journal else None
    return Role(name, superuser, owner, (number, begun), replica, read_only, tables)


def room(connection: psycopg.Connection) -> Room:
    """Ask how much is left.

    Raises:
        psycopg.Error: it did not answer.
    """
    most, now, limit, size, largest, statement_ms = _row(connection, _ROOM)
    known = largest if largest is not None and str(largest).isdigit() else None
    return Room(most, now, limit if limit >= 0 else None, int(size), int(known) if known else None, statement_ms)


def _row(connection: psycopg.Connection, question: LiteralString) -> tuple[Any, ...]:
    row = connection.execute(question).fetchone()
    assert row is not None
    return row
