"""``metta chaos``: runs the harness once and says what it found; exit code 1 when a promise was broken."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from metta_local.console import CommandError, stdout_kept
from metta_local.progress import Progress

if TYPE_CHECKING:
    from metta_local.chaos.options import Options

LONGEST_MINUTES = 8.0
LEAST_MINUTES, DEPLOYED_MINUTES = 3.0, 7.0
MESSAGES_PER_MINUTE = 200


def options_of(chosen: argparse.Namespace) -> Options:
    """The arguments as the harness takes them."""
    from metta_local.chaos.options import Options

    least = DEPLOYED_MINUTES if chosen.deployed else LEAST_MINUTES
    by_messages = min(LONGEST_MINUTES, least + chosen.messages / MESSAGES_PER_MINUTE)
    return Options(
        messages=chosen.messages,
        faults=chosen.faults,
        kills=chosen.kills,
        seed=chosen.seed,
        workers=chosen.workers,
        minutes=chosen.minutes or by_messages,
        standard=chosen.standard,
        deployed=chosen.deployed,
        without=chosen.without,
    )


def run(chosen: argparse.Namespace) -> int:
    """Run once and report.

    Raises:
        CommandError: something did not start, or the harness itself failed.
    """
    from metta_local.chaos import checks, report, running

    directory = Path(tempfile.mkdtemp(prefix="metta-chaos-"))
    try:
        with (
            Progress("starting the stack", chosen.messages) as progress,
            stdout_kept(directory / "harness.log") as out,
        ):
            result = running.run(options_of(chosen), directory, progress)
            progress.now("checking every promise")
            violations = checks.check(result.observed)
            document = report.document(result, violations)
            if chosen.json:
                out.write(json.dumps(document) + "\n")
            else:
                out.writelines(f"{line}\n" for line in report.lines(result, document))
    except RuntimeError as error:
        raise CommandError(f"{error}\nthe logs are in {directory}") from None
    except KeyboardInterrupt:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if result.failures:
        raise CommandError(f"the harness itself failed: {result.failures[0]!r}; the logs are in {directory}")
    if violations:
        raise CommandError(
            f"{len(violations)} violations with seed {chosen.seed}; the workers' logs are in {directory}"
        )
    shutil.rmtree(directory, ignore_errors=True)
    return 0
