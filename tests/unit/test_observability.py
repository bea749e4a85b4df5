"""Logs, metrics and traces: right keys on right lines, EMF as CloudWatch reads it, spans on the right trace."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from metta.messages import AgentWork, Contact, ConversationKey, ModelCall, Outcome, ToolCall, Turn
from metta.observability import Meter, Metric, log_keys, set_up_logging, with_log_keys
from metta.queue.measuring import measure
from metta.settings import load

NOW = datetime(2026, 6, 17, 10, tzinfo=UTC)


def test_keys_of_one_conversation_are_never_on_the_line_of_another() -> None:
    stream = io.StringIO()
    set_up_logging(load({"POWERTOOLS_SERVICE_NAME": "desk"}), stream)
    log = logging.getLogger("metta.queue.test")

    def work(n: int) -> None:
        with log_keys(conversation=n):
            for _ in range(20):
                log.info("line %d", n)
        log.info("after %d", n)

    with log_keys(request="r"), ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: with_log_keys(work, n)(), range(8)))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 8 * 21
    assert {line["service"] for line in lines} == {"desk"}
    for line in lines:
        kind, n = line["message"].split()
        assert line.get("conversation") == (int(n) if kind == "line" else None)


def test_the_log_level_is_obeyed_and_noisy_libraries_are_quiet() -> None:
    stream = io.StringIO()
    set_up_logging(load({"LOG_LEVEL": "WARNING"}), stream)
    logging.getLogger("metta.turn").info("not shown")
    logging.getLogger("metta.turn").warning("shown")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["shown"]
    assert logging.getLogger("odoorpc").getEffectiveLevel() >= logging.WARNING


def test_a_turns_metrics_leave_as_one_emf_line(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(load({"POWERTOOLS_METRICS_NAMESPACE": "Desk"}))
    work = AgentWork(
        tool_calls=[ToolCall(name="getOrder", ok=False, started_at=NOW, duration_ms=3)],
        model_calls=[
            ModelCall(model="m", input_tokens=7, output_tokens=2, cost_usd=0.002, started_at=NOW, duration_ms=900)
        ],
    )
    turn = Turn(
        id="t-1",
        key=ConversationKey(account_id=3, conversation_id=84),
        inbox_id=11,
        contact=Contact(id=1, email="lena@example.org"),
        work=work,
        outcome=Outcome.HANDED_OFF,
        started_at=NOW,
        finished_at=NOW.replace(second=2),
    )
    measure(meter, turn)
    meter.flush()
    meter.flush()
    (line,) = capsys.readouterr().out.splitlines()
    emitted = json.loads(line)
    assert emitted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Desk"
    named = {metric["Name"] for metric in emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert named <= {str(metric) for metric in Metric}
    assert (emitted["TurnsHandedOff"], emitted["ToolFailures"], emitted["CostMicroUsd"]) == ([1.0], [1.0], [2000.0])
    assert emitted["TurnLatency"] == [2000.0]
    assert "lena" not in line


SPANS = """
    import json, os, socket
    from concurrent.futures import ThreadPoolExecutor
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))
    daemon.settimeout(1)
    root = "Root=1-5759e988-bd862e3fe1be46a99427279%d;Parent=557abcec3ee5a047;Sampled=1"
    os.environ |= {
        "AWS_LAMBDA_FUNCTION_NAME": "worker",
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:%d" % daemon.getsockname()[1],
        "_X_AMZN_TRACE_ID": root % 0,
    }
    from metta.bootstrap.common import tracing
    from metta.settings import load
    traced = tracing(load({}))
    def work(n):
        with traced.span("conversation", conversation="3:%d" % n):
            pass
    threads = ThreadPoolExecutor(3)
    for invocation in range(2):
        os.environ["_X_AMZN_TRACE_ID"] = root % invocation
        with traced.span("batch"):
            list(threads.map(work, range(3)))
    for _ in range(8):
        span = json.loads(daemon.recv(65535).decode().split("\\n", 1)[1])
        print(span["trace_id"][-1], span["name"], (span.get("annotations") or {}).get("conversation", ""))
"""


def test_spans_of_pool_threads_belong_to_the_invocation_they_were_made_in() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "POWERTOOLS_TRACE_DISABLED"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SPANS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    expected = [f"{n} conversation 3:{k}" for n in range(2) for k in range(3)] + ["0 batch ", "1 batch "]
    assert sorted(done.stdout.splitlines()) == sorted(expected)
