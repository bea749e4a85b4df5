"""The scheduled watchdog: nobody waits unanswered because a message was lost, dead-lettered or its worker killed.

It looks for conversations whose business is unfinished for too long, takes each one's lease as a worker would (who
holds it is at work, and is left alone), finishes a turn that was left half way, and hands a customer who still waits
to a person. It calls no model and no tool. What it does is in turn state like any turn: it may be killed anywhere.
"""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from metta.errors import ConversationBusy, MettaError, Retry
from metta.messages import JsonObject
from metta.observability import Meter, Metric, Tracing, log_keys, span, with_log_keys
from metta.queue.conversations import holding
from metta.queue.loop import LoopThread
from metta.queue.rescue import Fate, Rescue, Rescuer
from metta.queue.state import TurnStates
from metta.queue.telling import frames_of, kind_of
from metta.queue.unfinished import Unfinished, UnfinishedIndex

log = logging.getLogger(__name__)

THREADS = 5
"""Conversations at the same time: a handful, since it works beside the workers, on the same Chatwoot."""
MARGIN_SECONDS = 5.0
"""Kept before the invocation's deadline."""
LEAST_SECONDS = 15.0
"""A conversation is not begun with less time than this."""
MOST_SECONDS = 60.0
"""Longest for one conversation."""


@dataclass(frozen=True)
class WatchReport:
    """What one run found and did, in conversations."""

    found: int
    """Unfinished for too long, as the index says."""
    unanswered: int
    """Of those, with a customer waiting."""
    stranded: int
    """Of those, with a turn left half way."""
    oldest_seconds: float
    """How long the longest waiting of either kind has been waiting; 0 when there are none."""
    fates: dict[str, int]
    """How many had which ``Fate``."""


class Watchdog:
    """Finds what was left behind and brings it to an end.

    Args:
        index: what is unfinished.
        states: turn state.
        rescuer: ends one conversation's unfinished business.
        loop: the process's event loop.
        meter, tracing: observability.
        unanswered_minutes: how long a customer may wait.
        now: clock, seconds since the epoch.
    """

    def __init__(
        self,
        index: UnfinishedIndex,
        states: TurnStates,
        rescuer: Rescuer,
        loop: LoopThread,
        meter: Meter,
        tracing: Tracing,
        *,
        unanswered_minutes: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._index = index
        self._states = states
        self._rescuer = rescuer
        self._loop = loop
        self._meter = meter
        self._tracing = tracing
        self._patience = unanswered_minutes * 60
        self._now = now
        self._stopped = False

    def handle(self, event: object, context: Any) -> JsonObject:  # noqa: ARG002 - the schedule's event says nothing
        """One scheduled invocation.

        Args:
            event: whatever the schedule sends.
            context: Lambda's context; its deadline bounds everything.

        Returns:
            The ``WatchReport`` as JSON.
        """
        with (
            log_keys(function_request_id=context.aws_request_id),
            self._tracing.span("watchdog", request=str(context.aws_request_id)),
        ):
            return asdict(self.run(context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS))

    def run(self, seconds: float) -> WatchReport:
        """Look once and rescue what is found, oldest first; what there is no time for is left to the next run.

        Args:
            seconds: time for all of it.

        Raises:
            SettingsError: the table has no index.
            StateDown: DynamoDB cannot be asked.
        """
        until = time.monotonic() + seconds
        cutoff = self._now() - self._patience
        found = self._index.older_than(cutoff)
        threads = concurrent.futures.ThreadPoolExecutor(THREADS, "rescue")
        with threads:  # they take what was submitted first, first
            running = [threads.submit(with_log_keys(self._rescue, one, cutoff, until)) for one in found]
            rescues = [future.result() for future in running]
        return self._report(found, rescues)

    def stop(self) -> None:
        """Begin no further conversation, in this run or later."""
        self._stopped = True

    def _report(self, found: list[Unfinished], rescues: list[Rescue]) -> WatchReport:
        concerned = [one for one, rescue in zip(found, rescues, strict=True) if rescue.unanswered or rescue.stranded]
        oldest = max((self._now() - one.since for one in concerned), default=0.0)
        report = WatchReport(
            found=len(found),
            unanswered=sum(rescue.unanswered for rescue in rescues),
            stranded=sum(rescue.stranded for rescue in rescues),
            oldest_seconds=round(oldest, 1),
            fates=dict(Counter(str(rescue.fate) for rescue in rescues)),
        )
        self._meter.gauge(Metric.CUSTOMERS_UNANSWERED, report.unanswered)
        self._meter.gauge(Metric.TURNS_STRANDED, report.stranded)
        self._meter.seconds(Metric.OLDEST_UNANSWERED, report.oldest_seconds)
        self._meter.flush()
        log.info("watched: %d unfinished too long", report.found, extra=asdict(report))
        return report

    def _rescue(self, one: Unfinished, cutoff: float, until: float) -> Rescue:
        """Rescue one conversation; whatever goes wrong, the others are not concerned."""
        rescue = Rescue()
        with log_keys(conversation=str(one.key)):
            try:
                with span("conversation", conversation=str(one.key)):
                    self._try(one, cutoff, until, rescue)
            except ConversationBusy:
                rescue.fate = Fate.BUSY
            except Retry as error:
                rescue.fate, rescue.why = Fate.LEFT, str(error)
            except Exception as error:  # noqa: BLE001 - see above
                rescue.fate = Fate.FAILED
                rescue.why = str(error) if isinstance(error, MettaError) else type(error).__name__
                log.error("unexpected error", extra=kind_of(error) | {"frames": frames_of(error)})  # noqa: TRY400
            waited = round(self._now() - one.since)
            level = logging.WARNING if rescue.unanswered or rescue.stranded else logging.INFO
            log.log(level, "unfinished for %d s: %s %s", waited, rescue.fate, rescue.why, extra=rescue.fields())
        return rescue

    def _try(self, one: Unfinished, cutoff: float, until: float, rescue: Rescue) -> None:
        seconds = min(until - time.monotonic(), MOST_SECONDS)
        if seconds < LEAST_SECONDS or self._stopped:
            rescue.fate, rescue.why = Fate.LEFT, "no time left"
            return
        with self._states.held(one.key) as state:
            if state.since is None or state.since >= cutoff:
                rescue.fate = Fate.FINISHED_MEANWHILE
                state.tries -= 1
                return
            work = self._rescuer.rescue(state, cutoff, rescue, seconds=seconds)
            self._loop.run(holding(self._states, state, work), seconds=seconds)
