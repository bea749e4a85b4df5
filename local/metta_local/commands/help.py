"""``metta help``: what ``--help`` shows, for those who ask in words."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="COMMAND", help="a command, and a subcommand of it")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local.cli import main

    return main([*chosen.names, "--help"])


def _names() -> dict[str, list[str]]:
    from metta_local.commands import COMMANDS

    return {"names": [each.name for command in COMMANDS for each in (command, *command.parts)]}


COMMAND = Command(
    name="help",
    summary="show what a command does, what it needs, and examples of it",
    description="Shows the help of a command, as --help behind it does.",
    examples=(
        ("metta help", "all commands"),
        ("metta help audit show", "one of them"),
    ),
    good="the help is shown",
    more=("docs/commands.md",),
    arguments=_arguments,
    words=_names,
    run=_run,
)
