"""Judges the three roles: the worker adds and reads, the owner migrates, the eraser empties contents; each no more."""

from __future__ import annotations

from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.database_roles import Role

_APART = "CREATE ROLE metta_worker LOGIN PASSWORD '...' in SQL, use it there, then `metta migrate` (docs/deploy.md, 4)"
_GRANT = "`metta migrate` with DATABASE_URL and DATABASE_ERASE_URL set gives each role its rights"


def worker(own: Role) -> Check:
    """The role of ``DATABASE_URL``."""
    name = "database.worker_role"
    if own.superuser:
        found = "DATABASE_URL's role administers the server: whoever gets the worker's secret owns all of it"
        return fail(name, found, _APART)
    if own.owner:
        found = "DATABASE_URL's role owns the audit log: whoever gets the worker's secret can rewrite or drop it"
        return fail(name, found, _APART)
    if not own.tables:
        return skip(name, "what it may do is not known before the schema is there")
    if own.missing:
        found = f"DATABASE_URL's role may not read or add to {_some(own.missing)}: those audits cannot be written"
        return fail(name, found, _GRANT)
    if own.too_much:
        found = f"DATABASE_URL's role may {' and '.join(own.too_much)}: whoever gets it can change what the log says"
        fix = f"{_GRANT}; take it out of groups that write all (a role made in Neon's console is in neon_superuser)"
        return warn(name, found, fix)
    return ok(name, "it may add and read, and change nothing")


def migrator(name: str, variable: str, found: Role, own: Role) -> Check:
    """The role of ``DATABASE_MIGRATE_URL``."""
    if found.database != own.database:
        return _elsewhere(name, variable)
    if found.name == own.name:
        what = f"{variable} and DATABASE_URL have one role: the worker could rewrite the log it writes"
        return fail(name, what, _APART)
    if found.tables and not found.owner:
        fix = "use the role that owns the database (Neon: the one it was made with)"
        return fail(name, f"{variable}'s role does not own the schema: it cannot migrate", fix)
    return ok(name, "it owns the schema, and is not the worker's")


def eraser(name: str, variable: str, found: Role, own: Role) -> Check:
    """The role of ``DATABASE_ERASE_URL``."""
    if found.database != own.database:
        return _elsewhere(name, variable)
    if found.name == own.name:
        what = f"{variable} and DATABASE_URL have one role: the worker could empty what it wrote"
        return fail(name, what, "CREATE ROLE metta_erase as docs/deploy.md (4) has it, then `metta migrate`")
    if found.superuser or found.owner:
        what = f"{variable}'s role owns the audit log: more than emptying takes"
        return warn(name, what, "CREATE ROLE metta_erase as docs/deploy.md (4) has it, then `metta migrate`")
    if not found.tables:
        return skip(name, "what it may do is not known before the schema is there")
    if found.cannot_empty:
        return fail(name, f"{variable}'s role cannot erase from {_some(found.cannot_empty)}", _GRANT)
    if found.beyond_erasing:
        what = f"{variable}'s role may do more than empty contents in {_some(found.beyond_erasing)}"
        return warn(name, what, f"{_GRANT}, and takes others away")
    return ok(name, "it may empty contents, and nothing else")


def _elsewhere(name: str, variable: str) -> Check:
    what = f"{variable} leads to another database than DATABASE_URL"
    return fail(name, what, "give both the same host (pooled or direct) and database")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
