"""The queues: nothing that a customer wrote is lost, whichever queue is attached and whatever is deployed later."""

from __future__ import annotations

import json

import pytest

from infrastructure.evaluate import EXISTING_FIFO, EXISTING_STANDARD, KEY, branches, deployed
from metta_local import aws

WITHOUT_OWN_KEY: dict[str, str] = {}
OWN_KEY = {"EncryptWithOwnKey": "true"}


@pytest.mark.parametrize("key", [WITHOUT_OWN_KEY, OWN_KEY], ids=["sqs-key", "own-key"])
@pytest.mark.parametrize("name", ["MessageQueue", "DeadLetterQueue"])
def test_the_queues_keep_order_for_fourteen_days_and_are_encrypted(name: str, key: dict[str, str]) -> None:
    queue = deployed(**key)[name]

    assert queue["FifoQueue"] is True
    assert queue["QueueName"].endswith(".fifo")
    assert queue["MessageRetentionPeriod"] == 1_209_600
    assert (queue.get("SqsManagedSseEnabled"), queue.get("KmsMasterKeyId")) == (
        (None, "EncryptionKey") if key else (True, None)
    )


def test_what_cannot_be_handled_goes_to_the_dead_letter_queue_and_only_from_there() -> None:
    stack = deployed(SqsMaxReceiveCount="40")
    queue, dead = stack["MessageQueue"], stack["DeadLetterQueue"]

    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "DeadLetterQueue.Arn", "maxReceiveCount": "40"}
    assert dead["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:aws:sqs:eu-central-1:123456789012:{queue['QueueName']}"],
    }


def test_neither_queue_answers_without_tls() -> None:
    policies = deployed().of_type("AWS::SQS::QueuePolicy").values()

    assert sorted(queue for policy in policies for queue in policy["Queues"]) == ["DeadLetterQueue", "MessageQueue"]
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == f"{policy['Queues'][0]}.Arn"


@pytest.mark.parametrize("existing", [EXISTING_STANDARD, EXISTING_FIFO], ids=["standard", "fifo"])
def test_what_waits_in_our_own_queue_is_still_there_when_another_is_attached_and_taken_off_again(
    existing: dict[str, str],
) -> None:
    before, attached = deployed(), deployed(**existing)

    for name in ("MessageQueue", "DeadLetterQueue", "TlsOnlyPolicy", "DeadLetterTlsOnlyPolicy"):
        assert attached[name] == before[name]


def test_messages_outlive_the_stack_and_kept_queues_do_not_stand_in_a_later_ones_way() -> None:
    stack = deployed()

    for name in ("MessageQueue", "DeadLetterQueue"):
        assert stack.attribute(name, "DeletionPolicy") == "RetainExceptOnCreate"
        assert stack.attribute(name, "UpdateReplacePolicy") == "Retain"
        assert "1a2b3c4d" in stack[name]["QueueName"], "the stack's id: the next stack of this name has another"


@pytest.mark.parametrize("existing", [EXISTING_STANDARD, EXISTING_FIFO], ids=["standard", "fifo"])
def test_an_attached_queue_is_worked_on_by_all_who_have_to_do_with_it(existing: dict[str, str]) -> None:
    stack = deployed(**existing, WebhookEnabled="true", ConsoleEnabled="even-in-production")
    url, dead_url = (
        f"https://sqs.eu-central-1.amazonaws.com/123456789012/{arn.rpartition(':')[2]}" for arn in existing.values()
    )

    assert stack["WorkerFunctionMessages"]["EventSourceArn"] == existing["ExistingQueueArn"]
    for function in ("WorkerFunction", "ConsoleFunction", "WebhookFunction"):
        assert stack[function]["Environment"]["Variables"]["AWS_SQS_QUEUE_URL"] == url
    for function in ("WorkerFunction", "ConsoleFunction"):
        assert stack[function]["Environment"]["Variables"]["AWS_SQS_DLQ_URL"] == dead_url
    outputs = stack.outputs
    assert (outputs["QueueUrl"], outputs["DeadLetterQueueUrl"]) == (url, dead_url)
    assert outputs["QueueArn"] == existing["ExistingQueueArn"]


@pytest.mark.parametrize("existing", [{}, EXISTING_STANDARD, EXISTING_FIFO], ids=["own", "standard", "fifo"])
def test_one_failed_message_does_not_bring_back_its_whole_batch(existing: dict[str, str]) -> None:
    (mapping,) = deployed(**existing, SqsMaxMessages="7").of_type("AWS::Lambda::EventSourceMapping").values()

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == "7"
    assert mapping["FunctionName"] == "WorkerFunctionAliaslive"
    assert "MaximumBatchingWindowInSeconds" not in mapping, "refused for FIFO queues"


@pytest.mark.parametrize("seconds", ["30", "60", "90", "120", "180", "300", "600", "900"])
def test_a_message_stays_invisible_six_times_as_long_as_its_batch_may_take(seconds: str) -> None:
    stack = deployed(WorkerTimeoutSeconds=seconds)

    assert stack["WorkerFunction"]["Timeout"] == seconds
    assert stack["MessageQueue"]["VisibilityTimeout"] == str(6 * int(seconds))
    assert stack["WorkerFunction"]["Environment"]["Variables"]["SQS_VISIBILITY_TIMEOUT"] == str(6 * int(seconds))


def test_the_kill_switch_stops_the_event_source_and_throttles_nobody() -> None:
    stack = deployed(WorkerEnabled="false")

    assert stack["WorkerFunctionMessages"]["Enabled"] == "false"
    assert "ReservedConcurrentExecutions" not in stack["WorkerFunction"]
    assert deployed()["WorkerFunctionMessages"]["Enabled"] == "true"


@pytest.mark.parametrize("most", ["2", "10", "1000"])
def test_no_receive_is_ever_throttled(most: str) -> None:
    stack = deployed(ReserveConcurrency="true", MaximumConcurrency=most, WebhookEnabled="true")

    allowed = stack["WorkerFunctionMessages"]["ScalingConfig"]["MaximumConcurrency"]
    assert int(stack["WorkerFunction"]["ReservedConcurrentExecutions"]) >= int(allowed) == int(most)
    assert stack["WebhookFunction"]["ReservedConcurrentExecutions"] == "20", "a flood leaves the worker its share"


def test_nothing_that_is_named_is_missing_on_any_branch() -> None:
    for given in branches():
        stack = deployed(**given)
        assert all(isinstance(stack[name], dict) for name in stack.names)
        assert stack.outputs


def test_our_own_key_outlives_what_it_encrypted_and_turns_every_year() -> None:
    stack = deployed(**OWN_KEY)
    here, log_service = stack["EncryptionKey"]["KeyPolicy"]["Statement"]

    assert stack.attribute("EncryptionKey", "DeletionPolicy") == "RetainExceptOnCreate"
    assert stack["EncryptionKey"]["EnableKeyRotation"] is True
    assert here["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert log_service["Principal"] == {"Service": "logs.eu-central-1.amazonaws.com"}
    assert log_service["Condition"]["ArnLike"] == {
        "kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/metta-*"
    }
    assert "EncryptionKey" not in deployed(SecretKeyArn=KEY)


@pytest.mark.parametrize("key", [WITHOUT_OWN_KEY, OWN_KEY], ids=["aws-key", "own-key"])
def test_turn_state_is_encrypted_recoverable_and_ends_by_itself(key: dict[str, str]) -> None:
    stack = deployed(**key)
    (table,) = stack.of_type("AWS::DynamoDB::Table").values()

    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    own = {"KMSMasterKeyId": "EncryptionKey.Arn"} if key else {}
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"} | own
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert stack.attribute("IdempotencyTable", "DeletionPolicy") == "RetainExceptOnCreate"


def test_the_local_queues_are_made_as_the_template_makes_them() -> None:
    stack = deployed()
    queue, dead = stack["MessageQueue"], stack["DeadLetterQueue"]
    local = aws.queue_attributes(visibility_seconds=360, dlq_arn="arn", max_receive_count=30)
    local_dead = aws.dlq_attributes()

    elsewhere = {"QueueName", "RedriveAllowPolicy", "ReceiveMessageWaitTimeSeconds", "Tags"}
    assert set(local) == set(queue) - elsewhere
    assert set(local_dead) == set(dead) - elsewhere
    for name in ("FifoQueue", "SqsManagedSseEnabled", "MessageRetentionPeriod"):
        assert local[name] == local_dead[name] == json.dumps(queue[name])


def test_the_local_table_is_made_as_the_template_makes_it() -> None:
    table = deployed()["IdempotencyTable"]
    local = aws.table_attributes()

    assert local == {name: table[name] for name in local}
    (index,) = local["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}, "nothing a customer said is copied into it"
