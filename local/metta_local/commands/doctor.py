"""``metta doctor``: its arguments and its help."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from metta_local.commands.command import Command, json_option
from metta_local.console import CommandError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="AREA", help="one of settings, queue, state, chatwoot, odoo, model, database")
    json_option(parser)


def _run(chosen: argparse.Namespace) -> int:
    from metta_local import doctor

    if chosen.only not in (None, *doctor.AREAS):
        raise CommandError(f"there is no area {chosen.only!r}; there are: {', '.join(doctor.AREAS)}")
    return doctor.run(as_json=chosen.json, only=chosen.only)


def _words() -> Mapping[str, Iterable[str]]:
    from metta_local.doctor import AREAS

    return {"only": AREAS}


COMMAND = Command(
    name="doctor",
    summary="check variables, connections and rights; say what to do about each",
    description="""
        Looks at every variable and everything that Metta talks to, and says in one line each what is wrong and what to
        do about it. It changes nothing anywhere and shows no secret.
        """,
    uses=("METTA_SECRET_ARN", "CHATWOOT_ADMIN_API_KEY"),
    examples=(
        ("metta doctor", "everything"),
        ("metta doctor --only odoo", "is Odoo reachable, is the key accepted, and may it do more than it should"),
        ("metta doctor --json", "for programs: each check with its status and its fix"),
    ),
    good="nothing failed; warnings may be there",
    bad="a check failed",
    more=("docs/doctor.md", "docs/odoo.md"),
    words=_words,
    arguments=_arguments,
    run=_run,
)
