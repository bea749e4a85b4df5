"""An emulator of Odoo 15 to 19 as far as Metta reads it: both protocols, real domains, real error shapes, a small shop."""

from metta_local.odoo.emulator import OdooEmulator
from metta_local.odoo.faults import Fault, FaultKind

__all__ = ["Fault", "FaultKind", "OdooEmulator"]
