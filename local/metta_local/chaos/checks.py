"""Whether a run kept Metta's promises: every invariant as a function over what the run left behind.

A check reads ``Observed`` and nothing else, and yields a ``Violation`` for what may not be. Each says in its docstring
what is forbidden and which neighbour of it is permitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from metta_local.chaos.check_audit import dead_letters, handed_over_once, sealed, written_down
from metta_local.chaos.check_records import backed_off, few_tries, paid_once
from metta_local.chaos.check_replies import ended, in_order, never_overlapping, never_twice, nothing_lost
from metta_local.chaos.check_speaking import after_takeover, one_worker_at_a_time, stale
from metta_local.chaos.observed import Observed
from metta_local.chaos.violation import Violation

Check = Callable[[Observed], Iterable[Violation]]


def nobody_crashed(observed: Observed) -> Iterator[Violation]:
    """Workers end when they are killed or told to, never by themselves."""
    return (Violation("crash", None, crash) for crash in observed.crashes)


CHECKS: tuple[Check, ...] = (
    nothing_lost,
    never_twice,
    after_takeover,
    stale,
    in_order,
    never_overlapping,
    one_worker_at_a_time,
    ended,
    written_down,
    sealed,
    handed_over_once,
    backed_off,
    few_tries,
    paid_once,
    dead_letters,
    nobody_crashed,
)


def check(observed: Observed) -> list[Violation]:
    """Everything that broke a promise, in the order of the checks."""
    return [violation for one in CHECKS for violation in one(observed)]
