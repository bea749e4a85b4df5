"""``metta chaos``: runs the harness once and says what it found; exit code 1 when a promise was broken."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from metta_local.console import CommandError, stdout_kept

if TYPE_CHECKING:
    from metta_local.chaos.options import Options

GUARANTEES = ("idempotency", "reread", "backoff")
LONGEST_MINUTES = 8.0
LEAST_MINUTES, DEPLOYED_MINUTES = 3.0, 7.0
MESSAGES_PER_MINUTE = 200

EXAMPLES = """\
Starts queue, database, Chatwoot, Odoo and model on this machine, puts proxies between them and real worker processes,
plays customers and agents, spoils calls and kills workers, and then checks from the outside that nothing was lost,
doubled, stale, out of order, left without an end or missing from the audit log.

examples:
  metta chaos                                                       60 messages, a tenth of all calls go wrong
  metta chaos --messages 1500 --faults 0.1 --kills 15 --seed 7      a long run, at most 8 minutes
  metta chaos --seed 7 --json | jq .violations_found                the same seed, as one JSON document
  metta chaos --standard                                            a standard queue, which promises no order
  metta chaos --deployed --messages 30 --kills 2                    the real template on the embedded AWS
  metta chaos --without reread                                      prove the harness: this must find violations

exit code: 0 when every promise was kept, 1 when one was broken; a violation shows its conversation's timeline.
"""


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


def _share(text: str) -> float:
    value = _real(text)
    if not 0 <= value <= 0.5:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 0.5; 0.1 spoils a tenth of all calls")
    return value


def _minutes(text: str) -> float:
    value = _real(text)
    if not 1 <= value <= 120:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 120")
    return value


def _real(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return value


def add_arguments(chaos: argparse.ArgumentParser) -> None:
    """The arguments of the subcommand."""
    chaos.epilog = EXAMPLES
    chaos.formatter_class = argparse.RawDescriptionHelpFormatter
    chaos.add_argument("--messages", type=_at_least(1), default=60, metavar="N", help="customer messages (60)")
    chaos.add_argument("--faults", type=_share, default=0.1, metavar="P", help="share of calls that go wrong (0.1)")
    chaos.add_argument("--kills", type=_at_least(0), default=3, metavar="N", help="SIGKILLs of workers (3)")
    chaos.add_argument("--seed", type=_at_least(0), default=1, metavar="N", help="decides what happens (1)")
    chaos.add_argument("--workers", type=_at_least(1), default=4, metavar="N", help="worker processes (4)")
    chaos.add_argument(
        "--minutes", type=_minutes, metavar="M", help="longest time for all of it (by messages; 1500 take up to 8)"
    )
    instead = chaos.add_mutually_exclusive_group()
    instead.add_argument("--standard", action="store_true", help="on a standard queue instead of a FIFO queue")
    instead.add_argument("--deployed", action="store_true", help="the deployed function instead of worker processes")
    instead.add_argument("--without", choices=GUARANTEES, help="workers that lack a guarantee, to prove the harness")
    chaos.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing on stderr")


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
    progress = _silent if chosen.json else _progress()
    try:
        with stdout_kept(directory / "harness.log") as out:
            result = running.run(options_of(chosen), directory, progress)
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


def _silent(_text: str) -> None:
    """Says nothing."""


def _progress() -> Callable[[str], None]:
    """Says how it goes on the stderr of now, which is sent elsewhere later."""
    real = os.dup(sys.stderr.fileno())

    def say(text: str) -> None:
        os.write(real, f"  {text}\n".encode())

    return say
