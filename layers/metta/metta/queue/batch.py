"""The Lambda handler's inside: one SQS batch in, a partial batch response out; conversations side by side."""

from __future__ import annotations

import concurrent.futures
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from metta.errors import MettaError, NotStarted, NotYet, Reject, Retry, StateDown
from metta.messages import JsonObject, Turn
from metta.observability import Meter, Metric, Tracing, log_keys, with_log_keys
from metta.queue.conversations import LEAST_SECONDS, Conversations, has_answer
from metta.queue.guard import Guard
from metta.queue.records import Group, Record, group_records, read_record
from metta.queue.returning import Returning, delay_seconds
from metta.queue.telling import chatwoot_ids, frames_of, in_the_queue, kind_of, receiver_traces
from metta.receiving.keyring import Keyring
from metta.settings import ChatwootSettings, Settings

log = logging.getLogger(__name__)

THREADS = 10
"""Conversations at the same time; a FIFO batch has at most ten records."""
MARGIN_SECONDS = 5.0
"""Kept before the invocation's deadline, for giving records back."""
DELETING_SECONDS = 10.0
"""From the handler's end until its records are deleted from the queue, generously."""

Results = dict[int, JsonObject | Exception]
"""By the record's place in the batch: what became of it, or why it must come back."""


class ConversationProcessor(BatchProcessor):
    """Powertools' batch processor, but over conversations instead of single records.

    Args:
        settle: takes all records of the batch and says for each what became of it.
    """

    def __init__(self, settle: Callable[[Sequence[JsonObject]], Results]) -> None:
        super().__init__(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        self._settle = settle

    def process(self) -> list[Any]:
        """Settle the batch; failures end up in ``batchItemFailures``."""
        results = self._settle(self.records)
        entries: list[Any] = []
        for place, raw in enumerate(self.records):
            record = self._to_batch_type(raw, event_type=self.event_type)
            result = results.get(place, NotStarted("no result"))
            if isinstance(result, Exception):
                entries.append(self.failure_handler(record, (type(result), result, result.__traceback__)))
            else:
                entries.append(self.success_handler(record, result))
        return entries


class Batches:
    """Settles batches; one per process.

    Args:
        settings, chatwoot: what is answered and how.
        conversations: settles one conversation's records.
        guard: idempotency around each message.
        returning: gives records back or rejects them.
        meter, tracing: observability.
        visibility_kept: whether the caller extends the visibility of records while they are worked on.
        keyring: checks signatures that came with records; with the settings' secrets alone unless given.
    """

    def __init__(
        self,
        settings: Settings,
        chatwoot: ChatwootSettings,
        conversations: Conversations,
        guard: Guard,
        returning: Returning,
        meter: Meter,
        tracing: Tracing,
        *,
        visibility_kept: bool = False,
        keyring: Keyring | None = None,
    ) -> None:
        self._settings = settings
        self._keyring = keyring or Keyring(settings.webhook_secrets)
        self._chatwoot = chatwoot
        self._conversations = conversations
        self._guard = guard
        self._returning = returning
        self._meter = meter
        self._tracing = tracing
        self._visibility_kept = visibility_kept
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None

    def handle(self, event: Mapping[str, Any], context: Any) -> JsonObject:
        """Process one invocation.

        Args:
            event: ``{"Records": [...]}`` as Lambda's SQS event source sends it.
            context: Lambda's context; its deadline bounds everything.

        Returns:
            ``{"batchItemFailures": [{"itemIdentifier": message id}, ...]}``.
        """
        deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
        processor = ConversationProcessor(lambda records: self._settle(records, deadline))
        request = str(context.aws_request_id)
        records = len(event.get("Records", ()))
        with log_keys(function_request_id=request), self._tracing.span("batch", request=request, records=records):
            answer = process_partial_response(
                event=dict(event), record_handler=lambda record: record, processor=processor, context=context
            )
        self._meter.flush()
        return dict(answer)

    def close(self) -> None:
        """End the group threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None

    def _settle(self, raws: Sequence[JsonObject], deadline: float) -> Results:
        if self._threads is None:
            self._threads = concurrent.futures.ThreadPoolExecutor(THREADS, "conversation")
        records = [read_record(raw, self._keyring, self._chatwoot) for raw in raws]
        self._meter.count(Metric.RECORDS, len(records))
        self._come_back_soon_if_killed(records, deadline)
        groups, rest = group_records(records)
        running = [self._threads.submit(with_log_keys(self._settle_group, group, deadline)) for group in groups]
        settled: dict[int, JsonObject | Exception] = {id(record): self._settle_single(record) for record in rest}
        for future in running:
            settled |= future.result()
        return {place: settled[id(record)] for place, record in enumerate(records)}

    def _come_back_soon_if_killed(self, records: Sequence[Record], deadline: float) -> None:
        """Six times the function's timeout is the queue's visibility; nobody shall wait that long after a crash."""
        seconds = math.ceil(deadline - time.monotonic() + MARGIN_SECONDS + DELETING_SECONDS)
        if not self._visibility_kept and seconds < self._settings.sqs_visibility_timeout:
            self._returning.give_back(records, seconds)

    def _settle_single(self, record: Record) -> JsonObject | Exception:
        """A record without a conversation: malformed, or about something that is never answered."""
        with log_keys(message_id=record.message_id):
            if record.error is not None:
                return self._reject(record, record.error)
            reason = record.decision.skip if record.decision else None
            log.info("skipped: %s", reason, extra={"reason": reason})
            self._meter.count(Metric.RECORDS_SKIPPED, reason=reason)
            return {"skipped": reason}

    def _reject(self, record: Record, error: Reject) -> JsonObject | Exception:
        self._meter.count(Metric.RECORDS_REJECTED)
        if self._returning.reject(record, str(error)):
            log.error("rejected, moved to the dead-letter queue: %s", error)
            return {"rejected": str(error)}
        log.error("rejected, takes the long way to the dead-letter queue: %s", error)
        return error

    def _settle_group(self, group: Group, deadline: float) -> dict[int, JsonObject | Exception]:
        ids = [record.message_id for record in group.records]
        with log_keys(conversation=str(group.key), message_ids=ids, chatwoot_message_ids=chatwoot_ids(group)):
            settled, error = self._try_group(group, deadline)
            if error is not None:
                back = [record for record in group.records if isinstance(settled[id(record)], Exception)]
                receives = max(record.receive_count for record in back)
                seconds = (
                    delay_seconds(error, receives) if isinstance(error, Retry) else delay_seconds(Retry(""), receives)
                )
                level = logging.INFO if isinstance(error, NotYet) else logging.WARNING
                why = error if isinstance(error, MettaError) else "unexpected error"
                log.log(level, "%d records come back in %d s: %s", len(back), seconds, why, extra=kind_of(error))
                with self._tracing.span("give_back", conversation=str(group.key), seconds=seconds):
                    self._returning.give_back(back, seconds)
                self._meter.count(Metric.RECORDS_RETRIED, len(back), cause=type(error).__name__)
                if isinstance(error, StateDown):  # the others' circuits tell of their failures
                    self._meter.count(Metric.DEPENDENCY_FAILURES, dependency=error.dependency)
            return settled

    def _try_group(self, group: Group, deadline: float) -> tuple[dict[int, JsonObject | Exception], Exception | None]:
        """Settle the group; on an error its records fail alike, so that SQS hands them out together and in order."""
        settled: dict[int, JsonObject | Exception] = {}
        error: Exception | None = None
        for record in group.records:
            if not has_answer(record):
                try:
                    settled[id(record)] = self._skip(record)
                except MettaError as problem:
                    settled[id(record)] = error = problem
        try:
            seconds = deadline - time.monotonic()
            if seconds < LEAST_SECONDS:
                raise NotStarted("too little time left", after_seconds=1)
            if self._returning.can_wait:
                self._conversations.wait_for_burst(group)
            with self._tracing.span("conversation", links=receiver_traces(group), **in_the_queue(group)):
                settled |= self._settle_messages(group, seconds)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the records come back and no other group notices
            if not isinstance(problem, MettaError):
                # not log.exception: a traceback ends with the error's text
                log.error("unexpected error", extra=kind_of(problem) | {"frames": frames_of(problem)})  # noqa: TRY400
            return {id(record): problem for record in group.records}, problem
        return settled, error

    def _skip(self, record: Record) -> JsonObject:
        with log_keys(message_id=record.message_id):
            self._conversations.skip(record)
        self._meter.count(Metric.RECORDS_SKIPPED, reason=record.decision.skip if record.decision else None)
        return {"skipped": record.decision.skip if record.decision else None}

    def _settle_messages(self, group: Group, seconds: float) -> dict[int, JsonObject | Exception]:
        """Guard each message; whichever comes first settles the whole group."""
        turns: list[Turn] | None = None

        def settle_group() -> list[Turn]:
            nonlocal turns
            if turns is None:
                turns = self._conversations.settle(group, seconds=seconds, can_wait=self._returning.can_wait)
            return turns

        settled: dict[int, JsonObject | Exception] = {}
        messages = [record for record in group.records if has_answer(record)]
        for record in messages:
            answer = record.decision.answer if record.decision else None
            assert answer is not None  # noqa: S101 - has_answer said so
            message_id = answer.message_id
            settled[id(record)] = self._guard.once(
                group.key, message_id, partial(self._result, message_id, settle_group)
            )
        if any(r.decision and r.decision.change for r in group.records):
            settle_group()
        return settled

    @staticmethod
    def _result(message_id: int, settle_group: Callable[[], list[Turn]]) -> JsonObject:
        return result_for(message_id, settle_group())


def result_for(message_id: int, turns: Sequence[Turn]) -> JsonObject:
    """What became of a message: ids and words only, since it is kept in the idempotency table."""
    for turn in turns:
        if message_id in turn.covered:
            return {"outcome": str(turn.outcome), "turn": turn.id, "reason": turn.reason}
    return {"outcome": "covered"}
