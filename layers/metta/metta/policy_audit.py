"""The policy's part on the audit log: how contents are stored, and how long."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from metta.nouns import Noun
from metta.policy_limits import number

Contents = Literal["plain", "masked", "encrypted"]


class AuditPolicy(Noun):
    """How the audit log stores what was said, and how long; docs/audit.md."""

    contents: Contents = "plain"
    """``masked`` keeps no addresses, phone and bank numbers and none of the contact's names; ``encrypted`` keeps all of
    it unreadable without ``AUDIT_KEY`` and the table of turn state. Card and social security numbers are never kept."""
    keep_days: int | None = Field(None, ge=1, le=36_500)
    """After so many days ``metta audit erase --older-than`` removes rows and all; null: kept until somebody erases."""

    @field_validator("keep_days", mode="before")
    @classmethod
    def _no_flag(cls, value: Any) -> Any:
        return number(value)
