"""Writes ``docs/openapi.json``, the console's API as its code has it: ``python -m metta_local.openapi``."""

from __future__ import annotations

from pathlib import Path

from metta.console.app import ConsoleApp
from metta.console.health import Health
from metta.console.request import SimulationRequest
from metta.console.simulate import Simulation

PATH = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def document() -> str:
    """The OpenAPI document; nothing is asked for it."""

    def health() -> Health:
        raise NotImplementedError

    def simulate(request: SimulationRequest, seconds: float) -> Simulation:
        raise NotImplementedError

    return ConsoleApp(health, simulate).openapi()


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
