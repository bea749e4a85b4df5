"""``events/local.env.json`` fits a running ``metta up``, so that ``sam local invoke`` needs nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from metta.bootstrap.worker import build_worker
from metta.settings import load
from metta_local.lambda_context import LocalContext
from metta_local.stack import LocalStack
from metta_local.up import PORTS

EVENTS = Path(__file__).parents[3] / "events"
SERVICE = {
    "AWS_ENDPOINT_URL": "aws",
    "CHATWOOT_BASE_URL": "chatwoot",
    "ODOO_URL": "odoo",
    "OPENAI_BASE_URL": "model",
}


def variables() -> dict[str, str]:
    found: dict[str, str] = json.loads((EVENTS / "local.env.json").read_text())["WorkerFunction"]
    return found


def test_the_services_are_expected_where_metta_up_starts_them() -> None:
    assert {SERVICE[name]: urlsplit(variables()[name]).port for name in SERVICE} == PORTS


def test_an_event_runs_with_these_variables_on_a_running_stack() -> None:
    with LocalStack({}) as stack:
        actual = stack.environment()
        moved = variables() | {name: actual[name] for name in SERVICE}
        with stack.applied(), pytest.MonkeyPatch.context() as patch:  # undone first, or the stack's variables come back
            for name in set(actual) - set(moved):
                if not name.startswith("AWS_"):
                    patch.delenv(name, raising=False)
            settings = load({**os.environ, **moved})
            assert stack.chatwoot is not None
            stack.chatwoot.webhook_url = None
            written = stack.chatwoot.customer_writes(901, "Hi, where is my order S00042?")
            event = json.loads((EVENTS / "01_incoming_text_webwidget.json").read_text())
            body = json.loads(event["Records"][0]["body"])
            assert (written["conversation_id"], written["id"]) == (body["conversation"]["id"], body["id"])
            worker = build_worker(settings, emit_metrics=False)
            assert worker.handle(event, LocalContext()) == {"batchItemFailures": []}
            worker.close()
            assert [m["message_type"] for m in stack.chatwoot.messages(written["conversation_id"])] == [0, 1]
