"""A real PostgreSQL with the roles of production, whose databases the doctor's tests set up wrongly."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import psycopg

from metta.persistence.migrate import migrate
from metta_local.postgres import DATABASE, OWNER_ROLE, PostgresUrls

_NUMBERS = itertools.count(1)
AUDIT_KEY = "a" * 64


@dataclass(frozen=True)
class Databases:
    """One server; ``urls`` lead to its migrated database, which no test changes."""

    urls: PostgresUrls
    superuser_url: str

    def variables(self, urls: PostgresUrls | None = None) -> dict[str, str | None]:
        """All of the area, for one database."""
        of = urls or self.urls
        return {
            "DATABASE_URL": of.database_url,
            "DATABASE_MIGRATE_URL": of.migrate_url,
            "DATABASE_ERASE_URL": of.erase_url,
            "AUDIT_KEY": AUDIT_KEY,
        }

    def superuser(self) -> psycopg.Connection:
        """For breaking things from outside."""
        return psycopg.connect(self.superuser_url, autocommit=True)

    def superuser_of(self, database: str) -> psycopg.Connection:
        """The same, in one of the databases."""
        return psycopg.connect(f"{self.superuser_url.rpartition('/')[0]}/{database}", autocommit=True)

    def new(self, *, migrated_with: Path | None = None) -> PostgresUrls:
        """A database of a test's own, empty unless ``migrated_with`` holds migrations."""
        name = f"shop_{next(_NUMBERS)}"
        with self.superuser() as admin:
            admin.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE}".encode())
        found = PostgresUrls(
            *(
                url.removesuffix(DATABASE) + name
                for url in (self.urls.database_url, self.urls.migrate_url, self.urls.erase_url)
            )
        )
        if migrated_with is not None:
            migrate(found.migrate_url, folder=migrated_with)
        return found
