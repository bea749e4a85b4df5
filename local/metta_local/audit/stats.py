"""``metta audit stats``: what the log says of a period, by day and in total."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from metta import settings as metta_settings
from metta.messages import JsonObject
from metta.persistence.read import moment
from metta.persistence.statistics import statistics
from metta_local.audit import words
from metta_local.audit.export import period_of
from metta_local.audit.opening import log_of
from metta_local.audit.plain import Paper, inline
from metta_local.console import say

_MOST = 20
"""Lines of a list; ``--json`` has all, and by day."""


def run(chosen: argparse.Namespace) -> int:
    """Show the counts and measures of a period.

    Raises:
        CommandError: the period is none.
        SettingsError: a variable is missing or malformed.
        AuditDown: the database cannot be read.
    """
    period = period_of(chosen)
    with log_of(metta_settings.load()) as connection, moment(connection, statement_seconds=0):
        found = statistics(connection, period)
    if chosen.json:
        say(json.dumps(found))
    else:
        show(found, Paper())
    return 0


def show(found: JsonObject, paper: Paper) -> None:
    """One table, a line per day and the total, and what was most often the reason."""
    rows = [[name for name, _ in COLUMNS]]
    for row in (*found["days"], {"day": "total", **found["total"]}):
        rows.append([shown(row) for _, shown in COLUMNS])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, cells in enumerate(rows):
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        paper.row(line, style="bold" if number in (0, len(rows) - 1) else None)
    total = found["total"]
    _list(paper, "Why turns did not end with an answer by the assistant", _reasons(total["reasons"]))
    _list(paper, "What the guardrails noticed, in turns", _findings(total["findings"]))
    _list(paper, "Messages that no turn answered", _skips(total["skips"]))
    paper.line()
    paper.line(
        "contained: conversations that were answered and needed no person, of those that were answered or handed over. "
        "Waits and times: half and 95 % of the turns that were answered or handed over took no longer. Cost per reply: "
        "all that models cost, by turns that were answered. Days are UTC.",
        style="dim",
    )


def _reasons(rows: list[JsonObject]) -> list[tuple[int, str]]:
    return [(row["turns"], f"{words.ended(row['outcome'], row['reason'])} ({row['reason']})") for row in rows]


def _findings(rows: list[JsonObject]) -> list[tuple[int, str]]:
    named = [(row, f"{row['check']}/{row['kind']}") for row in rows]
    return [
        (row["turns"], f"{row['direction']} {name}: {words.noticed(row['check'], row['kind'])}") for row, name in named
    ]


def _skips(rows: list[JsonObject]) -> list[tuple[int, str]]:
    return [(row["messages"], f"{words.not_answered(row['reason'])} ({row['reason']})") for row in rows]


def _list(paper: Paper, title: str, lines: list[tuple[int, str]]) -> None:
    if not lines:
        return
    paper.line()
    paper.line(title, style="bold")
    width = len(f"{lines[0][0]:,}")
    for count, said in lines[:_MOST]:
        paper.line(f"{count:>{width},}  {inline(said)}", indent=2)
    if len(lines) > _MOST:
        paper.line(f"and {len(lines) - _MOST} more; --json has all", indent=2)


def _number(name: str) -> Callable[[JsonObject], str]:
    return lambda row: f"{row[name] or 0:,}"


def _seconds(name: str) -> Callable[[JsonObject], str]:
    return lambda row: "-" if row[name] is None else f"{row[name] / 1000:.1f}"


def _money(name: str) -> Callable[[JsonObject], str]:
    return lambda row: "-" if row[name] is None else f"{row[name]:.5f}"


def _share(row: JsonObject) -> str:
    share: Any = row["containment"]
    return "-" if share is None else f"{share:.0%}"


COLUMNS: tuple[tuple[str, Callable[[JsonObject], str]], ...] = (
    ("day", lambda row: str(row["day"])),
    ("turns", _number("turns")),
    ("answered", _number("answered")),
    ("handed over", _number("handed_off")),
    ("dropped", _number("dropped")),
    ("skipped", _number("skipped")),
    ("conversations", _number("conversations")),
    ("contained", _share),
    ("wait s p50", _seconds("waited_p50_ms")),
    ("p95", _seconds("waited_p95_ms")),
    ("time s p50", _seconds("latency_p50_ms")),
    ("p95", _seconds("latency_p95_ms")),
    ("tokens in", _number("input_tokens")),
    ("out", _number("output_tokens")),
    ("cost $", _money("cost_usd")),
    ("per reply", _money("cost_per_reply_usd")),
)
