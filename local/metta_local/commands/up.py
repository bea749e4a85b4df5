"""``metta up``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option

ODOO_VERSIONS = ("15.0", "16.0", "17.0", "18.0", "19.0")


def _arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser, "the variables as one JSON object")
    parser.add_argument("--deployed", action="store_true", help="sam build and sam deploy the real template onto it")
    parser.add_argument("--directory", metavar="DIR", help="where data and logs live (a temporary one otherwise)")
    parser.add_argument(
        "--odoo-version",
        choices=ODOO_VERSIONS,
        default="18.0",
        help="release of the embedded Odoo; 19.0 is spoken to by JSON-2 (18.0)",
    )


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import up

    return up.run(
        as_json=chosen.json,
        deployed=chosen.deployed,
        directory=chosen.directory,
        odoo_version=chosen.odoo_version,
    )


COMMAND = Command(
    name="up",
    summary="run the embedded stack until stopped; print the variables that point at it",
    description="""
        Starts queue, database, Chatwoot, Odoo, model and worker on this machine and runs until Ctrl-C or SIGTERM.
        Standard output has the variables that point other commands at it; logs go to standard error.

        What is set takes the place of what is emulated: a key of a real model, a real Odoo, a real Chatwoot, a real
        database.
        """,
    uses=("OPENAI_API_KEY", "OPENAI_BASE_URL", "ODOO_URL", "CHATWOOT_BASE_URL", "DATABASE_URL", "METTA_POLICY"),
    examples=(
        ("metta up", "everything, until Ctrl-C"),
        ("metta up --directory .metta/shop", "data and logs are kept, for the next time"),
        ("metta up --deployed", "the function as `sam deploy` deploys it, behind its real queue mapping"),
        ("metta up --odoo-version 19.0", "an Odoo that speaks JSON-2"),
    ),
    good="stopped by SIGINT or SIGTERM; nothing is left running",
    bad="something did not start, such as a port in use; standard error says what",
    more=("docs/console.md",),
    arguments=_arguments,
    run=_run,
)
