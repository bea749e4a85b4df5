"""An emulator of Chatwoot, held to ``Chatwoot, as its source behaves``; for the demo, local runs and tests."""

from metta_local.chatwoot.emulator import ChatwootEmulator
from metta_local.chatwoot.faults import Fault

__all__ = ["ChatwootEmulator", "Fault"]
