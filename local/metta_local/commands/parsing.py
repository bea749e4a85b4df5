"""The parser of ``metta``: wrong usage exits with 1 like every other failure, and says what may have been meant."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from metta_local.console import complain, says_json


class Parser(argparse.ArgumentParser):
    """Like ``argparse``'s, but for its exit code and its messages."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with 1."""
        if not says_json():
            self.print_usage(sys.stderr)
        complain(message)
        self.exit(1)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known here, where it is known which command was meant."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._hint(rest)}")
        return found, rest

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        names = [str(choice) for choice in action.choices]
        name = "/".join(action.option_strings) or str(action.metavar or action.dest)
        raise argparse.ArgumentError(
            None,
            f"argument {name}: invalid choice: {value!r}{_meant(str(value), names)}; there are: {', '.join(names)}",
        )

    def _hint(self, rest: Sequence[str]) -> str:
        option = rest[0].partition("=")[0]
        if not option.startswith("-"):
            return ""
        if option in GLOBAL_OPTIONS:
            return f" ({option} goes before the command: metta {option} ...)"
        return _meant(option, self._option_string_actions)


GLOBAL_OPTIONS = ("--env-file", "--no-color", "--version")
"""What stands before the command."""


def _meant(typed: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(typed, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
