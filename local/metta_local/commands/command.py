"""What a subcommand is made of, and the help text that follows from it."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 100
"""Columns that texts of help are wrapped to."""
_BESIDE = 52
"""An example up to this long has its meaning beside it."""
FAILED = "anything else; standard error says what"


@dataclass(frozen=True)
class Command:
    """A subcommand, or a group of them."""

    name: str
    summary: str
    """One line, for lists."""
    description: str
    """Paragraphs, divided by empty lines."""
    examples: tuple[tuple[str, str], ...]
    """A command line as it is typed, and what it is for."""
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None
    """Adds the arguments."""
    run: Callable[[argparse.Namespace], int] | None = None
    """Does the work and gives the exit code; None for a group."""
    needs: tuple[str, ...] = ()
    """Variables that have to be set."""
    uses: tuple[str, ...] = ()
    """Variables that count when they are set."""
    good: str = "all is well"
    """What exit code 0 means."""
    bad: str = FAILED
    """What exit code 1 means."""
    more: tuple[str, ...] = ()
    """Documents that say more, from the root of the repository."""
    words: Callable[[], Mapping[str, Iterable[str]]] = dict
    """Gives, by argument, what a shell offers for it where that is checked later than by the parser."""
    parts: tuple[Command, ...] = ()
    """Subcommands of a group."""

    @property
    def paragraphs(self) -> list[str]:
        """The description, each paragraph on one line."""
        return [" ".join(part.split()) for part in self.description.strip().split("\n\n")]

    def add_to(self, commands: argparse._SubParsersAction[Any], depth: int = 0) -> None:
        """Add the command, and those below it, to a parser's subcommands."""
        parser = commands.add_parser(
            self.name,
            help=self.summary,
            description="\n\n".join(textwrap.fill(part, WIDTH) for part in self.paragraphs),
            epilog="\n\n".join(self._sections()),
            formatter_class=Formatter,
            allow_abbrev=False,
        )
        self.arguments(parser)
        parser.set_defaults(run=self.run)
        if self.parts:
            below = parser.add_subparsers(
                dest=f"command_{depth + 1}", metavar="ACTION", required=True, parser_class=type(parser)
            )
            for part in self.parts:
                part.add_to(below, depth + 1)

    def _sections(self) -> Iterator[str]:
        for title, names in (("needs the variables:", self.needs), ("takes into account, where set:", self.uses)):
            if names:
                yield f"{title}\n{textwrap.fill(', '.join(names), WIDTH, initial_indent='  ', subsequent_indent='  ')}"
        yield "examples:\n" + examples(self.examples)
        yield f"exit code:\n  0  {self.good}\n  1  {self.bad}"
        if self.more:
            yield f"more: {', '.join(self.more)}"


class Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal, at most ``WIDTH``; elsewhere always ``WIDTH``."""

    def __init__(self, prog: str, **options: Any) -> None:
        columns = shutil.get_terminal_size((WIDTH, 24)).columns
        super().__init__(prog, **{"max_help_position": 28, "width": min(columns, WIDTH), **options})


def examples(pairs: tuple[tuple[str, str], ...]) -> str:
    """Command lines with their meaning beside or below them."""
    width = max((len(line) for line, _ in pairs if len(line) <= _BESIDE), default=0)
    shown = (
        f"  {line:{width}}   {what}" if len(line) <= _BESIDE else f"  {line}\n  {'':{width}}   {what}"
        for line, what in pairs
    )
    return "\n".join(shown)


def json_option(
    parser: argparse.ArgumentParser, what: str = "the result as one JSON object on standard output"
) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help=what)
