"""The queue's address and who asks: what is wrong is one line, and nothing that AWS said."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from .aws_world import AwsWorld
from .conftest import Examine
from .test_connection import page

LEAKS = ("Traceback", "arn:aws:iam", "botocore", "An error occurred", "RequestId", "not authorized")


def test_a_queue_as_the_template_makes_it_is_all_right(world: AwsWorld, examine: Examine) -> None:
    report = examine("queue", world.with_queues(*world.sound_queues()))

    assert report.bad() == set(), report.found
    assert report.one("queue.connection") == ("ok", "a FIFO queue: about 0 waiting, 0 in flight")


def test_nothing_is_taken_from_the_queue_and_nothing_is_put_on_it(world: AwsWorld, examine: Examine) -> None:
    queue, dead = world.sound_queues()
    sqs = world.aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageGroupId="3:84", MessageDeduplicationId="1")

    examine("queue", world.with_queues(queue, dead))

    (message,) = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


class TestAddress:
    def test_no_such_queue(self, world: AwsWorld, examine: Examine) -> None:
        url = f"{world.aws.url}/000000000000/nobody.fifo"

        report = examine("queue", world.with_queues(url, None))

        assert report.one("queue.connection") == ("fail", "there is no queue that AWS_SQS_QUEUE_URL names")
        assert "QueueUrl" in report.fixes["queue.connection"]
        assert "nobody" not in report.text

    @pytest.mark.parametrize("url", ["metta.fifo", "https://sqs.us-east-1.amazonaws.com/metta.fifo", "arn:aws:sqs:x"])
    def test_what_is_no_queue_s_url(self, world: AwsWorld, examine: Examine, url: str) -> None:
        report = examine("queue", world.with_queues(url, None))

        assert report.one("queue.url") == ("fail", "AWS_SQS_QUEUE_URL is not the URL of a queue")
        assert "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME" in report.fixes["queue.url"]

    def test_a_queue_of_another_region(self, world: AwsWorld, examine: Examine) -> None:
        url = "https://sqs.eu-central-1.amazonaws.com/000000000000/metta.fifo"

        report = examine("queue", world.with_queues(url, None))

        status, found = report.one("queue.url")
        assert status == "fail"
        assert "eu-central-1" in found
        assert "us-east-1" in found
        assert "AWS_DEFAULT_REGION=eu-central-1" in report.fixes["queue.url"]

    def test_no_region(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.with_queues(*world.sound_queues(), AWS_DEFAULT_REGION=None, AWS_REGION=None)
        variables |= {"AWS_CONFIG_FILE": "/nowhere"}

        report = examine("queue", variables)

        assert report.one("queue.connection") == ("fail", "no AWS region is known")
        assert "AWS_DEFAULT_REGION" in report.fixes["queue.connection"]

    def test_nobody_at_the_endpoint(self, world: AwsWorld, examine: Examine) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"

            report = examine("queue", world.with_queues(f"{url}/000000000000/q.fifo", None, AWS_ENDPOINT_URL=url))

        status, found = report.one("queue.connection")
        assert status == "fail"
        assert "AWS_ENDPOINT_URL" in found

    def test_an_endpoint_without_its_scheme(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()

        report = examine("queue", world.with_queues(queue, dead, AWS_ENDPOINT_URL="localhost:4566"))

        assert report.one("queue.connection") == ("fail", "AWS_ENDPOINT_URL is no address")

    def test_an_endpoint_that_says_nothing_is_given_up(
        self, world: AwsWorld, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        soon = Config(connect_timeout=1, read_timeout=0.3, retries={"total_max_attempts": 1})
        monkeypatch.setattr("metta_local.doctor.aws_access.CONFIG", soon)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"

            report = examine("queue", world.with_queues(f"{url}/000000000000/q.fifo", None, AWS_ENDPOINT_URL=url))

        assert report.statuses["queue.connection"] == "fail"

    @pytest.mark.parametrize("status", [200, 404, 500])
    def test_an_endpoint_that_is_no_aws(
        self, world: AwsWorld, examine: Examine, served: Callable[[Any], str], status: int
    ) -> None:
        url = served(page(status))

        report = examine("queue", world.with_queues(f"{url}/000000000000/q.fifo", None, AWS_ENDPOINT_URL=url))

        assert report.code == 1
        assert report.statuses["queue.connection"] == "fail"
        assert "Welcome" not in report.text


class TestCredentials:
    def test_none(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.with_queues(*world.sound_queues(), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
        variables |= {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_CONFIG_FILE": "/nowhere"}

        report = examine("queue", variables)

        status, found = report.one("queue.connection")
        assert status == "fail"
        assert "no AWS credentials" in found
        assert "AWS_PROFILE" in report.fixes["queue.connection"]

    def test_a_profile_that_there_is_not(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.with_queues(*world.sound_queues(), AWS_PROFILE="shop-4711")

        report = examine("queue", variables)

        assert report.statuses["queue.connection"] == "fail"
        assert "AWS_PROFILE" in report.fixes["queue.connection"]
        assert "4711" not in report.text

    def test_a_key_that_aws_does_not_know(self, strict: AwsWorld, examine: Examine) -> None:
        keys = {"AWS_ACCESS_KEY_ID": "AKIA0000000000000000", "AWS_SECRET_ACCESS_KEY": "wrong-secret-4711"}

        report = examine("queue", strict.with_queues(*strict.sound_queues(), **keys))

        assert report.one("queue.connection") == ("fail", "AWS does not accept the credentials")
        assert "4711" not in report.text

    def test_a_user_who_may_not_look_at_the_queue(self, strict: AwsWorld, examine: Examine) -> None:
        report = examine("queue", strict.with_queues(*strict.sound_queues(), **strict.keys_of_user()))

        status, found = report.one("queue.connection")
        assert status == "fail"
        assert "access denied" in found
        assert "sqs:GetQueueAttributes" in report.fixes["queue.connection"]
        assert not any(leak in report.text for leak in LEAKS)

    def test_who_may_not_ask_lambda_learns_all_the_rest(self, strict: AwsWorld, examine: Examine) -> None:
        keys = strict.keys_of_user("sqs:GetQueueAttributes")

        report = examine("queue", strict.with_queues(*strict.sound_queues(), **keys))

        assert report.code == 0
        assert report.statuses["queue.redrive"] == "ok"
        status, found = report.one("queue.mapping")
        assert status == "skip"
        assert "lambda:ListEventSourceMappings" in found
        assert report.statuses["queue.visibility"] == "skip"
        assert not any(leak in report.text for leak in LEAKS)


def test_a_program_can_go_by_the_exit_code(world: AwsWorld, examine: Examine) -> None:
    queue, dead = world.sound_queues()
    world.set(queue, MessageRetentionPeriod="3600")

    warned = examine("queue", world.with_queues(queue, dead))

    assert "warn" in warned.statuses.values()
    assert warned.code == 0
