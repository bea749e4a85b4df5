"""`sam deploy` of the real template onto a local AWS: a customer's message on its queue is answered and audited."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e_world import World
from metta.settings import SECRET_NAMES
from metta_local.model.scripting import Fail
from metta_local.stack import LocalStack

pytestmark = pytest.mark.e2e

GIVEN = {"BURST_QUIET_SECONDS": "0.5", "SQS_MAX_RECEIVE_COUNT": "5"}


@pytest.fixture(scope="module")
def stack(built: Path) -> Iterator[LocalStack]:
    """The whole stack, with the built template deployed and its event source at work."""
    with LocalStack(GIVEN, deploy=True) as started:
        yield started


def wait_until(true: Callable[[], Any], seconds: float = 150) -> bool:
    until = time.monotonic() + seconds
    while not (now := true()) and time.monotonic() < until:
        time.sleep(0.1)
    return bool(now)


def log_of(world: World, function: str = "worker") -> str:
    groups = world.aws.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    (name,) = [group["logGroupName"] for group in groups if group["logGroupName"].endswith(f"-{function}")]
    events = world.aws.client("logs").filter_log_events(logGroupName=name)["events"]
    return "\n".join(event["message"] for event in events)


def invoked(world: World, function: str) -> Any:
    """What the deployed function answers to an event of its schedule."""
    lambdas = world.aws.client("lambda")
    (name,) = [f["FunctionName"] for f in lambdas.list_functions()["Functions"] if f["FunctionName"].endswith(function)]
    answer = lambdas.invoke(FunctionName=name, Payload=b'{"detail-type": "Scheduled Event"}')
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, f"{payload}\n{log_of(world, function)[-6000:]}"
    return payload


def waiting(world: World) -> int:
    """Messages on the queue, those in flight included."""
    url = world.stack.environment()["AWS_SQS_QUEUE_URL"]
    attributes = world.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_a_customer_s_message_is_answered_through_the_deployed_function(world: World) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url

    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = message["conversation_id"]
    wait_until(lambda: world.audited(conversation) and waiting(world) == 0)

    replies = world.replies(conversation)
    assert len(replies) == 1, log_of(world)[-6000:]
    assert "S00042" in replies[0]
    assert world.audited(conversation) == [("answered", [message["id"]])]
    assert wait_until(lambda: waiting(world) == 0), "webhooks about our own reply come a moment later"
    assert world.dead_letters() == []


def test_messages_written_in_one_go_get_one_reply(world: World) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url

    first = world.chatwoot.customer_writes(901, "Hello", new_conversation=True)
    conversation = first["conversation_id"]
    second = world.chatwoot.customer_writes(901, "do you have lamps?", conversation_id=conversation)
    wait_until(lambda: world.audited(conversation) and waiting(world) == 0)

    assert world.audited(conversation) == [("answered", [first["id"], second["id"]])], log_of(world)[-6000:]
    assert len(world.replies(conversation)) == 1


def test_a_failure_is_tried_again_and_ends_with_one_reply(world: World) -> None:
    world.chatwoot.webhook_url = world.stack.receiver_url
    world.model.fault(Fail(503), times=4)

    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = message["conversation_id"]
    wait_until(lambda: world.audited(conversation) and waiting(world) == 0)

    assert world.audited(conversation) == [("answered", [message["id"]])], log_of(world)[-6000:]
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


def test_secrets_reach_the_function_through_the_secret_alone(world: World) -> None:
    lambdas = world.aws.client("lambda")
    functions = lambdas.list_functions()["Functions"]
    secrets = {name: world.stack.environment().get(name) for name in SECRET_NAMES}

    assert len(functions) == 2
    for function in functions:
        variables = function["Environment"]["Variables"]
        shown = json.dumps(variables) + log_of(world, function["FunctionName"].rpartition("-")[2])
        assert [name for name, value in secrets.items() if value and value in shown] == []
        assert variables["METTA_SECRET_ARN"].startswith("arn:aws:secretsmanager:")


def test_a_customer_whose_message_was_lost_is_found_by_the_deployed_watchdog(world: World) -> None:
    conversation = world.loses_a_message(minutes=20)

    report = invoked(world, "watchdog")

    assert (report["unanswered"], report["fates"]) == (1, {"ended": 1})
    assert report["oldest_seconds"] == pytest.approx(20 * 60, abs=60)
    assert world.chatwoot.conversation(conversation)["status"] == "open"
    assert len(world.replies(conversation)) == 1
    assert [outcome for outcome, _ in world.audited(conversation)] == ["handed_off"]
    assert invoked(world, "watchdog")["found"] == 0
    numbers = [json.loads(line) for line in log_of(world, "watchdog").splitlines() if '"_aws"' in line]
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
    assert {alarm["AlarmName"] for alarm in alarms} == {
        "metta-local-dead-letters",
        "metta-local-customers-unanswered",
        "metta-local-watchdog-silent",
    }
