"""``metta chaos``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands import values
from metta_local.commands.command import Command, json_option

GUARANTEES = ("idempotency", "reread", "backoff")


def _arguments(parser: argparse.ArgumentParser) -> None:
    number = values.at_least
    parser.add_argument("--messages", type=number(1), default=60, metavar="N", help="customer messages (60)")
    parser.add_argument("--faults", type=values.share, default=0.1, metavar="P", help="share of calls gone wrong (0.1)")
    parser.add_argument("--kills", type=number(0), default=3, metavar="N", help="SIGKILLs of workers (3)")
    parser.add_argument("--seed", type=number(0), default=1, metavar="N", help="decides what happens (1)")
    parser.add_argument("--workers", type=number(1), default=4, metavar="N", help="worker processes (4)")
    parser.add_argument(
        "--minutes",
        type=values.minutes,
        metavar="M",
        help="longest time for all of it (by messages; 1500 take up to 8)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--standard", action="store_true", help="on a standard queue instead of a FIFO queue")
    instead.add_argument("--deployed", action="store_true", help="the deployed function instead of worker processes")
    instead.add_argument("--without", choices=GUARANTEES, help="workers that lack a guarantee, to prove the harness")
    json_option(parser, "one JSON document on standard output")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local.chaos import command

    return command.run(chosen)


COMMAND = Command(
    name="chaos",
    summary="inject faults, kill workers, and check that every promise holds",
    description="""
        Starts queue, database, Chatwoot, Odoo and model on this machine, puts proxies between them and real worker
        processes, plays customers and agents, spoils calls and kills workers, and then checks from the outside that
        nothing was lost, doubled, stale, out of order, left without an end or missing from the audit log.
        """,
    examples=(
        ("metta chaos", "60 messages, a tenth of all calls go wrong"),
        ("metta chaos --messages 1500 --faults 0.1 --kills 15 --seed 7", "a long run, at most 8 minutes"),
        ("metta chaos --seed 7 --json", "the same seed, as one JSON document"),
        ("metta chaos --standard", "a standard queue, which promises no order"),
        ("metta chaos --deployed --messages 30 --kills 2", "the real template on the embedded AWS"),
        ("metta chaos --without reread", "prove the harness: this must find violations"),
    ),
    good="every promise was kept",
    bad="one was broken, and its conversation's timeline is shown; or something did not start",
    more=("docs/chaos.md",),
    arguments=_arguments,
    run=_run,
)
