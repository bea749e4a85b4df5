"""The measured process of ``metta bench audit``: writes turns in the ways that are compared, and says what they cost.

Speaks JSON lines on its standard input and output: ``{"save": WAY, "times": N}`` answers with the CPU milliseconds of
each turn (all threads) and how often DynamoDB was asked; ``{"rush": WAY, "times": N}`` with seconds of CPU and of wall
clock; ``{"pin": true}`` with the core it keeps to.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time

from metta.messages import JsonObject
from metta.settings import load
from metta_local.bench.audit_turns import turn
from metta_local.bench.audit_ways import Prepared, Ways


class Writer:
    """Writes turns that nobody wrote before."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._written = 0

    async def save(self, way: str, times: int) -> JsonObject:
        """One after the other."""
        turns, spent, asked = self._new(times), [], self._ways.asked_of_dynamodb
        for one in turns:
            began = time.process_time()
            await self._ways.save(way, one)
            spent.append((time.process_time() - began) * 1000)
        return {"cpu_ms": spent, "asked_of_dynamodb": self._ways.asked_of_dynamodb - asked}

    async def rush(self, way: str, times: int) -> JsonObject:
        """As fast as it goes."""
        turns = self._new(times)
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        await self._ways.rush(way, turns)
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}

    def _new(self, times: int) -> list[Prepared]:
        self._written += times
        return [Prepared(turn(number)) for number in range(self._written - times, self._written)]


def pin() -> JsonObject:
    """Keep to one core, where the system knows of such a thing and there are several."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if len(cores) < 2:
        return {"core": None}
    os.sched_setaffinity(0, {max(cores)})
    return {"core": max(cores)}


def main() -> None:
    """Serve until standard input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr
    core = pin()  # before there are threads
    with asyncio.Runner() as runner:
        ways = Ways(load())
        writer = Writer(ways)
        print(json.dumps({"ready": True}), file=out, flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            if "pin" in asked:
                answer = core
            elif "save" in asked:
                answer = runner.run(writer.save(asked["save"], asked["times"]))
            else:
                answer = runner.run(writer.rush(asked["rush"], asked["times"]))
            print(json.dumps(answer), file=out, flush=True)
        runner.run(ways.close())


if __name__ == "__main__":
    main()
