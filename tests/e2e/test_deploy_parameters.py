"""Other choices of parameters, deployed onto a local AWS: a customer is answered whatever queue, key or owner there is.

What the local AWS does not have (gradual deployment, saved queries) or takes no notice of (reserved concurrency, a
mapping that starts disabled) is tested on the transformed template alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e_world import World
from metta_local import deploy
from metta_local.deployed import secret_parameters, template_parameters
from tests_support.deployment import Deployment, wait_until

pytestmark = pytest.mark.e2e


def deployed(world: World, built: Path, stack: str, **parameters: str) -> Deployment:
    environment = world.stack.environment() | {"BURST_QUIET_SECONDS": "0"}
    secrets = secret_parameters(world.aws, environment, prefix=stack)
    if parameters.get("MigrateOnDeploy") == "false":
        secrets.pop("MigrateSecretArn")
    given = {**secrets, **template_parameters(environment), **parameters}
    deploy.deploy(world.aws, built / "template.yaml", given, stack=stack)
    return Deployment(world.aws, stack)


def arn(world: World, queue_url: str) -> str:
    answer = world.aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def is_answered(world: World, deployment: Deployment) -> None:
    message = world.chatwoot.customer_writes(901, "Where is my order S00042?", inbox_id=12, new_conversation=True)
    conversation = int(message["conversation_id"])
    wait_until(lambda: world.audited(conversation))
    assert world.audited(conversation) == [("answered", [message["id"]])], deployment.log_of()[-4000:]
    assert len(world.replies(conversation)) == 1


def mapping_of(world: World, deployment: Deployment) -> dict[str, Any]:
    mappings = world.aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    (mine,) = [one for one in mappings if f":{deployment.name}-worker" in one["FunctionArn"]]
    return dict(mine)


def test_an_existing_fifo_queue_and_a_key_of_the_account_s_own(world: World, built: Path) -> None:
    queue_url, dlq_url = world.aws.create_queues("theirs")

    deployment = deployed(
        world,
        built,
        "metta-fifo",
        ExistingQueueArn=arn(world, queue_url),
        ExistingDeadLetterQueueArn=arn(world, dlq_url),
        EncryptWithOwnKey="true",
        ReserveConcurrency="true",
    )

    assert deployment.outputs["QueueUrl"].endswith("/theirs.fifo")
    assert mapping_of(world, deployment)["EventSourceArn"] == arn(world, queue_url)
    assert int(mapping_of(world, deployment)["ScalingConfig"]["MaximumConcurrency"]) == 10
    keys = [key["KeyId"] for key in world.aws.client("kms").list_keys()["Keys"]]
    own = [url for url in world.aws.client("sqs").list_queues()["QueueUrls"] if "/metta-fifo-" in url]
    attributes = [world.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"]) for url in own]
    assert len(own) == 2, "they stay, with what may wait in them"
    assert all(one["Attributes"]["KmsMasterKeyId"] in keys for one in attributes)
    with world.webhooks_on(queue_url):
        is_answered(world, deployment)


def test_an_existing_standard_queue_and_a_database_that_somebody_else_migrates(world: World, built: Path) -> None:
    sqs = world.aws.client("sqs")
    queue_url = sqs.create_queue(QueueName="plain", Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
    dlq_url = sqs.create_queue(QueueName="plain-dlq")["QueueUrl"]

    deployment = deployed(
        world,
        built,
        "metta-standard",
        ExistingQueueArn=arn(world, queue_url),
        ExistingDeadLetterQueueArn=arn(world, dlq_url),
        MigrateOnDeploy="false",
    )

    assert deployment.functions() == {"worker", "watchdog"}
    tags = world.aws.client("lambda").get_function(FunctionName="metta-standard-worker")["Tags"]
    assert tags["schema"] == "by-hand"
    mapping = mapping_of(world, deployment)
    assert mapping["EventSourceArn"] == arn(world, queue_url)
    # The local AWS keeps a parameter's number as text there, which its poller of standard queues stumbles over.
    scaling = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
    world.aws.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=scaling)
    with world.webhooks_on(queue_url):
        is_answered(world, deployment)


def test_a_wrong_parameter_is_refused_before_anything_is_made(world: World, built: Path) -> None:
    with pytest.raises(RuntimeError, match="ChatwootBaseUrl"):
        deployed(world, built, "metta-wrong", ChatwootBaseUrl="chat.example.com")

    assert Deployment(world.aws, "metta-wrong").functions() == set()
