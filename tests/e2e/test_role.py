"""The deployed worker under the role that the template writes out, on a local AWS that enforces IAM."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse

from e2e_world import World, load_event
from metta.settings import SECRET_NAMES
from metta_local import deploy
from metta_local.aws import MiniStack
from metta_local.deployed import template_parameters

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def strict() -> Iterator[MiniStack]:
    with MiniStack(enforce_iam=True) as started:
        yield started


def without_tls(template: Path) -> Path:
    """The built template without the TLS-only policies: the local AWS speaks plain HTTP and honours them."""
    source = yaml_parse(template.read_text())
    policies = [name for name, one in source["Resources"].items() if one["Type"] == "AWS::SQS::QueuePolicy"]
    assert len(policies) == 2
    for name in policies:
        del source["Resources"][name]
    changed = template.with_name("template-without-tls.yaml")
    changed.write_text(json.dumps(source))  # JSON is YAML, too
    return changed


def test_the_role_allows_what_a_turn_and_a_rejection_need(world: World, strict: MiniStack, built: Path) -> None:
    endpoint = strict.environment["AWS_ENDPOINT_URL"]
    environment = world.stack.environment() | {"BURST_QUIET_SECONDS": "0", "AWS_ENDPOINT_URL": endpoint}
    secret = {name: environment[name] for name in SECRET_NAMES if name in environment}
    parameters = {"MettaSecretArn": strict.create_secret(secret), **template_parameters(environment)}
    outputs = deploy.deploy(strict, without_tls(built / "template.yaml"), parameters, stack="metta-role")
    sqs, event = strict.client("sqs"), load_event("17_malformed_body")
    world.remember(event)

    for record in event["Records"]:
        sqs.send_message(
            QueueUrl=outputs["QueueUrl"],
            MessageBody=record["body"],
            MessageGroupId=record["attributes"]["MessageGroupId"],
            MessageDeduplicationId=record["attributes"]["MessageDeduplicationId"],
        )

    log = watch(strict, outputs, lambda: bool(world.replies(120)))
    assert len(world.replies(120)) == 1, log
    (dead,) = sqs.receive_message(QueueUrl=outputs["DeadLetterQueueUrl"], WaitTimeSeconds=5)["Messages"]
    assert dead["Body"] == event["Records"][0]["body"]
    assert "AccessDenied" not in log
    assert "is not authorized" not in log


def test_the_watchdog_s_role_allows_what_a_look_needs(world: World, strict: MiniStack) -> None:
    """On the stack that the test before deployed."""
    functions = [f["FunctionName"] for f in strict.client("lambda").list_functions()["Functions"]]
    (name,) = [name for name in functions if name.endswith("-watchdog")]
    variables = strict.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    conversation = world.loses_a_message(minutes=20, aws=strict, table=variables["IDEMPOTENCY_TABLE"])

    answer = strict.client("lambda").invoke(FunctionName=name, Payload=b"{}")

    report = json.loads(answer["Payload"].read())
    assert report.get("fates") == {"ended": 1}, report
    assert world.chatwoot.conversation(conversation)["status"] == "open"


def test_the_queues_refuse_plain_http(strict: MiniStack) -> None:
    queue_url, dlq_url = strict.create_queues("plain")
    sqs = strict.client("sqs")
    template = yaml_parse((deploy.ROOT / "template.yaml").read_text())
    document = template["Resources"]["TlsOnlyPolicy"]["Properties"]["PolicyDocument"]
    message: dict[str, Any] = {"MessageBody": "x", "MessageGroupId": "a", "MessageDeduplicationId": "1"}
    sqs.send_message(QueueUrl=queue_url, **message)

    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {**document, "Statement": [{**document["Statement"][0], "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})

    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message(QueueUrl=queue_url, **message)
    sqs.send_message(QueueUrl=dlq_url, **message)


def watch(aws: MiniStack, outputs: dict[str, str], done: Any) -> str:
    """Wait for ``done``, at most as long as a loaded machine may take; the function's log."""
    until = time.monotonic() + 150
    while not done() and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(0.5)
    events = aws.client("logs").filter_log_events(logGroupName=outputs["WorkerLogGroupName"])["events"]
    return "\n".join(event["message"] for event in events)
