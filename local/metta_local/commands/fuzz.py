"""``metta fuzz``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands import values
from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=values.seconds, default=60.0, metavar="N", help="how long (60)")
    parser.add_argument(
        "--seed", type=values.whole, metavar="N", help="what everything is drawn from (another one each time)"
    )
    parser.add_argument(
        "--case", type=values.whole, metavar="N", help="only this text of the seed, as a violation names it"
    )
    json_option(parser)


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import fuzz

    return fuzz.run(seconds=chosen.seconds, seed=chosen.seed, case=chosen.case, as_json=chosen.json)


COMMAND = Command(
    name="fuzz",
    summary="judge texts that nobody would send; say what does not hold for one",
    description="""
        Makes texts that nobody would send, asks every guardrail about them, and measures how time grows with their
        length. What does not hold is shown by its shortest text, with the command that makes it again.
        """,
    examples=(
        ("metta fuzz --seconds 10", "a short look"),
        ("metta fuzz --seed 5", "the same texts again, for a minute"),
        ("metta fuzz --seed 5 --case 2", "one text again, as a violation names it"),
    ),
    good="every property held",
    bad="one did not, or something failed",
    more=("docs/guardrails.md",),
    arguments=_arguments,
    run=_run,
)
