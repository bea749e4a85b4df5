"""An emulator of the Responses API with an offline, rule-based model behind it."""

from metta_local.model.emulator import ModelEmulator, RecordedRequest
from metta_local.model.scripting import (
    Call,
    Calls,
    Drip,
    Empty,
    Fail,
    Incomplete,
    Malformed,
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
    "RecordedRequest",
    "Refuse",
    "Reset",
    "Say",
    "Slow",
    "Step",
]
