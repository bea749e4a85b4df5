"""``metta redteam``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    json_option(parser)
    parser.add_argument("--only", metavar="TEXT", help="only cases whose name holds this, such as 'a price'")
    parser.add_argument("--sample", action="store_true", help="only the cases that every test run plays")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local.redteam import command

    return command.main(as_json=chosen.json, only=chosen.only, sample=chosen.sample)


COMMAND = Command(
    name="redteam",
    summary="attack whole turns with a model that obeys; report what came of it",
    description="""
        Plays attacks in what a customer writes and in what a tool gives back, against a model that does whatever it
        reads. Each case runs twice: with the detection switched off, and as shipped. What counts is the effect outside:
        somebody else's data, a forbidden promise, a leak.
        """,
    examples=(
        ("metta redteam --sample", "the cases that every test run plays"),
        ("metta redteam --only 'a price'", "cases of one kind"),
        ("metta redteam --json", "all of them, for programs"),
    ),
    good="no forbidden effect was seen",
    bad="one was seen, or something failed",
    more=("docs/redteam.md",),
    arguments=_arguments,
    run=_run,
)
