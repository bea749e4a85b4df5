"""``metta audit``: the arguments of its subcommands, and which module runs each."""

from __future__ import annotations

import argparse
import importlib
from datetime import date

_RUNS = {"show": "show", "verify": "verifying", "export": "export", "stats": "stats", "erase": "erase"}
"""Subcommand -> the module of this package whose ``run(arguments)`` does it; imported only then."""

EXAMPLES = """\
examples:
  metta audit show 84                               what happened in conversation 84, and why, turn by turn
  metta audit show 84 --turn 01JD... --json         one turn's rows
  metta audit verify                                is every conversation as Metta wrote it, and none gone
  metta audit export --from 2026-11-01 --to 2026-11-30 --out november --format csv
  metta audit stats --from 2026-11-01 --to 2026-11-30
  metta audit erase --contact 901 --dry-run         what would be forgotten of a person

Days are days in UTC, both ends included. docs/audit.md says more.
"""


def add_arguments(audit: argparse.ArgumentParser) -> None:
    """Add the subcommands to the parser of ``metta audit``."""
    audit.formatter_class = argparse.RawDescriptionHelpFormatter
    audit.epilog = EXAMPLES
    actions = audit.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(audit))
    _show(actions.add_parser("show", help="tell what happened in a conversation and why, turn by turn"))
    _verify(actions.add_parser("verify", help="check that the log is as Metta wrote it; exit code 1 when it is not"))
    _export(actions.add_parser("export", help="all rows of a period as JSON Lines or CSV"))
    _stats(actions.add_parser("stats", help="volume, hand-offs, guardrail hits, latency and cost by day"))
    _erase(actions.add_parser("erase", help="forget a person, a conversation, or what is old; the proof stays"))


def run(chosen: argparse.Namespace) -> int:
    """Run the chosen subcommand; returns its exit code."""
    module = importlib.import_module(f"metta_local.audit.{_RUNS[chosen.action]}")
    code: int = module.run(chosen)
    return code


def day(text: str) -> date:
    """A day of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-11-28") from None


def _show(show: argparse.ArgumentParser) -> None:
    show.add_argument("conversation", metavar="CONVERSATION", help="Chatwoot's number of it, 84 or 3:84")
    _account(show)
    show.add_argument("--turn", metavar="ID", help="only this turn")
    show.add_argument("--without-heads", action="store_true", help="do not ask where the chain ends outside")
    show.add_argument("--json", action="store_true", help="the rows as one JSON object")


def _verify(verify: argparse.ArgumentParser) -> None:
    verify.add_argument("conversation", nargs="?", metavar="CONVERSATION", help="84 or 3:84; all when none is named")
    _account(verify)
    verify.add_argument(
        "--without-heads",
        action="store_true",
        help="do not read where chains end outside the database: cut-off ends and removed conversations stay unseen",
    )
    verify.add_argument("--json", action="store_true", help="as one JSON object")


def _export(export: argparse.ArgumentParser) -> None:
    _period(export)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="(jsonl)")
    export.add_argument("--out", default="-", metavar="DIR", help="directory for the files; - writes to stdout (-)")
    _account(export)
    export.add_argument("--json", action="store_true", help="what was written, as one JSON object (with --out DIR)")


def _stats(stats: argparse.ArgumentParser) -> None:
    _period(stats)
    _account(stats)
    stats.add_argument("--json", action="store_true", help="as one JSON object")


def _erase(erase: argparse.ArgumentParser) -> None:
    what = erase.add_mutually_exclusive_group(required=True)
    what.add_argument("--contact", type=_number, metavar="ID", help="everything of this Chatwoot contact")
    what.add_argument("--conversation", metavar="ID", help="this conversation, 84 or 3:84")
    what.add_argument(
        "--older-than",
        type=_number,
        nargs="?",
        const=0,
        metavar="DAYS",
        help="remove what is older than so many days, rows and all (the policy's audit.keep_days)",
    )
    _account(erase)
    erase.add_argument("--by", metavar="NAME", help="who asks for it, for the log (the user of this system)")
    erase.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    erase.add_argument("--yes", action="store_true", help="do not ask (asked is on a terminal only)")
    erase.add_argument("--json", action="store_true", help="as one JSON object")


def _account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", type=_number, metavar="N", help="Chatwoot account (CHATWOOT_ACCOUNT_ID)")


def _period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=day, required=True, metavar="DAY", help="first day, 2026-11-01")
    parser.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="last day, included")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise argparse.ArgumentTypeError("must be a number from 1 on")
    return int(text)
