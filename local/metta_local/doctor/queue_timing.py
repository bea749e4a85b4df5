"""How long a received message is hidden, beside how long it may be worked on."""

from __future__ import annotations

from metta.policy import Limits
from metta.settings import Settings
from metta_local.doctor.check import Check, fail, ok, skip, warn
from metta_local.doctor.queue_facts import Queue
from metta_local.doctor.queue_mapping import Attached

TIMES = 6
"""Visibility as a multiple of the function's timeout, as AWS advises: throttled batches are tried again meanwhile."""
LEAST_SECONDS = 10
"""The worker extends visibility each third of it; with less, a single pause of the machine is too long."""
_NAME = "queue.visibility"


def visibility(found: Attached, queue: Queue, settings: Settings, limits: Limits) -> list[Check]:
    """Of the function, where one is attached; else of ``metta worker``, which brings its own visibility."""
    if found.mappings:
        return [_of_function(found, queue)]
    if found.mappings is None:
        return [skip(_NAME, f"the function's timeout is not known: {found.why_not}"), *_of_worker(settings, limits)]
    return _of_worker(settings, limits)


def _of_function(found: Attached, queue: Queue) -> Check:
    timeout = found.function.get("Timeout")
    if not isinstance(timeout, int):
        return skip(_NAME, f"the function's timeout is not known: {found.why_not}")
    visible, wanted = queue.visibility_seconds, TIMES * timeout
    fix = f"set the queue's VisibilityTimeout to {wanted} (six times the timeout), or the function's timeout lower"
    if visible < timeout:
        what = f"messages come back after {visible} s, while the function may work on them for {timeout} s"
        return fail(_NAME, f"{what}: another takes them in hand meanwhile, and they count as received twice", fix)
    if visible < wanted:
        what = f"messages come back after {visible} s, less than six times the function's timeout of {timeout} s"
        return warn(_NAME, f"{what}: a busy function lets receives run out", fix)
    return ok(_NAME, f"{visible} s, at least six times the function's timeout of {timeout} s")


def _of_worker(settings: Settings, limits: Limits) -> list[Check]:
    visible, stop = settings.sqs_visibility_timeout, settings.shutdown_timeout_seconds
    checks = [ok("queue.worker_visibility", f"`metta worker` asks for {visible} s and extends them")]
    if visible < LEAST_SECONDS:
        what = f"SQS_VISIBILITY_TIMEOUT is {visible} s: a short pause, and others take what the worker has in hand"
        checks = [warn("queue.worker_visibility", what, "set it to 30; `metta worker` extends it while it works")]
    call = limits.model_call_seconds
    if stop < call:
        what = f"SHUTDOWN_TIMEOUT_SECONDS is {stop} s, but a call of the model may take {call:g} s: it is broken off"
        return [
            *checks,
            warn("queue.worker_stop", what, f"set it to {call:g} or more, and let the system wait as long"),
        ]
    return [*checks, ok("queue.worker_stop", f"a stop leaves the turns in hand {stop} s")]
