"""``metta doctor``: which checks run, and how their outcome is told."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from metta_local.console import say_json
from metta_local.doctor import odoo_checks, settings_checks, side_by_side, variables, view
from metta_local.doctor.chatwoot_checks import look as look_at_chatwoot
from metta_local.doctor.check import Check, healthy, skip
from metta_local.doctor.database_checks import look as look_at_database
from metta_local.doctor.given import Given, Look
from metta_local.doctor.model_checks import look as look_at_model
from metta_local.doctor.queue_checks import look as look_at_queue
from metta_local.doctor.side_by_side import Tell, Work
from metta_local.doctor.state_checks import look as look_at_state
from metta_local.progress import Progress

AREAS = variables.AREAS
SECONDS = 10.0
"""How long an area may take, unless it says otherwise."""


@dataclass(frozen=True)
class Area:
    """One area's checks.

    Attributes:
        look: looks at what the variables name; not called when they are not in order.
        seconds: after which no more is waited for.
    """

    look: Look
    seconds: Callable[[Given], float] = lambda _given: SECONDS


CHECKS = {
    "queue": Area(look_at_queue),
    "state": Area(look_at_state),
    "chatwoot": Area(look_at_chatwoot),
    "odoo": Area(odoo_checks.look, odoo_checks.most_seconds),
    "model": Area(look_at_model),
    "database": Area(look_at_database),
}
"""What is looked at beyond the variables; the order of the report is that of ``AREAS``."""


def run(*, as_json: bool = False, only: str | None = None) -> int:
    """Check everything, or one area. Nothing is changed anywhere.

    Args:
        as_json: print ``{"ok": bool, "checks": [{"check", "status", "found", "fix"}, ...]}`` in place of a table.
        only: one of ``AREAS``.

    Returns:
        1 when a check failed; warnings leave it at 0.
    """
    if not logging.root.handlers:  # a call that nobody waits for any more may still fail after the report
        logging.root.addHandler(logging.NullHandler())
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # the report says what there is to say
    try:
        checks = _checks([only] if only else list(AREAS))
    finally:
        logging.disable(disabled)
    if as_json:
        shown = {"ok": healthy(checks), "checks": [check.as_json() for check in checks]}
        say_json(shown)
    else:
        view.show(checks, sys.stdout)
    return 0 if healthy(checks) else 1


def _checks(areas: list[str]) -> list[Check]:
    waiting = list(areas)
    with Progress(_looking_at(waiting), len(areas)) as progress:

        def done(area: str) -> None:
            waiting.remove(area)
            progress.at(len(areas) - len(waiting), _looking_at(waiting))

        taken = variables.take(os.environ)
        policy, policy_check = variables.policy_of(taken)
        given = Given(taken, policy)
        return side_by_side.run([_work(area, given, policy_check) for area in areas], done)


def _looking_at(areas: list[str]) -> str:
    return f"looking at {', '.join(areas)}"


def _work(area: str, given: Given, policy_check: Check) -> Work:
    further = CHECKS.get(area)

    async def look(tell: Tell) -> None:
        found = variables.check(given.variables, area)
        for check in found:
            tell(check)
        if area == variables.REST:
            tell(policy_check)
            for check in settings_checks.check(given):
                tell(check)
        elif further is not None and healthy(found):
            await further.look(given, tell)
        elif further is not None:
            tell(skip(f"{area}.connection", "not checked: the variables come first"))

    return Work(area, look, further.seconds(given) if further else SECONDS)
