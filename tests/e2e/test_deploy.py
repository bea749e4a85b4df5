"""`sam deploy` of the real template onto a local AWS: a customer's message on its queue is answered and audited."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e_world import World
from metta.persistence.sql_files import read_migrations
from metta.settings import SECRET_NAMES
from metta_local import redrive_command
from metta_local.model.scripting import Fail
from metta_local.stack import LocalStack
from tests_support.deployment import Deployment, wait_until

pytestmark = pytest.mark.e2e

GIVEN = {"BURST_QUIET_SECONDS": "0.5", "SQS_MAX_RECEIVE_COUNT": "5"}
SCHEDULED = {"detail-type": "Scheduled Event"}
PARAMETERS = {"WebhookEnabled": "true", "ConsoleEnabled": "true"}


@pytest.fixture(scope="module")
def stack(built: Path) -> Iterator[LocalStack]:
    """The whole stack, with the built template deployed and its event source at work."""
    with LocalStack(GIVEN, deploy=True, parameters=PARAMETERS) as started:
        yield started


@pytest.fixture
def deployment(world: World) -> Deployment:
    return Deployment(world.aws)


def test_a_customer_s_message_is_answered_through_the_deployed_function(world: World, deployment: Deployment) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url

    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = message["conversation_id"]
    wait_until(lambda: world.audited(conversation) and deployment.waiting() == 0)

    replies = world.replies(conversation)
    assert len(replies) == 1, deployment.log_of()[-6000:]
    assert "S00042" in replies[0]
    assert world.audited(conversation) == [("answered", [message["id"]])]
    assert wait_until(lambda: deployment.waiting() == 0), "webhooks about our own reply come a moment later"
    assert world.dead_letters() == []


def test_messages_written_in_one_go_get_one_reply(world: World, deployment: Deployment) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url

    first = world.chatwoot.customer_writes(901, "Hello", new_conversation=True)
    conversation = first["conversation_id"]
    second = world.chatwoot.customer_writes(901, "do you have lamps?", conversation_id=conversation)
    wait_until(lambda: world.audited(conversation) and deployment.waiting() == 0)

    assert world.audited(conversation) == [("answered", [first["id"], second["id"]])], deployment.log_of()[-6000:]
    assert len(world.replies(conversation)) == 1


def test_a_failure_is_tried_again_and_ends_with_one_reply(world: World, deployment: Deployment) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url
    world.model.fault(Fail(503), times=4)

    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = message["conversation_id"]
    wait_until(lambda: world.audited(conversation) and deployment.waiting() == 0)

    assert world.audited(conversation) == [("answered", [message["id"]])], deployment.log_of()[-6000:]
    assert len(world.replies(conversation)) == 1
    (mapping,) = world.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_body_that_is_no_webhook_is_dead_lettered_unchanged(world: World) -> None:
    url = world.stack.environment()["AWS_SQS_QUEUE_URL"]
    world.aws.client("sqs").send_message(
        QueueUrl=url, MessageBody='{"event": "message_cre', MessageGroupId="3:84", MessageDeduplicationId="cut"
    )

    found: list[dict[str, Any]] = []
    wait_until(lambda: found.extend(world.dead_letters()) or found)

    (dead,) = found
    assert dead["Body"] == '{"event": "message_cre'
    assert dead["Attributes"]["MessageGroupId"] == "3:84"
    assert "metta_reason" in dead["MessageAttributes"]


def test_secrets_reach_the_function_through_the_secret_alone(world: World, deployment: Deployment) -> None:
    lambdas = world.aws.client("lambda")
    functions = lambdas.list_functions()["Functions"]
    secrets = {name: world.stack.environment().get(name) for name in SECRET_NAMES}

    assert deployment.functions() == {"worker", "watchdog", "migrate", "webhook", "console"}
    for function in functions:
        variables = function["Environment"]["Variables"]
        shown = json.dumps(variables) + deployment.log_of(function["FunctionName"].rpartition("-")[2])
        assert [name for name, value in secrets.items() if value and value in shown] == []
        assert variables["METTA_SECRET_ARN"].startswith("arn:aws:secretsmanager:")


def test_a_customer_whose_message_was_lost_is_found_by_the_deployed_watchdog(
    world: World, deployment: Deployment
) -> None:
    conversation = world.loses_a_message(minutes=20)

    report = deployment.invoked("watchdog", SCHEDULED)

    assert (report["unanswered"], report["fates"]) == (1, {"ended": 1})
    assert report["oldest_seconds"] == pytest.approx(20 * 60, abs=60)
    assert world.chatwoot.conversation(conversation)["status"] == "open"
    assert len(world.replies(conversation)) == 1
    assert [outcome for outcome, _ in world.audited(conversation)] == ["handed_off"]
    assert deployment.invoked("watchdog", SCHEDULED)["found"] == 0
    numbers = [
        json.loads(line) for line in deployment.log_of("watchdog").splitlines() if '"CustomersUnanswered":' in line
    ]
    assert [line["CustomersUnanswered"] for line in numbers[-2:]] == [[1.0], [0.0]]
    (metrics,) = numbers[-1]["_aws"]["CloudWatchMetrics"]
    assert metrics["Dimensions"] == [["service"]], "the alarms ask for it under this dimension alone"
    assert (metrics["Namespace"], numbers[-1]["service"]) == ("Metta", "metta")


def test_the_schedule_calls_the_watchdog_and_the_alarms_are_there(world: World) -> None:
    events = world.aws.client("events")
    (rule,) = events.list_rules()["Rules"]
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    alarms = world.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    assert target["Arn"].endswith(":function:metta-local-watchdog")
    assert {alarm["AlarmName"] for alarm in alarms} >= {
        "metta-local-dead-letters",
        "metta-local-customers-unanswered",
        "metta-local-watchdog-silent",
    }


@contextmanager
def mapping_off(world: World) -> Iterator[None]:
    """Nobody takes messages from the queue meanwhile, as with WorkerEnabled=false."""
    lambdas = world.aws.client("lambda")
    (mapping,) = lambdas.list_event_source_mappings()["EventSourceMappings"]
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    time.sleep(1)  # a poll that had begun may still bring one batch
    try:
        yield
    finally:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_of_two_messages_in_a_batch_the_one_that_fails_comes_back_alone(world: World, deployment: Deployment) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url
    world.model.fault(Fail(503), times=4, when="wool blankets")

    with mapping_off(world):
        failing = world.chatwoot.customer_writes(901, "Do you sell wool blankets?", new_conversation=True)
        healthy = world.chatwoot.customer_writes(901, "Do you have lamps?", new_conversation=True)
        assert wait_until(lambda: deployment.waiting() == 2)
        time.sleep(1)  # the quiet window of both is over when they come
    one, other = (int(message["conversation_id"]) for message in (failing, healthy))
    wait_until(lambda: world.audited(other) and world.audited(one))

    assert len(world.replies(one)) == len(world.replies(other)) == 1, deployment.log_of()[-6000:]


def test_a_message_that_was_received_too_often_is_dead_lettered_and_answered_once_redriven(
    world: World, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url
    sqs, urls = world.aws.client("sqs"), world.stack.environment()
    with mapping_off(world):
        message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
        assert wait_until(lambda: deployment.waiting() == 1)

        def given_up() -> bool:
            sqs.receive_message(QueueUrl=urls["AWS_SQS_QUEUE_URL"], VisibilityTimeout=0, WaitTimeSeconds=0)
            return deployment.waiting() == 0

        assert wait_until(given_up)
    conversation = int(message["conversation_id"])
    assert world.replies(conversation) == []

    for name, value in urls.items():
        monkeypatch.setenv(name, value)
    assert redrive_command.run(yes=True, as_json=True) == 0
    wait_until(lambda: world.audited(conversation))

    assert len(world.replies(conversation)) == 1, deployment.log_of()[-6000:]
    assert world.dead_letters() == []


def started(deployment: Deployment) -> None:
    """The webhook function has had its first request: a loaded machine may start it slower than Chatwoot waits."""
    assert httpx.get(deployment.url("WebhookUrl"), timeout=60).status_code in (400, 401, 404, 405)


def test_a_webhook_posted_to_the_function_url_is_answered(world: World, deployment: Deployment) -> None:
    started(deployment)
    world.chatwoot.webhook_url = deployment.url("WebhookUrl")

    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = int(message["conversation_id"])
    wait_until(lambda: world.audited(conversation) and deployment.waiting() == 0)

    assert len(world.replies(conversation)) == 1, deployment.log_of("webhook")[-3000:] + deployment.log_of()[-3000:]
    assert world.audited(conversation) == [("answered", [message["id"]])]
    assert "S00042" not in deployment.log_of("webhook")


def test_a_forged_webhook_reaches_no_queue(world: World, deployment: Deployment) -> None:
    forged = {"X-Chatwoot-Signature": "sha256=" + "0" * 64, "X-Chatwoot-Timestamp": str(int(time.time()))}

    answer = httpx.post(deployment.url("WebhookUrl"), content=b'{"event": "message_created"}', headers=forged)

    assert answer.status_code == 401
    assert deployment.waiting() == 0


def test_the_console_is_closed_to_whoever_does_not_sign(world: World, deployment: Deployment) -> None:
    """What it proves: the URL asks for a signature, and the console for an identity behind it.

    The local AWS only looks whether there is a signature, not whose; so nobody gets in here, and
    what IAM lets in is not seen.
    """
    health = f"{deployment.url('ConsoleUrl')}/test/chatwoot/health"
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, Signature=0"}

    unsigned = httpx.get(health, timeout=60)
    of_nobody = httpx.get(health, headers=signed, timeout=60)

    assert (unsigned.status_code, "identity" in unsigned.text) == (403, False), "the URL itself refuses it"
    assert (of_nobody.status_code, of_nobody.json()["error"]) == (403, "no IAM identity")


def test_the_database_got_its_schema_from_the_migrate_function(deployment: Deployment) -> None:
    tags = deployment.aws.client("lambda").get_function(FunctionName="metta-local-worker")["Tags"]
    newest = max(one.number for one in read_migrations())

    assert tags["schema"] == str(newest), "the worker's release waited for it"
    assert deployment.invoked("migrate", {}) == {"schema": newest, "applied": [], "missing_roles": []}
