"""``metta doctor``: which checks run, and how their outcome is told."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from metta_local.console import say_json
from metta_local.doctor import odoo_checks, variables, view
from metta_local.doctor.check import Check, healthy

AREAS = variables.AREAS


def run(*, as_json: bool = False, only: str | None = None) -> int:
    """Check everything, or one area.

    Args:
        as_json: print ``{"ok": bool, "checks": [{"check", "status", "found", "fix"}, ...]}`` in place of a table.
        only: one of ``AREAS``.

    Returns:
        1 when a check failed; warnings leave it at 0.
    """
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
    given = variables.take(os.environ)
    policy, policy_check = variables.policy_of(given)
    done: list[Check] = []
    for area in areas:
        found = variables.check(given, area)
        done += found
        if area == variables.REST:
            done.append(policy_check)
        if area == "odoo":
            done += (
                asyncio.run(odoo_checks.check(given.settings.odoo, policy))
                if healthy(found)
                else odoo_checks.not_checked()
            )
    return done
