"""``metta bench``: its arguments and its help."""

from __future__ import annotations

import argparse
from pathlib import Path

from metta_local.commands.command import Command, json_option

NAMES = ("batch", "overhead", "memory", "throughput", "cold", "odoo", "audit", "guardrails")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (all)")
    json_option(parser, "one JSON document on standard output")
    parser.add_argument("--markdown", action="store_true", help="with throughput: the table of docs/measurements.md")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the measured process's log here")
    parser.add_argument("--data", type=Path, metavar="DIR", help="with guardrails: labelled rows (the packaged ones)")
    parser.add_argument("--quick", action="store_true", help="with guardrails: on a sample, within seconds")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local.bench import command

    return command.main(chosen)


COMMAND = Command(
    name="bench",
    summary="what Metta costs beside what it stands on; how good guardrails are",
    description="""
        Measures the worker beside what it stands on and prints ratios, since they hold on any machine: CPU of a turn
        beside a bare agent run, ten conversations in a batch beside one, peak memory, throughput, cold start, tools on
        Odoo, the audit log, and how many attacks and honest messages the guardrails flag.
        """,
    examples=(
        ("metta bench overhead batch", "two of them, within a minute"),
        ("metta bench guardrails --quick", "how many attacks and how many honest messages the guardrails flag"),
        ("metta bench guardrails --json", "all rows, for programs"),
        ("metta bench", "all benchmarks, which takes minutes"),
    ),
    good="every target was met",
    bad="one was missed, or something failed",
    more=("docs/measurements.md", "docs/guardrails.md"),
    words=lambda: {"names": NAMES},
    arguments=_arguments,
    run=_run,
)
