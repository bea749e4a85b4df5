"""Wires the migrate function, which must answer also where a variable, the secret or a whole package is missing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from metta.errors import SettingsError
from metta.persistence.at_deploy import SchemaResource

if TYPE_CHECKING:
    from metta.persistence.migrate import MigrationReport
    from metta.settings import Settings

WAKE_SECONDS = 60.0
"""How long a database may take to wake up, or to come back from a restart."""


def migrate_with(settings: Settings, *, wake_seconds: float = 0, seconds: float | None = None) -> MigrationReport:
    """Migrate with ``DATABASE_MIGRATE_URL``; the roles that the other connection strings name get their rights.

    Args:
        settings: of whom the connection strings are.
        wake_seconds: how long to go on trying to connect.
        seconds: bound of the whole; None sets none.

    Raises:
        SettingsError: ``DATABASE_MIGRATE_URL`` is not set.
        MettaError: the database cannot be reached or migrated.
    """
    from metta.persistence.connection import role_of
    from metta.persistence.migrate import migrate

    if settings.database_migrate_url is None:
        raise SettingsError("not set: DATABASE_MIGRATE_URL")
    worker, erase = settings.database_url, settings.database_erase_url
    return migrate(
        settings.database_migrate_url.get_secret_value(),
        worker_role=(worker and role_of(worker.get_secret_value())) or "metta_worker",
        erase_role=(erase and role_of(erase.get_secret_value(), variable="DATABASE_ERASE_URL")) or "metta_erase",
        wake_seconds=wake_seconds,
        seconds=seconds,
    )


def _from_the_environment(seconds: float) -> MigrationReport:
    """Migrate with the secret as it is now: after a failed deployment somebody has mended it, and tries again."""
    from metta.observability import set_up_logging
    from metta.settings import fetch_secret, load

    settings = load(secret=lambda arn: fetch_secret(arn, max_age=0))
    set_up_logging(settings)
    if settings.database_migrate_url is None:
        where = "in the secret of MigrateSecretArn or, where that is empty, of MettaSecretArn"
        raise SettingsError(f"not set: DATABASE_MIGRATE_URL, {where}")
    return migrate_with(settings, wake_seconds=min(WAKE_SECONDS, seconds / 2), seconds=seconds)


@cache
def migration() -> SchemaResource:
    """The process's migration; what it needs is looked for when it is asked for."""
    return SchemaResource(_from_the_environment)
