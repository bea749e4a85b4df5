"""What a verdict may ask for, and about which text; plain enumerations, so that they cost no import of pydantic."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What a verdict asks for, mildest first."""

    ALLOW = "allow"
    REDACT = "redact"
    BLOCK = "block"
    HANDOFF = "handoff"


class Direction(StrEnum):
    """Which way a text goes."""

    INPUT = "input"
    OUTPUT = "output"
