"""``metta migrate``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", action="store_true", help="show the schema's version and change nothing")
    json_option(parser)


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import migrate_command

    return migrate_command.run(status_only=chosen.status, as_json=chosen.json)


COMMAND = Command(
    name="migrate",
    summary="bring the database DATABASE_MIGRATE_URL to the newest schema",
    description="""
        Applies what the database lacks, each file in a transaction of its own, and grants the roles their rights.
        Several at the same time wait for each other; a second run changes nothing.
        """,
    needs=("DATABASE_MIGRATE_URL",),
    uses=("DATABASE_URL", "DATABASE_ERASE_URL"),
    examples=(
        ("metta migrate --status", "which schema the database has; DATABASE_URL will do for that"),
        ("metta migrate", "bring it to the newest"),
        ("metta migrate --json", "what was applied, for programs"),
    ),
    good="the database is up to date",
    bad="it is not (with --status), or it could not be brought there",
    more=("docs/deploy.md", "docs/audit.md"),
    arguments=_arguments,
    run=_run,
)
