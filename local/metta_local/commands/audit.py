"""``metta audit``: the arguments and the help of its subcommands, and which module runs each."""

from __future__ import annotations

import argparse

from metta_local.commands import values
from metta_local.commands.command import Command, json_option

_READS = ("DATABASE_URL",)
_CHECKS = ("AUDIT_KEY", "IDEMPOTENCY_TABLE", "CHATWOOT_ACCOUNT_ID", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
_MORE = ("docs/audit.md",)


def _account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", type=values.identifier, metavar="N", help="Chatwoot account (CHATWOOT_ACCOUNT_ID)")


def _period(parser: argparse.ArgumentParser) -> None:
    for option, name, what in (("--from", "first", "first day, 2026-11-01"), ("--to", "last", "last day, included")):
        parser.add_argument(option, dest=name, type=values.day, required=True, metavar="DAY", help=what)


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", metavar="CONVERSATION", help="Chatwoot's number of it, 84 or 3:84")
    _account(parser)
    parser.add_argument("--turn", metavar="ID", help="only this turn")
    parser.add_argument("--without-heads", action="store_true", help="do not ask where the chain ends outside")
    json_option(parser, "the rows as one JSON object")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("conversation", nargs="?", metavar="CONVERSATION", help="84 or 3:84; all when none is named")
    _account(parser)
    parser.add_argument(
        "--without-heads",
        action="store_true",
        help="do not read where chains end outside the database: cut-off ends and removed conversations stay unseen",
    )
    json_option(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    _period(parser)
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="(jsonl)")
    parser.add_argument("--out", default="-", metavar="DIR", help="directory for the files; - writes to stdout (-)")
    _account(parser)
    json_option(parser, "what was written, as one JSON object (with --out DIR; without it the rows are JSON anyway)")


def _stats(parser: argparse.ArgumentParser) -> None:
    _period(parser)
    _account(parser)
    json_option(parser)


def _erase(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--contact", type=values.identifier, metavar="ID", help="everything of this Chatwoot contact")
    what.add_argument("--conversation", metavar="ID", help="this conversation, 84 or 3:84")
    what.add_argument(
        "--older-than",
        type=values.identifier,
        nargs="?",
        const=0,
        metavar="DAYS",
        help="remove what is older than so many days, rows and all (the policy's audit.keep_days)",
    )
    _account(parser)
    parser.add_argument("--by", metavar="NAME", help="who asks for it, for the log (the user of this system)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    parser.add_argument("--yes", action="store_true", help="do not ask (asked is on a terminal only)")
    json_option(parser)


def _run_show(chosen: argparse.Namespace) -> int:
    from metta_local.audit import show

    return show.run(chosen)


def _run_verify(chosen: argparse.Namespace) -> int:
    from metta_local.audit import verifying

    return verifying.run(chosen)


def _run_export(chosen: argparse.Namespace) -> int:
    from metta_local.audit import export

    return export.run(chosen)


def _run_stats(chosen: argparse.Namespace) -> int:
    from metta_local.audit import stats

    return stats.run(chosen)


def _run_erase(chosen: argparse.Namespace) -> int:
    from metta_local.audit import erase

    return erase.run(chosen)


SHOW = Command(
    name="show",
    summary="tell what happened in a conversation and why, turn by turn",
    description="""
        Tells each turn of a conversation: what the customer wrote, what the guardrails found, which tools and models
        were asked, how it ended and why. Texts of strangers are shown and do nothing on the terminal.
        """,
    needs=_READS,
    uses=_CHECKS,
    examples=(
        ("metta audit show 84", "conversation 84 of CHATWOOT_ACCOUNT_ID"),
        ("metta audit show 3:84", "conversation 84 of account 3"),
        ("metta audit show 84 --turn 01JD8Z4T7Q --json", "one turn's rows"),
    ),
    bad="nothing is known of it, or its chain is not as Metta wrote it",
    more=_MORE,
    arguments=_show,
    run=_run_show,
)
VERIFY = Command(
    name="verify",
    summary="check that the log is as Metta wrote it; exit code 1 when it is not",
    description="""
        Checks the chain of every conversation, or of one: that no entry was changed, that none is gone between others,
        and, by what is kept outside the database, that none was cut off its end and no conversation was removed.
        """,
    needs=("DATABASE_URL", "AUDIT_KEY", "IDEMPOTENCY_TABLE"),
    uses=("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "CHATWOOT_ACCOUNT_ID"),
    examples=(
        ("metta audit verify", "every conversation"),
        ("metta audit verify 84", "one of them"),
        ("metta audit verify --without-heads --json", "where only the database can be read"),
    ),
    good="all is as Metta wrote it",
    bad="it is not, or it could not be checked",
    more=_MORE,
    arguments=_verify,
    run=_run_verify,
)
EXPORT = Command(
    name="export",
    summary="all rows of a period as JSON Lines or CSV",
    description="""
        Writes turns, unanswered messages and erasures of a period. Days are days in UTC, both ends included. Files are
        there only once they are whole, and nothing that is there already is written over.
        """,
    needs=_READS,
    uses=_CHECKS,
    examples=(
        ("metta audit export --from 2026-11-01 --to 2026-11-30", "JSON Lines on standard output"),
        ("metta audit export --from 2026-11-01 --to 2026-11-30 --out november --format csv", "a file per table"),
    ),
    good="all of it was written",
    more=_MORE,
    arguments=_export,
    run=_run_export,
)
STATS = Command(
    name="stats",
    summary="volume, hand-offs, guardrail hits, latency and cost by day",
    description="""
        Counts and measures a period by day and in total, with the most frequent reasons. Days are days in UTC, both
        ends included.
        """,
    needs=_READS,
    uses=("CHATWOOT_ACCOUNT_ID",),
    examples=(
        ("metta audit stats --from 2026-11-01 --to 2026-11-30", "November"),
        ("metta audit stats --from 2026-11-28 --to 2026-11-28 --json", "one day, for programs"),
    ),
    more=_MORE,
    arguments=_stats,
    run=_run_stats,
)
ERASE = Command(
    name="erase",
    summary="forget a person, a conversation, or what is old; the proof stays",
    description="""
        Empties what the audit log and turn state hold of a contact or a conversation, or removes what is old. That the
        rest is as Metta wrote it can still be proved afterwards. On a terminal it asks first.
        """,
    needs=("DATABASE_ERASE_URL", "AUDIT_KEY", "IDEMPOTENCY_TABLE"),
    uses=("DATABASE_MIGRATE_URL", "CHATWOOT_ACCOUNT_ID", "METTA_POLICY", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
    examples=(
        ("metta audit erase --contact 901 --dry-run", "what would be forgotten of a person"),
        ("metta audit erase --conversation 84 --yes", "one conversation, without a question"),
        ("metta audit erase --older-than 365", "with DATABASE_MIGRATE_URL: what is older than a year"),
    ),
    good="nothing that was named is left",
    bad="something is left: a turn was under way, or a chain is not as Metta wrote it",
    more=_MORE,
    arguments=_erase,
    run=_run_erase,
)
COMMAND = Command(
    name="audit",
    summary="read, check, export, measure and erase what the audit log holds",
    description="""
        The audit log in PostgreSQL holds every turn: input, verdicts with reasons, tool calls, models, tokens, cost and
        outcome, sealed in a chain per conversation.
        """,
    examples=(
        ("metta audit show 84", "what happened in conversation 84, and why, turn by turn"),
        ("metta audit verify", "is every conversation as Metta wrote it, and none gone"),
        ("metta audit stats --from 2026-11-01 --to 2026-11-30", "a month by day"),
        ("metta audit erase --contact 901 --dry-run", "what would be forgotten of a person"),
    ),
    more=_MORE,
    parts=(SHOW, VERIFY, EXPORT, STATS, ERASE),
)
