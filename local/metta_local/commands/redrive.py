"""``metta redrive``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands import values
from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only show what is there and what would be moved")
    parser.add_argument("--yes", action="store_true", help="do not ask (asked is on a terminal only)")
    json_option(parser)
    parser.add_argument("--limit", type=values.identifier, metavar="N", help="move at most N messages")
    parser.add_argument(
        "--conversation",
        type=values.conversation,
        metavar="ID",
        help="only those of this conversation, 84 or 3:84",
    )
    parser.add_argument("--rejected", action="store_true", help="also those that were rejected as malformed")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import redrive_command

    return redrive_command.run(
        dry_run=chosen.dry_run,
        yes=chosen.yes,
        as_json=chosen.json,
        limit=chosen.limit,
        conversation=chosen.conversation,
        rejected=chosen.rejected,
    )


COMMAND = Command(
    name="redrive",
    summary="move dead-lettered messages back to the queue, or only show them",
    description="""
        Moves what is in the dead-letter queue back to the queue, in the order of each conversation. Turn state makes
        sure that nothing that had been done is done again. Bodies are never shown.
        """,
    needs=("AWS_SQS_QUEUE_URL", "AWS_SQS_DLQ_URL"),
    uses=("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"),
    examples=(
        ("metta redrive --dry-run", "what is there, by conversation and reason"),
        ("metta redrive --conversation 84", "only what belongs to conversation 84"),
        ("metta redrive --limit 10 --yes", "ten messages, without a question"),
    ),
    good="moved, or shown",
    bad="the queue did not take all that it should; standard error says why",
    more=("docs/runbook.md",),
    arguments=_arguments,
    run=_run,
)
