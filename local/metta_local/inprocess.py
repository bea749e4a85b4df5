"""The Lambda handler and the worker loop inside this process, for ``metta up`` and ``metta demo``."""

from __future__ import annotations

from types import TracebackType

from metta.bootstrap import Worker, build_worker
from metta.settings import Settings
from metta_local.visibility import watch
from metta_local.worker import QueueWorker
from metta_local.worker_command import sqs_client


class InProcessWorker:
    """A handler built from settings and the loop that feeds it; a context manager.

    Args:
        settings: variables of a started stack. The process itself must see the same AWS variables
            (``LocalStack.applied``), since AWS clients read their credentials from there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.handler: Worker = build_worker(settings)
        self.loop = QueueWorker(sqs_client(settings), settings.queue.queue_url, self.handler.handle, settings)
        watch(self.handler.sqs, self.loop.left_by_handler)

    def __enter__(self) -> InProcessWorker:
        self.loop.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        seconds = None if kind is None else 1.0  # after a failure or Ctrl-C nobody waits for a batch
        if self.loop.finish(seconds):
            self.handler.close()
