"""``metta migrate``: brings the database to the newest schema, or says which one it has."""

from __future__ import annotations

import json
from dataclasses import asdict

from metta import settings as metta_settings
from metta.bootstrap.migrate import migrate_with
from metta.errors import SettingsError
from metta.persistence.migrate import SchemaStatus, status
from metta.settings import Settings
from metta_local.console import complain, say


def require_current(settings: Settings) -> None:
    """Refuse to start on a database whose schema is not that of this code; nothing could be audited.

    Raises:
        SettingsError: it is not.
        AuditDown: the database cannot be reached.
    """
    if not status(settings.database.get_secret_value()).current:
        raise SettingsError("DATABASE_URL: the schema is missing or behind this code; run `metta migrate`")


def run(*, status_only: bool = False, as_json: bool = False) -> int:
    """Migrate, or show the status with ``DATABASE_MIGRATE_URL`` (``DATABASE_URL`` will do for that).

    Returns:
        0; with ``status_only`` 1 when the database is not what this code needs.

    Raises:
        SettingsError: no connection string is set.
        MettaError: the database cannot be reached or migrated.
    """
    settings = metta_settings.load()
    if status_only:
        url = settings.database_migrate_url or settings.database_url
        if url is None:
            raise SettingsError("not set: DATABASE_MIGRATE_URL")
        return _show(status(url.get_secret_value()), as_json=as_json)
    report = migrate_with(settings)
    if as_json:
        say(json.dumps(asdict(report)))
        return 0
    for name in report.applied:
        say(f"applied {name}")
    say(f"the database is up to date ({len(report.already) + len(report.applied)} migrations)")
    for role in report.missing_roles:
        complain(f"role {role} does not exist: create it and run `metta migrate` again")
    return 0


def _show(state: SchemaStatus, *, as_json: bool) -> int:
    if as_json:
        say(json.dumps({**asdict(state), "current": state.current}, default=str))
        return 0 if state.current else 1
    for one in state.applied:
        say(f"applied  {one.name}  {one.applied_at:%Y-%m-%d %H:%M} UTC")
    for word, names in (("pending", state.pending), ("changed", state.changed), ("newer", state.newer)):
        for name in names:
            say(f"{word:8} {name}")
    if state.changed:
        say("applied files were changed since: restore them")
    elif state.pending:
        say("run `metta migrate`")
    else:
        say("the database is up to date")
    return 0 if state.current else 1
