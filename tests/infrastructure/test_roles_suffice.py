"""What the functions really call of AWS, seen at boto3's door, is what their roles allow: no less, and no more."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from functional.persistence.samples import full_turn
from infrastructure.evaluate import Deployed, deployed
from infrastructure.test_roles import statements
from metta import settings
from metta.bootstrap.console import build_console
from metta.bootstrap.watchdog import build_watchdog
from metta.bootstrap.webhook import build_webhook
from metta.bootstrap.worker import build_worker
from metta.integrations.chatwoot.signature import sign
from metta.messages import ConversationKey
from metta.queue.state import TurnStates
from metta_local import aws
from metta_local.chatwoot import ChatwootEmulator
from metta_local.lambda_context import LocalContext
from metta_local.model import ModelEmulator, Say
from metta_local.serving import LoopbackServer
from tests_support import payload, record

POLLED = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""What Lambda does itself in the worker's name."""
LAMBDAS_OWN = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""What the runtime and the tracing daemon do in any function's name."""
SECRET = "webhook-secret"
QUESTION = "Hi, what are your hours?"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The IAM actions of all calls from now on."""
    made: set[str] = set()
    real = BaseClient._make_api_call

    def noted(client: Any, operation: str, parameters: Any) -> Any:
        made.add(f"{client.meta.service_model.signing_name}:{operation.removesuffix('Batch')}")
        return real(client, operation, parameters)

    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", noted)
        yield made


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Variables as the template gives them, with a secret and a table that are there."""
    told = deployed()["WorkerFunction"]["Environment"]["Variables"]
    secret = boto3.client("secretsmanager").create_secret(
        Name="metta",
        SecretString=json.dumps(
            {
                "OPENAI_API_KEY": "sk-emulated-0000",
                "CHATWOOT_API_KEY": "metta-bot-token",
                "CHATWOOT_WEBHOOK_SECRET": SECRET,
                "ODOO_API_KEY": "key",
                "DATABASE_URL": "postgresql://worker@127.0.0.1:1/metta",
            }
        ),
    )
    sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
    dynamodb.create_table(TableName="state", **aws.table_attributes())
    queues = {
        name: sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        for name in ("inbox", "dead")
    }
    return {
        **told,
        "METTA_SECRET_ARN": secret["ARN"],
        "IDEMPOTENCY_TABLE": "state",
        "AWS_SQS_QUEUE_URL": queues["inbox"],
        "AWS_SQS_DLQ_URL": queues["dead"],
        "BURST_QUIET_SECONDS": "0",
        "ODOO_URL": "http://127.0.0.1:1",
    }


def request(method: str, path: str, body: str = "", **headers: str) -> dict[str, Any]:
    """A request as a Function URL sends it, signed by an identity of the account."""
    http = {"http": {"method": method, "path": path}, "stage": "$default"}
    identity = {"authorizer": {"iam": {"userArn": "arn:aws:iam::123456789012:user/operator"}}}
    headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"content-type": "application/json"}
    return {"version": "2.0", "rawPath": path, "headers": headers, "body": body, "requestContext": http | identity}


def allowed(stack: Deployed, role: str) -> set[str]:
    return {action for actions, _ in statements(stack, role).values() for action in actions}


def test_the_worker_s_role_allows_what_the_worker_calls(calls: set[str], given: dict[str, str]) -> None:
    chatwoot, model = ChatwootEmulator(), ModelEmulator()
    message = chatwoot.customer_writes(901, QUESTION)
    model.script([Say("Monday to Friday, 9:00 to 17:00 CET.")])
    calls.clear()
    with LoopbackServer(chatwoot.app) as desk, LoopbackServer(model.app) as mind:
        variables = settings.load({**given, "CHATWOOT_BASE_URL": desk.url, "OPENAI_BASE_URL": f"{mind.url}/v1"})
        worker = build_worker(variables, emit_metrics=False, log_stream=io.StringIO())
        try:
            body = payload("01_incoming_text_webwidget.json", content=QUESTION, id=message["id"])
            worker.handle({"Records": [record(body, n=1), record("no JSON", n=2)]}, LocalContext())
        finally:
            worker.close()

    assert calls >= {"sqs:SendMessage", "sqs:ChangeMessageVisibility"}, "a dead letter, and an audit that is down"
    assert allowed(deployed(), "WorkerRole") - calls == POLLED | LAMBDAS_OWN
    assert calls <= allowed(deployed(), "WorkerRole")


def test_the_watchdog_s_role_allows_what_the_watchdog_calls(calls: set[str], given: dict[str, str]) -> None:
    long_ago = time.time() - 3600
    states = TurnStates(boto3.client("dynamodb"), "state", now=lambda: long_ago)
    state = states.acquire(ConversationKey(account_id=3, conversation_id=84), waiting=True)
    state.outbox.append(full_turn(state.key))  # whose audit row, and so the head of its chain, is left to write
    states.release(state)
    calls.clear()
    with LoopbackServer(ChatwootEmulator().app) as desk:
        variables = settings.load({**given, "CHATWOOT_BASE_URL": desk.url})
        watchdog = build_watchdog(variables, emit_metrics=False, log_stream=io.StringIO())
        try:
            assert watchdog.handle({}, LocalContext())["found"] == 1
        finally:
            watchdog.close()

    assert allowed(deployed(), "WatchdogRole") - calls == LAMBDAS_OWN
    assert calls <= allowed(deployed(), "WatchdogRole")


def test_the_receiver_s_role_allows_what_the_receiver_calls(calls: set[str], given: dict[str, str]) -> None:
    calls.clear()
    body = json.dumps(payload("01_incoming_text_webwidget.json"))
    at = str(int(time.time()))
    told = deployed(WebhookEnabled="true")["WebhookFunction"]["Environment"]["Variables"]
    receiver = build_webhook(settings.load({name: given[name] for name in told}), emit_metrics=False)
    signature = sign(SECRET, at, body.encode())

    answer = receiver.handle(
        request("POST", "/", body, x_chatwoot_signature=signature, x_chatwoot_timestamp=at), LocalContext()
    )

    assert answer["statusCode"] == 200
    role = allowed(deployed(WebhookEnabled="true"), "WebhookRole")
    assert role - calls == LAMBDAS_OWN
    assert calls <= role


def test_the_console_s_role_allows_what_the_console_calls(calls: set[str], given: dict[str, str]) -> None:
    model = ModelEmulator()
    model.script([Say("Monday to Friday, 9:00 to 17:00 CET.")])
    calls.clear()
    with LoopbackServer(ChatwootEmulator().app) as desk, LoopbackServer(model.app) as mind:
        variables = settings.load({**given, "CHATWOOT_BASE_URL": desk.url, "OPENAI_BASE_URL": f"{mind.url}/v1"})
        console = build_console(variables, log_stream=io.StringIO())
        try:
            console.handle(request("GET", "/test/chatwoot/health"), LocalContext())
            simulated = json.dumps({"content": QUESTION})
            answer = console.handle(request("POST", "/test/chatwoot/simulate", simulated), LocalContext())
        finally:
            console.close()
            console.pipeline.close()

    assert answer["statusCode"] == 200
    role = allowed(deployed(ConsoleEnabled="even-in-production"), "ConsoleRole")
    assert role - calls == LAMBDAS_OWN
    assert calls <= role
