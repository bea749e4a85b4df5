"""What is learned of a server is kept, and what was refused is asked for again in time."""

from __future__ import annotations

from typing import Any

from metta.integrations.odoo.reader import REFUSED_FOR_SECONDS, Reader
from metta_local.odoo import OdooEmulator
from unit.odoo.generated_shop import DirectPort


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked(emulator: OdooEmulator, port: Any) -> list[str]:
    """The models whose fields are asked for from now on."""
    models: list[str] = []
    real = port.fields_get

    async def fields_get(model: str, names: Any) -> Any:
        models.append(model)
        return await real(model, names)

    port.fields_get = fields_get
    return models


async def read_twice(reader: Reader, model: str) -> list[bool]:
    return [bool(await reader.fields(model)) for _ in range(2)]


def test_a_module_installed_meanwhile_is_noticed_in_time(run: Any) -> None:
    emulator, clock = OdooEmulator(modules={"sale"}), Clock()
    port = DirectPort(emulator)
    models, reader = asked(emulator, port), Reader(port, clock=clock)

    assert run(read_twice(reader, "stock.picking")) == [False, False]
    assert models == ["stock.picking"], "what is not there is not asked for each time"

    emulator.data.models["stock.picking"] = OdooEmulator().data.models["stock.picking"]
    clock.now += REFUSED_FOR_SECONDS + 1

    assert run(read_twice(reader, "stock.picking")) == [True, True]
    assert models == ["stock.picking"] * 2


def test_what_is_there_is_asked_for_once_per_process(run: Any) -> None:
    emulator, clock = OdooEmulator(), Clock()
    port = DirectPort(emulator)
    models, reader = asked(emulator, port), Reader(port, clock=clock)

    run(reader.fields("sale.order"))
    clock.now += 100 * REFUSED_FOR_SECONDS
    run(reader.fields("sale.order"))

    assert models == ["sale.order"]
