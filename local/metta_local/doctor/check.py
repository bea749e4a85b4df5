"""What one check of ``metta doctor`` found; the shape of its ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from metta.messages import JsonObject


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """Metta works, but less well or less safely than it could."""
    FAIL = "fail"
    """Something Metta needs does not work."""
    SKIP = "skip"
    """Nothing to check here, or an earlier failure stands in the way."""


@dataclass(frozen=True)
class Check:
    """One line of the report. No text in it may hold a secret or a word of a server's."""

    name: str
    """``area.subject``, for example ``odoo.connection``."""
    status: Status
    found: str
    """What was seen, and what follows from it."""
    fix: str = ""
    """What to do about it; empty when there is nothing to do."""

    def as_json(self) -> JsonObject:
        """The check as ``--json`` shows it."""
        return {"check": self.name, "status": self.status.value, "found": self.found, "fix": self.fix}


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, Status.OK, found)


def warn(name: str, found: str, fix: str) -> Check:
    """It works, but somebody should look at it."""
    return Check(name, Status.WARN, found, fix)


def fail(name: str, found: str, fix: str) -> Check:
    """It does not work."""
    return Check(name, Status.FAIL, found, fix)


def skip(name: str, found: str) -> Check:
    """It was not checked, or there is nothing to check."""
    return Check(name, Status.SKIP, found)


def healthy(checks: Sequence[Check]) -> bool:
    """Whether none of them failed; warnings are no failure."""
    return all(check.status is not Status.FAIL for check in checks)
