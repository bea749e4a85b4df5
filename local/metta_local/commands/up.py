"""``metta up``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option
from metta_local.commands.values import port

ODOO_VERSIONS = ("15.0", "16.0", "17.0", "18.0", "19.0")


def _arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser, "the variables as one JSON object")
    parser.add_argument("--deployed", action="store_true", help="sam build and sam deploy the real template onto it")
    parser.add_argument("--port", type=port, default=8765, metavar="N", help="of the page; 0 takes any free one (8765)")
    parser.add_argument("--open", dest="open_page", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--env-file", dest="export_to", metavar="FILE", help="also write the variables here; removed at the end"
    )
    parser.add_argument("--log", metavar="FILE", help="append the logs to this file (removed at the end otherwise)")
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
        port=chosen.port,
        env_file=chosen.export_to,
        open_page=chosen.open_page,
        log=chosen.log,
    )


COMMAND = Command(
    name="up",
    summary="run the embedded stack and the playground page until stopped",
    description="""
        Starts queue, database, Chatwoot, Odoo, model and worker on this machine and runs until Ctrl-C or SIGTERM.
        Standard output has the address of the playground page, on which one writes as a customer and watches each turn,
        and the variables that point other commands at the stack. Logs go to standard error; where that is a terminal,
        into a file instead, which is named and, unless --log or --directory keeps it, removed at the end.

        What is set takes the place of what is emulated: a key of a real model, a real Odoo, a real Chatwoot, a real
        database, and a real queue together with the Chatwoot it belongs to.
        """,
    uses=(
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ODOO_URL",
        "CHATWOOT_BASE_URL",
        "DATABASE_URL",
        "AWS_SQS_QUEUE_URL",
        "METTA_POLICY",
    ),
    examples=(
        ("metta up", "everything, until Ctrl-C; the page is at http://127.0.0.1:8765"),
        ("metta up --port 0 --env-file .metta/up.env", "another one beside it; `metta --env-file` reads that file"),
        ("metta up --directory .metta/shop", "data and logs are kept, for the next time"),
        ("metta up --deployed", "the function as `sam deploy` deploys it, behind its real queue mapping"),
        ("metta up --odoo-version 19.0", "an Odoo that speaks JSON-2"),
    ),
    good="stopped by SIGINT or SIGTERM; nothing is left running",
    bad="something did not start, such as a port in use, or was stopped before it had; standard error says what",
    more=("docs/quickstart.md", "docs/playground.md"),
    arguments=_arguments,
    run=_run,
)
