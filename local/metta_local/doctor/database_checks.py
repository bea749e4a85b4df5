"""The audit log's database: can it be reached, is its schema this code's, and may each role do its part and no more."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from metta.errors import AuditDown, MettaError
from metta.persistence.migrate import SchemaStatus, status
from metta.settings import Settings
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.database_connecting import NotConnectedError, looking, place
from metta_local.doctor.database_rights import eraser, migrator, worker
from metta_local.doctor.database_roles import Role, Room, role, room
from metta_local.doctor.given import Given
from metta_local.doctor.loopback import is_loopback
from metta_local.doctor.side_by_side import Tell

FULL = 0.9
"""Beyond this share of what there is, somebody should look."""
FEW = 3
"""Connections that one worker wants: it writes audits of several turns at a time."""
LEAST_STATEMENT_MS = 1000
"""A turn's audit is written in some milliseconds, behind a lock or on a waking server in hundreds."""
_MIGRATE = "run `metta migrate` with DATABASE_MIGRATE_URL, or deploy with MigrateOnDeploy=true"


async def look(given: Given, tell: Tell) -> None:
    """All checks of the database; without a connection the rest is left out."""
    url = given.settings.database.get_secret_value()
    for check in _tls("database.tls", "DATABASE_URL", url):
        tell(check)
    try:
        with looking(url, "DATABASE_URL") as connection:
            own, left = role(connection), room(connection)
    except NotConnectedError as error:
        tell(fail("database.connection", str(error), error.fix))
        return
    except psycopg.Error as error:
        found = f"DATABASE_URL: the server broke a question off ({type(error).__name__})"
        tell(fail("database.connection", found, "is the server overloaded or restarting? try again"))
        return
    tell(ok("database.connection", "the role is let in"))
    tell(_writable(own))
    tell(_room(left))
    tell(_timeouts(left))
    tell(_schema(lambda: status(url), own))
    tell(worker(own))
    for check in _others(given.settings, own):
        tell(check)


def _others(settings: Settings, own: Role) -> list[Check]:
    """The roles that no function which talks to customers has."""
    found = []
    for variable, secret, judge in (
        ("DATABASE_MIGRATE_URL", settings.database_migrate_url, migrator),
        ("DATABASE_ERASE_URL", settings.database_erase_url, eraser),
    ):
        name = f"database.{'migrate' if judge is migrator else 'erase'}_role"
        if secret is None:
            found.append(skip(name, f"{variable} is not set here; the worker needs none"))
            continue
        found += [tls for tls in _tls(f"{name}_tls", variable, secret.get_secret_value()) if tls.fix]
        try:
            with looking(secret.get_secret_value(), variable) as connection:
                found.append(judge(name, variable, role(connection), own))
        except NotConnectedError as error:
            found.append(fail(name, str(error), error.fix))
        except psycopg.Error as error:
            found.append(fail(name, f"{variable}: a question was broken off ({type(error).__name__})", "try again"))
    return found


def _tls(name: str, variable: str, url: str) -> list[Check]:
    """Whether nobody can listen; nothing of what is no connection string."""
    where = place(url)
    if where is None:
        return []
    host, mode = where
    if is_loopback(host):
        return [ok(name, "the server is on this machine")]
    if mode == "verify-full":
        return [ok(name, "encrypted, and the server is checked to be the one that is meant")]
    found = f"{variable} has no sslmode=verify-full: anybody between could be the server, and read password and log"
    return [warn(name, found, "add ?sslmode=verify-full (Metta brings the CA bundle that public servers need)")]


def _writable(own: Role) -> Check:
    name = "database.writable"
    if own.replica:
        found = "DATABASE_URL leads to a read-only replica: no audit can be written"
        return fail(name, found, "use the address of the primary (Neon: the read-write compute)")
    if own.read_only:
        found = "transactions only read there: no audit can be written (default_transaction_read_only)"
        return fail(name, found, "ALTER ROLE ... RESET default_transaction_read_only, or that of the database")
    return ok(name, "it takes writes")


def _room(left: Room) -> Check:
    name = "database.room"
    if left.role_limit is not None and left.role_limit < FEW:
        found = f"the worker's role may have {left.role_limit} connections: each function wants several at a time"
        return warn(name, found, "ALTER ROLE ... CONNECTION LIMIT -1")
    if left.connections > FULL * left.most_connections:
        found = f"{left.connections} of {left.most_connections} connections of the server are taken"
        return warn(name, found, "use the pooled address, or lower MaximumConcurrency")
    size = f"the database takes {left.megabytes:,} MB"
    if left.most_megabytes is not None:
        size += f" of {left.most_megabytes:,} MB"
        if left.megabytes > FULL * left.most_megabytes:
            fix = "enlarge it, or `metta audit erase --older-than DAYS` (docs/audit.md)"
            return warn(name, f"{size}: when it is full no audit can be written", fix)
    return ok(name, f"{size}; connections taken: {left.connections} of {left.most_connections}")


def _timeouts(left: Room) -> Check:
    name, after = "database.timeouts", left.statement_ms
    if 0 < after < LEAST_STATEMENT_MS:
        found = (
            f"the server breaks the worker's statements off after {after} ms: on a busy day audits fail and come back"
        )
        return warn(name, found, "ALTER ROLE ... SET statement_timeout = '30s'")
    return ok(name, f"a statement may take {after / 1000:g} s" if after else "the server breaks no statement off")


def _schema(ask: Callable[[], SchemaStatus], own: Role) -> Check:
    name = "database.schema"
    if own.tables and not any(table.select for table in own.tables):
        return fail(name, "the role may not read the schema: its rights were not given", _MIGRATE)
    try:
        found = ask()
    except (AuditDown, MettaError) as error:
        return fail(name, str(error), _MIGRATE)
    if found.changed:
        what = f"migrated with other files than this code has: {', '.join(found.changed)}"
        return fail(name, what, "take the release that migrated it, and put what is new into a file of its own")
    if not found.applied:
        return fail(name, "the database has no schema `metta` yet: no audit can be written", _MIGRATE)
    if found.pending:
        return fail(name, f"the schema is behind this code: {', '.join(found.pending)}", _MIGRATE)
    newest = found.applied[-1].name
    if found.newer:
        what = f"the schema is newer than this code ({len(found.newer)} migrations): a later release is at work on it"
        return warn(name, what, "use the release that is deployed; older code runs on a newer schema meanwhile")
    return ok(name, f"the schema is at {newest}")
