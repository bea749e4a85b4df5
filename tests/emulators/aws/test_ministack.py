"""What Metta relies on in the local AWS: MiniStack is young, so each behaviour is held here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from metta import settings
from metta_local.aws import MiniStack

pytestmark = pytest.mark.e2e

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def aws() -> Iterator[MiniStack]:
    with MiniStack() as started:
        yield started


@pytest.fixture
def queues(aws: MiniStack, request: pytest.FixtureRequest) -> tuple[str, str]:
    return aws.create_queues(request.node.name[:60], visibility_seconds=1, max_receive_count=3)


def send(aws: MiniStack, url: str, body: str, group: str) -> None:
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)


def receive(aws: MiniStack, url: str, most: int = 10, wait: int = 0) -> list[dict[str, Any]]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait, MessageSystemAttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [message["Body"] for message in messages]


def test_a_group_in_flight_keeps_its_next_messages_back_and_no_other_group(
    aws: MiniStack, queues: tuple[str, str]
) -> None:
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        send(aws, queues[0], body, group)

    assert bodies(receive(aws, queues[0], most=1)) == ["a1"]
    assert bodies(receive(aws, queues[0])) == ["b1"]
    assert bodies(receive(aws, queues[0])) == []


def test_messages_of_a_group_come_back_in_order_when_their_visibility_ends(
    aws: MiniStack, queues: tuple[str, str]
) -> None:
    for body in ("1", "2", "3"):
        send(aws, queues[0], body, "a")

    assert bodies(receive(aws, queues[0])) == ["1", "2", "3"]
    assert bodies(receive(aws, queues[0], wait=3)) == ["1", "2", "3"]


def test_a_message_can_be_asked_back_early(aws: MiniStack, queues: tuple[str, str]) -> None:
    send(aws, queues[0], "1", "a")
    (message,) = receive(aws, queues[0])

    aws.client("sqs").change_message_visibility(
        QueueUrl=queues[0], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )

    (again,) = receive(aws, queues[0])
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_what_was_received_too_often_lies_in_the_dead_letter_queue_in_its_group(
    aws: MiniStack, queues: tuple[str, str]
) -> None:
    send(aws, queues[0], "poison", "3:84")
    for _ in range(3):
        (message,) = receive(aws, queues[0])
        aws.client("sqs").change_message_visibility(
            QueueUrl=queues[0], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )

    assert receive(aws, queues[0]) == []
    (dead,) = receive(aws, queues[1])
    assert (dead["Body"], dead["Attributes"]["MessageGroupId"]) == ("poison", "3:84")


def test_the_same_delivery_twice_is_one_message(aws: MiniStack, queues: tuple[str, str]) -> None:
    send(aws, queues[0], "once", "a")
    send(aws, queues[0], "once", "a")

    assert bodies(receive(aws, queues[0])) == ["once"]


def test_the_dead_letter_queue_takes_redrive_from_its_queue_alone(aws: MiniStack, queues: tuple[str, str]) -> None:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queues[1], AttributeNames=["All"])["Attributes"]

    allow = json.loads(attributes["RedriveAllowPolicy"])
    assert allow["redrivePermission"] == "byQueue"
    assert [arn.rsplit(":", 1)[1] for arn in allow["sourceQueueArns"]] == [queues[0].rsplit("/", 1)[1]]
    assert attributes["MessageRetentionPeriod"] == "1209600"


def test_a_conditional_write_loses_to_the_one_before(aws: MiniStack) -> None:
    table, dynamodb = aws.create_table("lease-test"), aws.client("dynamodb")
    item = {"id": {"S": "3:84"}, "owner": {"S": "first"}}
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(id)")

    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(id)")

    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expiration")


def test_the_index_holds_what_is_unfinished_and_nothing_else(aws: MiniStack) -> None:
    table, dynamodb = aws.create_table("index-test"), aws.client("dynamodb")
    for number, since in ((1, 30), (2, 10), (3, 20), (4, None)):
        watched = {"watch": {"S": "w0"}, "since": {"N": str(since)}} if since else {}
        dynamodb.put_item(TableName=table, Item={"id": {"S": f"turn#3:{number}"}, "text": {"S": "hello"}} | watched)

    def found(before: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = dynamodb.query(
            TableName=table,
            IndexName="watch",
            KeyConditionExpression="watch = :shard AND since < :moment",
            ExpressionAttributeValues={":shard": {"S": "w0"}, ":moment": {"N": str(before)}},
        )["Items"]
        return items

    assert [item["id"]["S"] for item in found(30)] == ["turn#3:2", "turn#3:3"], "oldest first"
    assert set(found(30)[0]) == {"id", "watch", "since"}
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "turn#3:2"}},
        UpdateExpression="REMOVE #w, #s",
        ExpressionAttributeNames={"#w": "watch", "#s": "since"},
    )
    assert [item["id"]["S"] for item in found(100)] == ["turn#3:3", "turn#3:1"]


def test_a_secret_gives_the_variables_that_the_environment_lacks(
    aws: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = aws.create_secret({"OPENAI_API_KEY": "from the secret", "ODOO_API_KEY": "hidden"}, name="variables")
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)

    read = settings.load({"METTA_SECRET_ARN": arn, "ODOO_API_KEY": "from the environment"})

    assert read.openai_api_key is not None
    assert read.openai_api_key.get_secret_value() == "from the secret"
    assert read.odoo_api_key is not None
    assert read.odoo_api_key.get_secret_value() == "from the environment"


@linux
def test_nobody_beyond_this_machine_can_reach_it(aws: MiniStack) -> None:
    port = f"{int(aws.url.rsplit(':', 1)[1]):04X}"
    listening = {
        columns[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for columns in (line.split() for line in Path("/proc/net", table).read_text().splitlines()[1:])
        if columns[3] == "0A" and columns[1].split(":")[1] == port
    }

    assert listening == {"0100007F"}


@linux
def test_the_starter_s_variables_do_not_reach_it_or_its_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-developer")
    monkeypatch.setenv("AWS_PROFILE", "production")

    with MiniStack() as other:
        seen = Path(f"/proc/{other._process.pid}/environ").read_bytes()  # type: ignore[union-attr]

    assert b"GATEWAY_PORT=" in seen
    assert b"sk-of-the-developer" not in seen
    assert b"AWS_PROFILE" not in seen


@linux
def test_it_ends_with_its_starter_however_that_ends(tmp_path: Path) -> None:
    code = "from metta_local.aws import MiniStack; a = MiniStack(); a.start(); print(a._process.pid, a._directory)"
    starter = subprocess.Popen(
        [sys.executable, "-c", f"{code}; import time; print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter.stdout:
        pid, directory = starter.stdout.readline().split()
        starter.kill()
        starter.wait()

    assert ended(int(pid))
    assert not Path(directory).exists()


def ended(pid: int) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_stopping_leaves_nothing_behind() -> None:
    started = MiniStack()
    started.start()
    process, directory = started._process, started._directory

    started.stop()
    started.stop()

    assert process is not None
    assert process.poll() is not None
    assert directory is not None
    assert not directory.exists()
    assert started.url == ""


def test_a_given_directory_is_kept_with_its_log(tmp_path: Path) -> None:
    with MiniStack(tmp_path / "aws"):
        pass

    assert "Ready" in (tmp_path / "aws" / "ministack.log").read_text()


def test_a_port_in_use_is_said(aws: MiniStack) -> None:
    taken = int(aws.url.rsplit(":", 1)[1])

    with pytest.raises(RuntimeError, match="already in use"):
        MiniStack(port=taken).start()


def test_what_starts_it_need_not_be_a_main_thread_that_lives(aws: MiniStack) -> None:
    """A death signal tied to the starting thread would end it with that thread; a pipe does not."""
    from concurrent.futures import ThreadPoolExecutor

    started = MiniStack()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(started.start).result()
    time.sleep(0.2)
    try:
        assert started._process is not None
        assert started._process.poll() is None
        assert os.getpgid(started._process.pid) == started._process.pid
    finally:
        started.stop()
