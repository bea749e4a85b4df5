"""``metta policy``: its arguments and its help."""

from __future__ import annotations

import argparse

from metta_local.commands.command import Command, json_option


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", metavar="FILE", help="say what is wrong with this file, or that nothing is")
    parser.add_argument("--schema", action="store_true", help="the JSON schema, for editors")
    parser.add_argument("--reference", action="store_true", help="every field with default and meaning, as Markdown")
    json_option(parser, "with --check: what is wrong, as one JSON object")


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import policy_command

    return policy_command.run(check=chosen.check, schema=chosen.schema, reference=chosen.reference, as_json=chosen.json)


COMMAND = Command(
    name="policy",
    summary="check a policy file, or print its JSON schema or all its fields",
    description="""
        The policy file holds what the operator decides: business rules, facts, tone, limits, prices. This checks one
        before METTA_POLICY names it, by line and field.
        """,
    examples=(
        ("metta policy --check shop.yaml", "what is wrong with a file, or its version"),
        ("metta policy --check shop.yaml --json", "the same for programs"),
        ("metta policy --schema", "for editors that check YAML while it is written"),
        ("metta policy --reference", "every field with its default and meaning"),
    ),
    good="the file is fine, or what was asked for is printed",
    bad="the file has mistakes or cannot be read",
    more=("docs/policy.md",),
    arguments=_arguments,
    run=_run,
)
