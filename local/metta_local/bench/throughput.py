"""``metta bench throughput``: turns per CPU second of the worker on one core, and where the CPU goes.

No latency, no fault and no quiet window: what is left is work. The figure comes from runs that nobody watches; the
shares come from one more run under the ledger, which is a little slower, and are shares of that run's whole CPU.
"""

from __future__ import annotations

import statistics
from typing import Protocol

from metta.messages import JsonObject
from metta_local.bench.steps import MODEL_SDK, MOST, REASONS, REST, STEPS

BATCH = 10
WARM_UP = 3
"""Batches before anything is measured."""
ROUNDS = 3
BATCHES = 4
"""Per round, and of the watched run."""


class Child(Protocol):
    """The measured process and the conversations it is fed with."""

    def ask(self, command: JsonObject) -> JsonObject:
        """One command to the child, and its answer."""
        ...

    def event(self, conversations: int) -> JsonObject:
        """A batch with a question in each of ``conversations`` new conversations."""
        ...


def throughput(
    child: Child, *, batch: int = BATCH, warm_up: int = WARM_UP, rounds: int = ROUNDS, batches: int = BATCHES
) -> JsonObject:
    """Turns per CPU second in batches of ``batch`` conversations, and the shares of each step."""
    core = child.ask({"pin": True})["core"]
    try:
        child.ask({"handle": [child.event(batch) for _ in range(warm_up)]})
        turns = batch * batches
        unwatched = [
            child.ask({"handle": [child.event(batch) for _ in range(batches)]})["cpu"] / turns for _ in range(rounds)
        ]
        watched = child.ask({"handle": [child.event(batch) for _ in range(batches)], "profile": True})
    finally:
        child.ask({"pin": False})
    cpu = statistics.median(unwatched)
    steps = shares(watched["seconds"], watched["calls"], watched["cpu"], turns)
    unexplained = [row["share"] for row in steps if row["step"] != MODEL_SDK and not row["reason"]]
    return {
        "name": "throughput",
        "what": "largest share of a turn's CPU that a step takes without a written reason, the model SDK aside",
        "turns_per_cpu_second": round(1 / cpu, 1),
        "milliseconds": {"turn": round(cpu * 1000, 2), "watched": round(watched["cpu"] / turns * 1000, 2)},
        "core": core,
        "batch": batch,
        "steps": steps,
        "ratio": max(unexplained),
        "target": MOST,
    }


def shares(seconds: dict[str, float], calls: dict[str, int], whole: float, turns: int) -> list[JsonObject]:
    """The profile's rows, largest first; together they are the whole.

    Args:
        seconds: CPU by step.
        calls: calls by step.
        whole: CPU seconds of the process meanwhile.
        turns: turns that were handled.

    Raises:
        ValueError: the steps took longer than the process, so that the ledger must be wrong.
    """
    rest = whole - sum(seconds.values())
    if whole <= 0 or rest < -0.02 * whole:
        raise ValueError(f"steps with {sum(seconds.values()):.3f} s in a process of {whole:.3f} s")
    rows = [
        {
            "step": step,
            "share": round(value / whole, 3),
            "milliseconds": round(value / turns * 1000, 2),
            "calls": round(calls.get(step, 0) / turns, 1),
            "reason": REASONS.get(step, ""),
        }
        for step, value in ({step: seconds.get(step, 0.0) for step in STEPS} | seconds | {REST: max(0.0, rest)}).items()
    ]
    return sorted(rows, key=lambda row: -row["share"])


def describe(result: JsonObject) -> str:
    """The result for people: the figure, then a table."""
    where = "no core of its own" if result["core"] is None else f"core {result['core']}"
    head = (
        f"throughput: {result['turns_per_cpu_second']} turns per CPU second ({result['milliseconds']['turn']} ms each,"
        f" batches of {result['batch']}, {where}); watched {result['milliseconds']['watched']} ms"
    )
    lines = [f"  {'step':<20} {'share':>7} {'ms a turn':>10} {'calls':>6}"]
    for row in result["steps"]:
        mark = "" if row["share"] <= MOST or row["step"] == MODEL_SDK or row["reason"] else "  ABOVE 10 %"
        lines.append(
            f"  {row['step']:<20} {row['share']:>7.1%} {row['milliseconds']:>10.2f} {row['calls'] or '':>6}{mark}"
        )
    why = [f"  {row['step']}: {row['reason']}" for row in result["steps"] if row["share"] > MOST and row["reason"]]
    return "\n".join([head, *lines, *why])


def markdown(result: JsonObject) -> str:
    """The profile as the table in docs/measurements.md."""
    head = ["| step | share | ms a turn | calls a turn |", "|---|---|---|---|"]
    rows = [
        f"| {row['step']} | {row['share']:.1%} | {row['milliseconds']:.2f} | {row['calls'] or ''} |"
        for row in result["steps"]
    ]
    return "\n".join([*head, *rows])
