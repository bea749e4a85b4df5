"""The ``metta`` command. Each subcommand imports what it needs only when it runs, so that ``metta guard`` starts fast.

Results go to stdout, trouble to stderr; the exit code is 0 or 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from metta_local import env_file
from metta_local.commands import COMMANDS
from metta_local.commands.command import Formatter, examples
from metta_local.commands.parsing import Parser
from metta_local.console import CommandError, complain, ends_on_signals, missing_streams, speaking

EXAMPLES = (
    ("metta demo", "play sample conversations through the whole system, nothing to set up"),
    ("metta up", "a page on which you are the customer, until Ctrl-C: http://127.0.0.1:8765"),
    ("metta doctor", "is everything reachable, and may it do no more than it should"),
    ("metta audit show 84", "what happened in conversation 84, and why"),
    ("metta --env-file .env worker", "variables from a file; those of the environment win"),
    ("metta help audit show", "what a command needs, and examples of it"),
)
EPILOG = f"""\
examples:
{examples(EXAMPLES)}

Variables are listed in .env.example; a missing or malformed one is named.
Results go to standard output, trouble to standard error. With --json a result is JSON, and trouble is
{{"error": "..."}} on standard error. Colour and progress are shown on a terminal only.

exit code:
  0  all is well; for up and worker, once they run, also: stopped by SIGINT or SIGTERM
  1  anything else, also wrong usage and being stopped; standard error says what

more: README.md, docs/commands.md
"""


class _Version(argparse.Action):
    """Says the version; looked up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from importlib.metadata import version

        print(f"metta {version('metta')}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    root = Parser(
        prog="metta",
        description="A customer-service agent for Chatwoot that runs in your own AWS account.",
        epilog=EPILOG,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    root.add_argument("--no-color", action="store_true", help="no colour on a terminal either, as with NO_COLOR=1")
    root.add_argument(
        "--env-file", dest="variables_from", metavar="FILE", help="read variables from here; the environment's own win"
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        command.add_to(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns the exit code, 0 or 1."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    missing_streams()
    with speaking(as_json="--json" in arguments):
        return _run(parser().parse_args(arguments))


def _run(chosen: argparse.Namespace) -> int:
    try:
        variables = env_file.read(chosen.variables_from) if chosen.variables_from else {}
        if chosen.no_color:
            variables |= {"NO_COLOR": "1"}
        with ends_on_signals(), env_file.applied(variables):
            code: int = chosen.run(chosen)
            sys.stdout.flush()
            return code
    except CommandError as error:
        complain(str(error))
    except KeyboardInterrupt:
        complain("stopped")
    except BrokenPipeError:
        _drop_output()  # the reader has gone; nothing is left to be said
    except OSError as error:
        complain(f"{error.filename or 'a result could not be written'}: {error.strerror or error}")
        _drop_output()
    except Exception as error:
        from metta.errors import MettaError

        if not isinstance(error, MettaError):
            raise
        from metta_local.hints import told

        complain(told(error))
    return 1


def _drop_output() -> None:
    """Whatever still waits to be written must not fail once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    sys.exit(main())
