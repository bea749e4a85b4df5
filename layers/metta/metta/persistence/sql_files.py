"""The numbered SQL files that make the schema: what ``migrate`` applies, in order."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from metta.errors import MigrationError

MIGRATIONS = Path(__file__).with_name("migrations")
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True)
class Migration:
    """One file of the folder."""

    number: int
    name: str
    sql: str
    checksum: str


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The files of the folder, in order.

    Raises:
        MigrationError: a name is not ``NNNN_words.sql``, or two files have one number.
    """
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: a migration's name is NNNN_words.sql")
        number = int(match[1])
        if number in found:
            raise MigrationError(f"{path.name} and {found[number].name} have the same number")
        text = path.read_text(encoding="utf-8")  # newlines become "\\n" here, whatever the checkout made of them
        found[number] = Migration(number, path.name, text, hashlib.sha256(text.encode()).hexdigest())
    return tuple(found.values())
