"""The Lambda handler and the worker loop wired together, for ``metta worker``, ``metta up`` and ``metta demo``."""

from __future__ import annotations

from types import TracebackType
from typing import IO, Any

from metta.bootstrap.common import aws_client
from metta.bootstrap.worker import Worker, build_worker
from metta.observability import Tracing
from metta.settings import Settings
from metta_local.sqs import queue_url, sqs_client
from metta_local.visibility import watch
from metta_local.watching import WatchdogThread
from metta_local.worker import QueueWorker


class InProcessWorker:
    """The handler and the loop that feeds it; a context manager, or ``start`` and ``stop``.

    Args:
        settings: all variables. AWS credentials and region come from the process's environment.
        log_stream: where the handler's logs go; standard output when None.
        emit_metrics: whether EMF lines go to standard output.
        watchdog_seconds: between two looks of the watchdog; 0 for none.
        traced: records spans; what ``METTA_TRACING`` asks for when None.

    Raises:
        SettingsError: a variable is missing or malformed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log_stream: IO[str] | None = None,
        emit_metrics: bool = True,
        watchdog_seconds: float = 0,
        traced: Tracing | None = None,
    ) -> None:
        own_sqs, url = sqs_client(settings), queue_url(settings)
        self._settings = settings
        self.handler: Worker = build_worker(
            settings,
            client=self._client,
            log_stream=log_stream,
            emit_metrics=emit_metrics,
            visibility_kept=True,
            traced=traced,
        )
        self.loop = QueueWorker(own_sqs, url, self.handler.handle, settings)
        self._watching = WatchdogThread(self.handler.watchdog, watchdog_seconds) if watchdog_seconds else None

    def start(self) -> None:
        """Warm the handler up and start polling."""
        self.handler.warm()
        self.loop.start()
        if self._watching is not None:
            self._watching.start()

    def stop(self, seconds: float | None = None) -> bool:
        """Finish the batch in hand, else return it, and close connections.

        Args:
            seconds: how long the batch may take; the shutdown timeout unless given.

        Returns:
            False when the handler or the watchdog was still at work; its connections are then left alone.
        """
        if self._watching is not None:
            self._watching.ask_to_stop()
        finished = self.loop.finish(seconds)
        if self._watching is not None:
            finished = self._watching.stop() and finished
        if finished:
            self.handler.close()
        return finished

    def __enter__(self) -> InProcessWorker:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop(None if kind is None else 1.0)  # after a failure or Ctrl-C nobody waits for a batch

    def _client(self, service: str) -> Any:
        """The handler's AWS clients; the loop learns which records the handler gives back by itself."""
        made = aws_client(service, endpoint_url=self._settings.aws_endpoint_url)
        if service == "sqs":
            watch(made, lambda receipt_handle: self.loop.left_by_handler(receipt_handle))
        return made
