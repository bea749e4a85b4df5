"""``metta doctor``: checks variables and connections and says what to do about each failure."""

from metta_local.doctor.check import Check, Status
from metta_local.doctor.command import AREAS, run

__all__ = ["AREAS", "Check", "Status", "run"]
