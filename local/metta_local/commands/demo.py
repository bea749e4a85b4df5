"""``metta demo``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser, "one JSON document on standard output instead")
    parser.add_argument("--log", metavar="FILE", help="keep the log here (removed after a success otherwise)")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import demo

    return demo.run(as_json=chosen.json, log=chosen.log)


COMMAND = Command(
    name="demo",
    summary="play sample conversations through queue and worker, show each turn",
    description="""
        Starts queue, database, Chatwoot, Odoo and model on this machine, plays sample customers, and shows each turn
        with its guardrail verdicts, tool calls, reply and audit rows. Nothing has to be set up. It ends by itself.

        What is set takes the place of what is emulated: a key of a real model, a real Odoo, a real database.
        """,
    uses=("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "ODOO_URL", "DATABASE_URL", "METTA_POLICY"),
    examples=(
        ("metta demo", "about ten seconds, once everything is installed"),
        ("metta demo --json", "the same for programs"),
        ("metta demo --log demo.log", "keep what the worker logged"),
    ),
    good="every conversation ended as it has to",
    more=("README.md",),
    arguments=_arguments,
    run=_run,
)
