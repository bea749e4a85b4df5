"""``metta worker``: the worker loop as a process, stopped gracefully by SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from metta import settings as metta_settings
from metta.errors import SettingsError
from metta.settings import Settings
from metta_local.health import HealthPort
from metta_local.visibility import watch
from metta_local.worker import QueueWorker

log = logging.getLogger(__name__)


def sqs_client(settings: Settings) -> Any:
    """A boto3 SQS client for a long-polling loop.

    Raises:
        SettingsError: no region is known.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    config = Config(
        connect_timeout=5,
        read_timeout=settings.sqs_wait_time_seconds + 10,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    session: Any = boto3.session.Session()
    try:
        return session.client("sqs", endpoint_url=settings.aws_endpoint_url, config=config)
    except NoRegionError:
        raise SettingsError("not set: AWS_REGION") from None


def run(*, health_port: int | None = None, health_host: str = "127.0.0.1") -> int:
    """Work until SIGTERM or SIGINT; a second signal gives the batch in hand back at once.

    Args:
        health_port: answers health checks on this port; None for none, 0 for a free one.
        health_host: address the health port listens on.

    Returns:
        0 after a graceful stop, 1 when the loop ended by itself.

    Raises:
        SettingsError: a variable is missing or malformed, or the worker is switched off.
    """
    settings = metta_settings.load()
    if not settings.worker_enabled:
        raise SettingsError("WORKER_ENABLED is false: the worker does not start")
    queue_url = settings.queue.queue_url
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    sqs = sqs_client(settings)
    from metta import bootstrap  # builds clients, so only once the settings are known to be good

    handler = bootstrap.worker()
    try:
        worker = QueueWorker(sqs, queue_url, handler.handle, settings)
    except ValueError as error:
        raise SettingsError(f"AWS_SQS_QUEUE_URL: {error}") from None
    watch(handler.sqs, worker.left_by_handler)
    asked = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        log.info("%s: finishing the batch in hand", signal.Signals(number).name)
        asked.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    port = HealthPort(worker.health, health_port, health_host).start() if health_port is not None else None
    try:
        worker.start()
        _say_ready(queue_url, port)
        while not asked.wait(0.2) and worker.running:
            pass
        finished = _finish(worker)
    finally:
        if port is not None:
            port.stop()
        for number, was in before.items():
            signal.signal(number, was)
    if not finished:
        log.warning("left while the handler was still at work; its messages are back on the queue")
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)  # the handler's threads cannot be ended in another way
    handler.close()
    if worker.error is not None:
        if isinstance(worker.error, SettingsError):
            raise worker.error
        return 1
    log.info("stopped")
    return 0


def _finish(worker: QueueWorker) -> bool:
    try:
        return worker.finish()
    except KeyboardInterrupt:
        return worker.finish(seconds=0)


def _say_ready(queue_url: str, port: HealthPort | None) -> None:
    health = f", health on port {port.port}" if port else ""
    log.info("polling %s%s", queue_url, health)
