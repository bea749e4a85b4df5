"""``metta completion``: what makes a shell complete commands, options, choices and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from metta_local.commands.command import Command

SHELLS = ("bash", "zsh", "fish")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def _run(chosen: argparse.Namespace) -> int:
    from metta_local.console import say

    say(script(chosen.shell))
    return 0


def script(shell: str) -> str:
    """The script for a shell, made of the parser."""
    import shtab

    from metta_local.cli import parser
    from metta_local.commands import COMMANDS

    root = parser()
    parsers: list[tuple[Command | None, argparse.ArgumentParser]] = [(None, root), *below(root, COMMANDS)]
    for command, its in parsers:
        words = command.words() if command is not None else {}
        if command is not None:
            its.description = command.summary  # what zsh and fish show beside a name
        for action in its._actions:
            if action.dest in words:
                action.choices = tuple(words[action.dest])
            if action.metavar in ("FILE", "DIR"):
                action.complete = shtab.FILE if action.metavar == "FILE" else shtab.DIRECTORY  # type: ignore[attr-defined]
    return str(shtab.complete(root, shell=shell))


def below(
    parser: argparse.ArgumentParser, commands: tuple[Command, ...]
) -> Iterator[tuple[Command, argparse.ArgumentParser]]:
    """Every command below a parser with its own parser, groups before what is in them."""
    (choosing,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for command in commands:
        own = choosing.choices[command.name]
        yield command, own
        if command.parts:
            yield from below(own, command.parts)


COMMAND = Command(
    name="completion",
    summary="print a script that makes bash, zsh or fish complete metta's arguments",
    description="""
        Prints a script that completes commands, options, their choices, and files. It is made from the commands as they
        are, so print it again after an upgrade.
        """,
    examples=(
        ('eval "$(metta completion bash)"', "for this bash; in ~/.bashrc for every one"),
        ("metta completion zsh > ~/.zfunc/_metta", "for zsh, where ~/.zfunc is in fpath before compinit runs"),
        ("metta completion fish > ~/.config/fish/completions/metta.fish", "for fish"),
    ),
    good="the script is printed",
    arguments=_arguments,
    run=_run,
)
