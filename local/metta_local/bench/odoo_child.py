"""The measured process of ``metta bench odoo``: calls tools on an Odoo that is served elsewhere, and says the cost.

Speaks JSON lines on its standard input and output: ``{"watch": NAME}`` answers with ``calls`` and ``waves``, ``{"ask":
NAME, "way": WAY, "times": N}`` with CPU seconds of all threads and of wall clock, ``{"together": NAME, "number": N}``
with the wall clock of one call and of ``N`` at once.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
import time

from metta.messages import JsonObject
from metta.policy import load_policy
from metta.settings import load
from metta_local.bench.odoo_calls import Ways

SINGLE_CALLS = 3


async def cost(ways: Ways, way: str, name: str, times: int) -> JsonObject:
    """Seconds that so many calls take, one after the other."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        await ways.ask(way, name)
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


async def together(ways: Ways, name: str, number: int) -> JsonObject:
    """Wall clock of one call and of ``number`` at once, with threads and connections as after an earlier rush."""

    async def rush(size: int) -> float:
        gc.collect()
        began = time.perf_counter()
        await asyncio.gather(*(ways.ask("call_tool", name) for _ in range(size)))
        return time.perf_counter() - began

    await rush(number)
    one = statistics.median([await rush(1) for _ in range(SINGLE_CALLS)])
    return {"one": one, "many": await rush(number)}


async def answer(ways: Ways, command: JsonObject) -> JsonObject:
    """What a command asks for."""
    if "watch" in command:
        calls, waves = await ways.watch(command["watch"])
        return {"calls": calls, "waves": waves}
    if "together" in command:
        return await together(ways, command["together"], command["number"])
    return await cost(ways, command["way"], command["ask"], command["times"])


def main() -> None:
    """Serve until standard input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr
    with asyncio.Runner() as runner:
        ways = Ways(load().odoo, load_policy())
        _, protocol = runner.run(ways.client.connection())
        print(json.dumps({"ready": True, "protocol": protocol}), file=out, flush=True)
        for line in sys.stdin:
            print(json.dumps(runner.run(answer(ways, json.loads(line)))), file=out, flush=True)
        runner.run(ways.close())


if __name__ == "__main__":
    main()
