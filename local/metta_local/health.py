"""What the worker loop is doing, and the port that tells it to health checks."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from metta.messages import JsonObject

START_GRACE_SECONDS = 60.0
"""Time the first poll may take before the worker counts as unhealthy."""
FAILING_SECONDS = 60.0
"""Refused polls for this long make the worker unhealthy; shorter trouble passes by itself."""


@dataclass
class WorkerHealth:
    """The loop's state. Times are ``time.monotonic()`` seconds; written by the loop, read by the port."""

    started_at: float = field(default_factory=time.monotonic)
    last_poll_at: float | None = None
    """Last poll that the queue answered."""
    failing_since: float | None = None
    """Since when polls have been refused."""
    busy_until: float | None = None
    """Deadline of the batch in hand."""
    batches: int = 0
    messages: int = 0
    failed_messages: int = 0
    """Messages that a batch left on the queue."""
    stopping: bool = False
    stopped: bool = False

    def report(self, now: float | None = None) -> tuple[bool, JsonObject]:
        """Whether the worker can be relied upon, and why, as a JSON object."""
        now = time.monotonic() if now is None else now
        status = self._status(now)
        return status in {"ok", "starting"}, {
            "status": status,
            "uptime_seconds": round(now - self.started_at, 1),
            "seconds_since_poll": None if self.last_poll_at is None else round(now - self.last_poll_at, 1),
            "busy": self.busy_until is not None,
            "batches": self.batches,
            "messages": self.messages,
            "failed_messages": self.failed_messages,
        }

    def _status(self, now: float) -> str:
        if self.stopped or self.stopping:
            return "stopped" if self.stopped else "stopping"
        if self.busy_until is not None and now > self.busy_until:
            return "stuck"
        if self.failing_since is not None and now - self.failing_since > FAILING_SECONDS:
            return "queue unreachable"
        if self.last_poll_at is None:
            return "starting" if now - self.started_at < START_GRACE_SECONDS else "queue unreachable"
        return "ok"


class HealthPort:
    """Answers every GET with 200 or 503 and the report as JSON.

    Args:
        health: what is reported.
        port: 0 picks a free one.
        host: loopback unless health checks come from outside, as a container's do.
    """

    def __init__(self, health: WorkerHealth, port: int, host: str = "127.0.0.1") -> None:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                healthy, report = health.report()
                body = json.dumps(report).encode()
                self.send_response(200 if healthy else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Health checks are not worth a log line."""

        self._server = ThreadingHTTPServer((host, port), Answer)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def start(self) -> HealthPort:
        """Start answering."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()
