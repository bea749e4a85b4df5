"""An emulator of the Responses API and the moderation endpoint with an offline, rule-based model behind it."""

from metta_local.model.emulator import ModelEmulator, RecordedRequest
from metta_local.model.scripting import (
    Call,
    Calls,
    Drip,
    Empty,
    Fail,
    Incomplete,
    Malformed,
    Moderate,
    Refuse,
    Reset,
    Say,
    Slow,
    Step,
)

__all__ = [
    "Call",
    "Calls",
    "Drip",
    "Empty",
    "Fail",
    "Incomplete",
    "Malformed",
    "ModelEmulator",
    "Moderate",
    "RecordedRequest",
    "Refuse",
    "Reset",
    "Say",
    "Slow",
    "Step",
]
