"""The commands in Markdown, made from the commands themselves: the README's table and ``docs/commands.md``."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Iterator

from metta_local.commands import COMMANDS
from metta_local.commands.command import Command
from metta_local.commands.completion import below

PAGE = "docs/commands.md"
_WIDTH = 120
INTRODUCTION = """\
# Commands

`make setup` builds `.venv`; the command is `.venv/bin/metta`. Every command shows with `--help` what stands here.
This page is made from the commands: `make docs` writes it anew.

What all commands have in common:

- **Results** go to standard output, trouble to standard error. Nothing else is written to standard output.
- **Exit codes**: 0 when all is well, 1 for anything else. That includes wrong usage and being stopped by SIGINT or
  SIGTERM, except for `metta up` and `metta worker`, which run until they are stopped: there it is 0.
- **`--json`** gives the result as JSON, one document or JSON Lines. What keeps a command from giving a result is then
  the object `{"error": "..."}` in the last line of standard error, with exit code 1; so is wrong usage. Where a check
  has a bad result, that result is the document, and the exit code is 1 as well.
- **Colour and progress** are for terminals. Progress goes to standard error, and neither `--json` nor a pipe sees any.
  `NO_COLOR=1`, `TERM=dumb` and `metta --no-color ...` switch colour off.
- **Variables** come from the environment. `metta --env-file FILE COMMAND ...` also reads them from a file of lines
  `NAME=VALUE` or `export NAME=VALUE`; what the environment has wins. `.env.example` lists them all.
- **Completion** for bash, zsh and fish is printed by [`metta completion`](#metta-completion).
"""


def table() -> str:
    """A Markdown table of all commands, for the README."""
    lines = ["| command | what it does |", "|---|---|"]
    for command in COMMANDS:
        summary = _cell(command.summary)
        if command.parts:
            summary += f" ({', '.join(f'`{part.name}`' for part in command.parts)})"
        lines.append(f"| [`metta {command.name}`]({PAGE}#metta-{command.name}) | {summary} |")
    return "\n".join(lines)


def page() -> str:
    """All of ``docs/commands.md``."""
    from metta_local.cli import parser

    lines = [INTRODUCTION]
    for command, its in below(parser(), COMMANDS):
        lines += _section(command, its)
    return "\n".join(lines).rstrip() + "\n"


def _section(command: Command, its: argparse.ArgumentParser) -> Iterator[str]:
    yield f"{'##' if its.prog.count(' ') == 1 else '###'} {its.prog}\n"
    yield f"{_sentence(command.summary)}\n"
    yield from (f"{_wrapped(_cell(part))}\n" for part in command.paragraphs)
    arguments = [action for action in its._actions if not isinstance(action, argparse._SubParsersAction)]
    shown = [action for action in arguments if action.dest != "help"]
    yield f"```text\n{' '.join([its.prog, *_usage(command, shown)])}\n```\n"
    if shown:
        yield "| argument | meaning |\n|---|---|"
        yield from (f"| {_argument(action)} | {_cell(action.help or '')} |" for action in shown)
        yield ""
    for title, names in (("Needs", command.needs), ("Takes into account, where set", command.uses)):
        if names:
            yield _wrapped(f"{title}: {', '.join(f'`{name}`' for name in names)}.") + "\n"
    width = max(len(line) for line, _ in command.examples)
    yield "```sh"
    yield from (f"{line:{width}}  # {what}" for line, what in command.examples)
    yield "```\n"
    yield f"Exit code:\n\n- 0: {_cell(command.good)}\n- 1: {_cell(command.bad)}\n"
    links = [f"[{name}]({os.path.relpath(name, os.path.dirname(PAGE))})" for name in command.more if name != PAGE]
    if links:
        yield f"More: {', '.join(links)}.\n"


def _usage(command: Command, arguments: list[argparse.Action]) -> Iterator[str]:
    for action in arguments:
        if not action.option_strings:
            name = str(action.metavar or action.dest)
            yield {"?": f"[{name}]", "*": f"[{name} ...]"}.get(str(action.nargs), name)
    if command.parts:
        yield "ACTION"
    named = [action for action in arguments if action.option_strings]
    yield from (f"{action.option_strings[0]} {action.metavar}" for action in named if action.required)
    if any(not action.required for action in named):
        yield "[options]"


def _argument(action: argparse.Action) -> str:
    choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else None
    value = action.metavar or choices or action.dest.upper()
    if not action.option_strings:
        return f"`{value}`"
    taken = "" if action.nargs == 0 else f" [{value}]" if action.nargs == "?" else f" {value}"
    return f"`{action.option_strings[0]}{taken}`"


def _sentence(text: str) -> str:
    return f"**{_cell(text[0].upper() + text[1:])}.**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
