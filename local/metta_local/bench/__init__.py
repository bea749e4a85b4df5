"""``metta bench``: what Metta costs beside what it stands on, as ratios taken side by side in one run."""

from metta_local.bench.command import main

__all__ = ["main"]
