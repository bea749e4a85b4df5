"""The ``metta`` command. Each subcommand imports what it needs only when it runs, so that ``metta guard`` starts fast.

Results go to stdout, trouble to stderr; the exit code is 0 or 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from metta_local.commands import COMMANDS
from metta_local.commands.command import Formatter, examples
from metta_local.commands.parsing import Parser
from metta_local.console import CommandError, complain, ends_on_signals, speaking

EXAMPLES = (
    ("metta demo", "play sample conversations through the whole system, nothing to set up"),
    ("metta up", "embedded stack, running until Ctrl-C; prints the variables that point at it"),
    ("metta doctor", "is everything reachable, and may it do no more than it should"),
    ("metta audit show 84", "what happened in conversation 84, and why"),
    ("metta COMMAND --help", "what a command needs, and examples of it"),
)
EPILOG = f"""\
examples:
{examples(EXAMPLES)}

Variables are listed in .env.example; a missing or malformed one is named.
Results go to standard output, trouble to standard error. The exit code is 0 when all is well and 1 for anything else.
"""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    root = Parser(
        prog="metta",
        description="A customer-service agent for Chatwoot that runs in your own AWS account.",
        epilog=EPILOG,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add_to(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code, 0 or 1."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with speaking(as_json="--json" in arguments):
        chosen = parser().parse_args(arguments)
        try:
            with ends_on_signals():
                code: int = chosen.run(chosen)
                return code
        except CommandError as error:
            complain(str(error))
        except KeyboardInterrupt:
            complain("stopped")
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader has gone; nothing is left to be said
        except Exception as error:
            from metta.errors import MettaError

            if not isinstance(error, MettaError):
                raise
            complain(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
