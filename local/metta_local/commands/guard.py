"""``metta guard``: its arguments and help."""

from __future__ import annotations

import argparse
import sys

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--policy", metavar="FILE", help="judge by this policy file; the packaged one otherwise")
    json_option(parser, "changes nothing: answers are JSON Lines anyway")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import guard

    return guard.run(sys.stdin, sys.stdout, sys.stderr, policy=chosen.policy)


COMMAND = Command(
    name="guard",
    summary="judge JSON Lines of texts on stdin: {id, text, direction: input|output}",
    description="""
        Reads a JSON object per line, {"id": ..., "text": ..., "direction": "input" or "output"}, and answers each with
        a line {"id", "action", "findings", "text"}, in order. "text" is the sanitized text; places count code points. A
        malformed line gets {"id", "error"} and the batch goes on.

        It needs no variable and no network, and judges by the packaged policy or by the one that --policy names.
        """,
    examples=(
        ("""echo '{"id": 1, "text": "hello", "direction": "input"}' | metta guard""", "one text"),
        ("metta guard < texts.jsonl > verdicts.jsonl", "a file"),
    ),
    good="every line was judged",
    bad="a line was malformed; standard error names it",
    more=("docs/guardrails.md",),
    arguments=_arguments,
    run=_run,
)
