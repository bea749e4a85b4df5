"""What the health port tells a supervisor about the worker."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from metta_local.health import HealthPort, WorkerHealth


def health(**changes: object) -> WorkerHealth:
    """A worker that started at second 0, polled at second 90 and is asked at second 100."""
    return WorkerHealth(**{"started_at": 0.0, "last_poll_at": 90.0, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "status", "healthy"),
    [
        (health(), "ok", True),
        (health(busy_until=130.0), "ok", True),
        (health(busy_until=99.0), "stuck", False),
        (health(failing_since=80.0), "ok", True),
        (health(failing_since=30.0), "queue unreachable", False),
        (health(started_at=95.0, last_poll_at=None), "starting", True),
        (health(started_at=20.0, last_poll_at=None), "queue unreachable", False),
        (health(stopping=True), "stopping", False),
        (health(stopping=True, stopped=True), "stopped", False),
    ],
)
def test_the_report_says_whether_the_worker_can_be_relied_upon(state: WorkerHealth, status: str, healthy: bool) -> None:
    found, report = state.report(now=100.0)
    assert (report["status"], found) == (status, healthy)


def test_health_checks_get_200_or_503_with_the_reason() -> None:
    state = WorkerHealth()
    port = HealthPort(state, 0).start()
    url = f"http://127.0.0.1:{port.port}/"
    try:
        with urllib.request.urlopen(url) as answer:
            assert (answer.status, json.load(answer)["status"]) == (200, "starting")
        state.stopping = True
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        with refused.value as answer:
            assert (answer.status, json.load(answer)["status"]) == (503, "stopping")
    finally:
        port.stop()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
