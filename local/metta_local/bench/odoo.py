"""``metta bench odoo``: what a tool adds to the calls that it makes to Odoo, in CPU, in waves, and when many are made.

Each protocol has an emulated server in this process and tools in another. CPU is taken in turns, the tool and the bare
calls a few at a time, so that a busy machine slows them alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from metta.messages import JsonObject
from metta_local.bench.odoo_calls import CALLS, WAYS
from metta_local.bench.process import MeasuredProcess
from metta_local.odoo import Fault, FaultKind, OdooEmulator
from metta_local.serving import LoopbackServer

SERVERS = {"jsonrpc": "18.0", "json2": "19.0"}
"""A release that each protocol is spoken with."""
ROUNDS = 25
TIMES = 12
"""Calls in a round, per way."""
MOST_CPU = 1.5
MOST_WAVES = 2
AT_ONCE = 20
RUSHES = 5
MOST_WALL = 1.5
SERVER_SECONDS = 0.1
"""How long the server takes for every request when many are made."""
RUSHED = ("searchProducts", "getOrder, by e-mail", "getOrder, by phone")


class Child(Protocol):
    """The measured process."""

    def ask(self, command: JsonObject) -> JsonObject:
        """One command to the child, and its answer."""
        ...


def odoo(log: Any) -> list[JsonObject]:
    """CPU, waves, and calls at the same time, for both protocols; ``log`` takes what the measured processes write."""
    costs: list[JsonObject] = []
    rushes: list[JsonObject] = []
    for protocol in SERVERS:
        with served(protocol, log) as (emulator, child):
            costs += [cost(child, name) | {"protocol": protocol} for name in CALLS]
            emulator.faults.add(Fault(FaultKind.DELAY, seconds=SERVER_SECONDS))
            rushes += [rush(child, name) | {"protocol": protocol} for name in RUSHED]
    return [cpu(costs), waves(costs), at_once(rushes)]


@contextmanager
def served(protocol: str, log: Any) -> Iterator[tuple[OdooEmulator, MeasuredProcess]]:
    """A server that is spoken to in ``protocol``, and a process that calls tools on it."""
    emulator = OdooEmulator(SERVERS[protocol])
    with LoopbackServer(emulator.app) as server:
        environment = {
            "ODOO_URL": server.url,
            "ODOO_DB": emulator.database,
            "ODOO_USERNAME": emulator.username,
            "ODOO_API_KEY": emulator.api_key,
        }
        with MeasuredProcess("metta_local.bench.odoo_child", environment, log) as child:
            yield emulator, child


def cost(child: Child, name: str, *, rounds: int = ROUNDS, times: int = TIMES) -> JsonObject:
    """Calls and waves of one tool call, and CPU milliseconds of it in every way of asking."""
    watched = child.ask({"watch": name})
    for way in WAYS:
        child.ask({"ask": name, "way": way, "times": times})
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            spent[way].append(child.ask({"ask": name, "way": way, "times": times})["cpu"] / times * 1000)
    return {
        "call": name,
        "calls": watched["calls"],
        "waves": watched["waves"],
        "milliseconds": {way: round(statistics.median(values), 2) for way, values in spent.items()},
        "ratio": beside(spent["tool"], spent["bare"]),
        "with_texts_judged": beside(spent["call_tool"], spent["bare"]),
        "beside_own_client": beside(spent["tool"], spent["client"]),
    }


def beside(spent: Sequence[float], bare: Sequence[float]) -> float:
    """How much more, in most rounds; the two of a round were measured within the same moments."""
    return round(statistics.median(mine / theirs for mine, theirs in zip(spent, bare, strict=True)), 2)


def rush(child: Child, name: str, *, rushes: int = RUSHES) -> JsonObject:
    """Wall clock of one call, and of many at the same time."""
    runs = [child.ask({"together": name, "number": AT_ONCE}) for _ in range(rushes)]
    one, many = (statistics.median(run[key] for run in runs) for key in ("one", "many"))
    return {
        "call": name,
        "seconds": {"one": round(one, 3), "many": round(many, 3)},
        "ratio": round(many / one, 2),
    }


def cpu(costs: list[JsonObject]) -> JsonObject:
    """The result on CPU: the dearest call beside its bare calls."""
    return {
        "name": "odoo-cpu",
        "what": "CPU of a tool call / the same calls made bare (odoorpc over JSON-RPC, httpx over JSON-2)",
        "rows": costs,
        "ratio": max(row["ratio"] for row in costs),
        "target": MOST_CPU,
    }


def waves(costs: list[JsonObject]) -> JsonObject:
    """The result on waves: the tool call that has to wait most often."""
    return {
        "name": "odoo-waves",
        "what": "most waves of calls to Odoo in a tool call, one after the other, once warm",
        "waves": {f"{row['call']} ({row['protocol']})": row["waves"] for row in costs},
        "ratio": max(row["waves"] for row in costs),
        "target": MOST_WAVES,
    }


def at_once(rushes: list[JsonObject]) -> JsonObject:
    """The result on calls at the same time."""
    return {
        "name": "odoo-at-once",
        "what": f"wall clock of {AT_ONCE} tool calls at once / one, server answering after {SERVER_SECONDS:g} s",
        "rows": rushes,
        "ratio": max(row["ratio"] for row in rushes),
        "target": MOST_WALL,
    }


def describe(result: JsonObject) -> str:
    """A result for people: the figure, then a table."""
    verdict = "within" if result["ratio"] <= result["target"] else "ABOVE"
    lines = [f"{result['name']}: {result['ratio']} ({verdict} {result['target']}) - {result['what']}"]
    return "\n".join([*lines, *(f"  {line}" for line in table(result))])


def table(result: JsonObject) -> list[str]:
    """The rows of a result as Markdown, as in docs/measurements.md; none where the figure says it all."""
    rows = result.get("rows", [])
    if not rows:
        return []
    if "seconds" in rows[0]:
        head = ["| call | protocol | one, s | 20 at once, s | ratio |", "|---|---|---|---|---|"]
        cells = [[*row["seconds"].values(), row["ratio"]] for row in rows]
    else:
        names = "calls, waves", "tool, ms", "judged", "client", "bare", "tool / bare", "judged / bare", "tool / client"
        head = [f"| call | protocol | {' | '.join(names)} |", "|---" * (2 + len(names)) + "|"]
        ratios = ("ratio", "with_texts_judged", "beside_own_client")
        cells = [
            [f"{row['calls']}, {row['waves']}", *row["milliseconds"].values(), *(row[ratio] for ratio in ratios)]
            for row in rows
        ]
    return [
        *head,
        *(
            f"| {row['call']} | {row['protocol']} | {' | '.join(map(str, values))} |"
            for row, values in zip(rows, cells, strict=True)
        ),
    ]
