"""An emulator of Odoo 15 to 19 as far as Metta reads it: both protocols, real domains and errors, a small shop."""

from metta_local.odoo.emulator import OdooEmulator
from metta_local.odoo.faults import Fault, FaultKind
from metta_local.odoo.granting import load_rights

__all__ = ["Fault", "FaultKind", "OdooEmulator", "load_rights"]
