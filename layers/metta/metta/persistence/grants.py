"""Which role may do what in schema ``metta``; applied at the end of every migration run, so that it always holds.

The worker's role can add to the audit log and read it, and cannot change what it says. The role that erases can empty
the columns that hold contents and say so in the chain, and nothing else. Only the schema's owner can remove rows. Roles
are made by the operator (or the local stack), since only he knows their passwords.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

CONTENTS: dict[str, tuple[str, ...]] = {
    "conversations": ("contact_name", "contact_email", "contact_phone", "contact_identifier"),
    "turns": ("identity_email", "identity_phone", "identity_partner_id", "reply"),
    "incoming_messages": ("text", "attachments", "contact_source_id"),
    "outgoing_messages": ("text",),
    "verdicts": ("text",),
    "tool_calls": ("arguments", "result", "result_digest"),
    "skips": ("text", "attachments"),
}
"""Columns that hold what a person said, is told or is called; erasure sets them to NULL."""
EMPTIED = {**CONTENTS, "entries": ("salt",)}
"""The same, and what the contents' digests cannot be tried out without."""


def grant_roles(
    connection: psycopg.Connection, *, worker_role: str, erase_role: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give each role exactly its rights, taking others away; a role that owns the schema keeps what it has.

    Returns:
        The roles that have their rights now, and those that do not exist.
    """
    existing = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    owners = {
        str(name)
        for (name,) in connection.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'metta'::regnamespace"
        )
    }
    wanted = tuple(dict.fromkeys((worker_role, erase_role)))
    for role in wanted:
        if role not in existing or role in owners:
            continue
        name = sql.Identifier(role)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA metta TO {}").format(name))
        connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA metta FROM {}").format(name))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA metta TO {}").format(name))
        if role == worker_role:
            connection.execute(sql.SQL("GRANT INSERT ON ALL TABLES IN SCHEMA metta TO {}").format(name))
            connection.execute(sql.SQL("REVOKE INSERT ON metta.migrations FROM {}").format(name))
        if role == erase_role:
            _grant_erasure(connection, name)
    granted = tuple(role for role in wanted if role in existing)
    return granted, tuple(role for role in wanted if role not in existing)


def _grant_erasure(connection: psycopg.Connection, role: sql.Identifier) -> None:
    for table, columns in EMPTIED.items():
        grant = sql.SQL("GRANT UPDATE ({}) ON {} TO {}")
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        connection.execute(grant.format(names, sql.Identifier("metta", table), role))
    connection.execute(sql.SQL("GRANT INSERT ON metta.entries TO {}").format(role))
