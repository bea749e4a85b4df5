"""The playground put together: a stack, a worker in a process of its own, and a page that shows and steers both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from metta.messages import JsonObject
from metta.policy import load_policy
from metta.queue.state import BUSY_SECONDS, LEASE_SECONDS
from metta_local.audit.opening import reader_of
from metta_local.playground.auditing import AuditReader
from metta_local.playground.board import Board
from metta_local.playground.channels import channels
from metta_local.playground.chat import Chat
from metta_local.playground.database_cut import DatabaseCut
from metta_local.playground.faults import Faults
from metta_local.playground.greeting import greeting
from metta_local.playground.keeping import WorkerKeeper
from metta_local.playground.logs import STANDARD_ERROR
from metta_local.playground.meeting import NO_WORKER, Meeting
from metta_local.playground.queue_depth import QueueDepth
from metta_local.playground.server import PlaygroundServer
from metta_local.playground.span_words import comes_back
from metta_local.playground.turn_view import skip_view
from metta_local.playground.turns import Turns
from metta_local.playground.worker_state import WorkerState
from metta_local.sqs import sqs_client
from metta_local.stack import LocalStack

log = logging.getLogger(__name__)

VISIBILITY_SECONDS = 10
"""Of what the worker has in hand, so that it comes back soon after a kill; the lease holds longer as it always does."""


class Playground:
    """Everything behind the page; a context manager, or ``start`` and ``stop``.

    The server is to be served before ``start``, so that its port is taken first; the worker's process may be started
    before the stack, since loading it takes a while.

    Args:
        deployed: whether the deployed function does the work.

    Example::

        playground = Playground()
        with LoopbackServer(playground.server.app, 8765), LocalStack() as stack:
            playground.load_worker()
            playground.start(stack)
    """

    def __init__(self, *, deployed: bool = False, log_to: int = STANDARD_ERROR) -> None:
        self.board = Board()
        self.server = PlaygroundServer(self.board)
        self._deployed = deployed
        self._closing = ExitStack()
        self._worker: WorkerKeeper | None = None
        self._turns: Turns | None = None
        self._audit: AuditReader | None = None
        self._chatwoot_is_ours = True
        if not deployed:
            self._worker = WorkerKeeper(
                self._told, lambda state: self.board.put("worker", state), self.board.notice, log_to=log_to
            )
            self._worker.back_within = LEASE_SECONDS + BUSY_SECONDS
        else:
            self.board.put("worker", WorkerState(state="stopped", note=NO_WORKER).shown())

    def load_worker(self) -> None:
        """Start the worker's process; it waits for its variables then."""
        if self._worker is not None:
            self._closing.callback(self._worker.stop)
            self._worker.start()

    def start(self, stack: LocalStack) -> None:
        """Show and steer this stack; returns when the worker polls the queue and the page is served.

        Raises:
            RuntimeError: the worker does not come up.
            SettingsError: a variable is missing or malformed.
        """
        settings = stack.settings()
        policy = load_policy(settings.metta_policy)
        environment = stack.environment()
        environment.setdefault("SQS_VISIBILITY_TIMEOUT", str(VISIBILITY_SECONDS))
        cut = None
        if stack.embedded_database_url is not None and self._worker is not None:
            cut = DatabaseCut(stack.embedded_database_url)
            self._closing.callback(cut.stop)
            cut.start()
            environment["DATABASE_URL"] = cut.url
        if self._worker is not None:
            self._worker.work_with(environment)

        chat = None
        self._chatwoot_is_ours = stack.chatwoot is not None
        known = channels(policy)
        if stack.chatwoot is not None:
            chat = Chat(stack.chatwoot, self._show_conversation)
        raw: Callable[[int], list[dict[str, Any]]] = chat.raw if chat is not None else lambda _: []
        self._turns = Turns(self._show_turn, raw, policy.limits.input_chars)
        self._audit = AuditReader(
            settings.database.get_secret_value(),
            settings.chatwoot.account_id,
            lambda: reader_of(settings),
            self._read,
            every=1.0 if stack.aws is not None else 5.0,
        )
        sqs = stack.aws.client("sqs") if stack.aws is not None else sqs_client(settings)
        depth = QueueDepth(
            sqs,
            settings.queue.queue_url,
            settings.aws_sqs_dlq_url,
            lambda found: self.board.put("queue", found),
            every=0.5 if stack.aws is not None else 10.0,
        )
        faults = Faults(stack, cut)
        self._closing.callback(faults.clear)
        self.board.put("faults", faults.shown())
        self.board.put(
            "hello",
            greeting(stack.describe(), known.values(), writable=stack.chatwoot is not None, deployed=self._deployed),
        )
        parts: list[AuditReader | QueueDepth | Chat] = [self._audit, depth]
        for part in [*parts, chat] if chat is not None else parts:
            self._closing.callback(part.stop)
            part.start()
        if self._worker is not None:
            self._worker.wait_ready()
        self.server.open(Meeting(self.board, stack, known, chat, faults, self._worker))

    def stop(self) -> None:
        """End the worker and everything that looks on; pages are told."""
        self._closing.close()
        self.board.close()

    def __enter__(self) -> Playground:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _told(self, event: JsonObject) -> None:
        turns, audit = self._turns, self._audit
        if turns is None or audit is None:
            return
        turns.told(event)
        if event["event"] == "span_over" and event["name"] == "turn" and event["error"] is not None:
            where = turns.conversation_of(event["turn"])
            self.board.notice("warn", f"Conversation {where}: {comes_back(event['error'])}.")
        if event["event"] == "span_over" and event["name"] == "audit" and event["error"] is None:
            audit.written(turns.conversation_of(event["turn"]))
        elif event["event"] == "batch_over":
            audit.written()

    def _show_turn(self, shown: JsonObject) -> None:
        self.board.put("turn", shown, shown["id"])
        if self._turns is not None and not self._chatwoot_is_ours:
            known = self._turns.known_of(shown["conversation_id"])
            if known is not None:
                self.board.put("conversation", known, str(known["id"]))

    def _show_conversation(self, shown: JsonObject) -> None:
        self.board.put("conversation", shown, str(shown["id"]))
        if self._audit is not None:
            asked = {message["id"] for message in shown["messages"] if message["from"] == "customer"}
            self._audit.expect(shown["id"], asked)

    def _read(self, record: JsonObject) -> None:
        if self._turns is not None:
            self._turns.read(record)
        for row in record["skips"]:
            self.board.put("skip", skip_view(row), f"{row['message_id']}/{row['reason']}")
