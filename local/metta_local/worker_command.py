"""``metta worker``: the worker loop as a process, stopped gracefully by SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta_local.console import CommandError, say_json
from metta_local.health import HealthPort
from metta_local.sqs import queue_url, sqs_client
from metta_local.watching import EVERY_SECONDS

if TYPE_CHECKING:
    from metta_local.inprocess import InProcessWorker

log = logging.getLogger(__name__)


def run(
    *,
    health_port: int | None = None,
    health_host: str = "127.0.0.1",
    watchdog_seconds: float = EVERY_SECONDS,
    as_json: bool = False,
) -> int:
    """Work until SIGTERM or SIGINT; a second signal gives the batch in hand back at once.

    Args:
        health_port: answers health checks on this port; None for none, 0 for a free one.
        health_host: address the health port listens on.
        watchdog_seconds: between two looks for customers left unanswered; 0 for none.
        as_json: the last line on standard output, after the handler's, says how much was done: ``{"stopped": {...}}``.

    Returns:
        0 after a graceful stop, 1 when the loop ended by itself.

    Raises:
        SettingsError: a variable is missing or malformed, or the worker is switched off.
    """
    settings = metta_settings.load()
    if not settings.worker_enabled:
        raise SettingsError("WORKER_ENABLED is false: the worker does not start")
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    queue_url(settings)
    sqs_client(settings)
    from metta_local.inprocess import InProcessWorker  # takes seconds; not for a worker that cannot start

    worker = InProcessWorker(settings, watchdog_seconds=watchdog_seconds)
    asked = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with _health_port(worker, health_port, health_host):
            worker.start()
            while not asked.wait(0.2) and worker.loop.running:
                pass
            log.info("stopping: finishing what is in hand, at most %d s", settings.shutdown_timeout_seconds)
            finished = _finish(worker)
    finally:
        for number, was in before.items():
            signal.signal(number, was)
    if as_json:
        _, done = worker.loop.health.report()
        counts = {name: done[name] for name in ("uptime_seconds", "batches", "messages", "failed_messages")}
        say_json({"stopped": {"finished": finished, **counts}})
    if not finished:
        log.warning("left while the handler was still at work; its messages are back on the queue")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)  # the handler's threads cannot be ended in another way
    if isinstance(worker.loop.error, SettingsError):
        raise worker.loop.error
    log.info("stopped")
    return 1 if worker.loop.error is not None else 0


@contextmanager
def _health_port(worker: InProcessWorker, port: int | None, host: str) -> Iterator[None]:
    if port is None:
        yield
        return
    try:
        serving = HealthPort(worker.loop.health, port, host).start()
    except OSError as error:
        worker.stop()
        raise CommandError(f"--health-port {port}: {error.strerror}; choose another, 0 takes a free one") from None
    log.info("health checks on %s:%d", host, serving.port)
    try:
        yield
    finally:
        serving.stop()


def _finish(worker: InProcessWorker) -> bool:
    try:
        return worker.stop()
    except KeyboardInterrupt:
        return worker.stop(seconds=0)
