"""A queue that is set up otherwise than Metta relies on, and its dead-letter queue."""

from __future__ import annotations

import json

import pytest

from .aws_world import AwsWorld
from .conftest import Examine

DAY = 86_400


class TestKind:
    def test_a_standard_queue_is_told_what_it_means(self, world: AwsWorld, examine: Examine) -> None:
        dead = world.queue("-dlq", {"MessageRetentionPeriod": str(14 * DAY)})
        queue = world.queue("", {"MessageRetentionPeriod": str(14 * DAY), **world.redrive(dead)})

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.type")
        assert status == "warn"
        assert "any order" in found
        assert "FIFO" in report.fixes["queue.type"]
        assert report.bad() == {"queue.type"}, "a standard dead-letter queue is right for it"

    @pytest.mark.parametrize(("suffix", "dead_suffix"), [(".fifo", "-dlq"), ("", "-dlq.fifo")])
    def test_a_dead_letter_queue_of_the_other_kind(
        self, world: AwsWorld, examine: Examine, suffix: str, dead_suffix: str
    ) -> None:
        kinds = {name: {"FifoQueue": "true"} if name.endswith(".fifo") else {} for name in (suffix, dead_suffix)}
        queue, dead = world.queue(suffix, kinds[suffix]), world.queue(dead_suffix, kinds[dead_suffix])

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.dead_letters")
        assert status == "fail"
        assert "cannot move" in found
        right = "FIFO" if suffix else "standard"
        assert f"make a {right} dead-letter queue" in report.fixes["queue.dead_letters"]


class TestRedrive:
    def test_none(self, world: AwsWorld, examine: Examine) -> None:
        queue = world.queue(".fifo", {"FifoQueue": "true"})

        report = examine("queue", world.with_queues(queue, None))

        status, found = report.one("queue.redrive")
        assert (status, "no redrive policy" in found) == ("fail", True)
        assert "maxReceiveCount 30" in report.fixes["queue.redrive"]

    def test_the_queue_gives_up_before_a_person_was_called(self, world: AwsWorld, examine: Examine) -> None:
        report = examine("queue", world.with_queues(*world.sound_queues(max_receive_count=3)))

        status, found = report.one("queue.redrive")
        assert status == "fail"
        assert "after 3 receives" in found
        assert "the customer hears nothing" in found
        assert "maxReceiveCount 30 there" in report.fixes["queue.redrive"]

    def test_metta_gives_up_before_the_queue_does(self, world: AwsWorld, examine: Examine) -> None:
        queues = world.sound_queues(max_receive_count=30)

        report = examine("queue", world.with_queues(*queues, SQS_MAX_RECEIVE_COUNT="20"))

        assert report.statuses["queue.redrive"] == "warn"
        assert "SQS_MAX_RECEIVE_COUNT=30" in report.fixes["queue.redrive"]

    def test_the_number_is_the_same_where_both_were_changed(self, world: AwsWorld, examine: Examine) -> None:
        queues = world.sound_queues(max_receive_count=50)

        report = examine("queue", world.with_queues(*queues, SQS_MAX_RECEIVE_COUNT="50"))

        assert report.bad() == set()


class TestDeadLetters:
    def test_the_variable_is_not_set(self, world: AwsWorld, examine: Examine) -> None:
        queue, _ = world.sound_queues()

        report = examine("queue", world.with_queues(queue, None))

        assert report.statuses["queue.dead_letters"] == "warn"
        assert "DeadLetterQueueUrl" in report.fixes["queue.dead_letters"]

    def test_there_is_no_such_queue(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()

        report = examine("queue", world.with_queues(queue, f"{dead}-4711.fifo"))

        assert report.one("queue.dead_letters") == ("fail", "there is no queue that AWS_SQS_DLQ_URL names")

    def test_it_is_the_queue_itself(self, world: AwsWorld, examine: Examine) -> None:
        queue, _ = world.sound_queues()

        report = examine("queue", world.with_queues(queue, queue))

        status, found = report.one("queue.dead_letters")
        assert (status, "the same queue" in found) == ("fail", True)

    def test_it_is_another_than_the_queue_uses(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        kept = {"MessageRetentionPeriod": str(14 * DAY)}
        for other in (world.queue("-old.fifo", {"FifoQueue": "true", **kept}), world.queue("-old", kept)):
            report = examine("queue", world.with_queues(queue, other))

            status, found = report.one("queue.dead_letters")
            assert status == "fail"
            assert dead.rpartition("/")[2] in found, "the one that it should be is named"

    def test_a_message_that_waits_there(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        message = {"MessageBody": "what the customer wrote", "MessageGroupId": "3:84", "MessageDeduplicationId": "1"}
        world.aws.client("sqs").send_message(QueueUrl=dead, **message)

        report = examine("queue", world.with_queues(queue, dead))

        assert report.one("queue.dead_letters_waiting") == ("warn", "about 1 message is in the dead-letter queue")
        assert "metta redrive --dry-run" in report.fixes["queue.dead_letters_waiting"]
        assert "customer wrote" not in report.text


class TestRetention:
    def test_messages_that_do_not_outlive_a_weekend(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        world.set(queue, MessageRetentionPeriod=str(6 * 3600))

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.retention")
        assert (status, "6 hours" in found) == ("warn", True)
        assert "1209600" in report.fixes["queue.retention"]

    def test_dead_letters_that_go_before_somebody_sees_them(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        world.set(dead, MessageRetentionPeriod=str(4 * DAY))

        report = examine("queue", world.with_queues(queue, dead))

        assert report.statuses["queue.dead_letters_retention"] == "warn"


class TestAccess:
    def policy(self, world: AwsWorld, url: str, **statement: object) -> None:
        whole = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": world.arn(url)}
        world.set(url, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{**whole, **statement}]}))

    @pytest.mark.parametrize(
        "statement",
        [
            {},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}, "Action": ["sqs:*"]},
            {"Action": "SQS:Send*"},
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Condition": {"StringNotEquals": {"aws:SourceAccount": "111122223333"}}},
        ],
        ids=["*", "AWS *", "one of two", "wildcard", "over TLS", "all but one account"],
    )
    def test_anybody_may_send(self, world: AwsWorld, examine: Examine, statement: dict[str, object]) -> None:
        queue, dead = world.sound_queues()
        self.policy(world, queue, **statement)

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.access")
        assert (status, "anybody send" in found) == ("fail", True)
        assert "Principal" in report.fixes["queue.access"]

    def test_anybody_may_read_dead_letters(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        self.policy(world, dead, Action="sqs:ReceiveMessage")

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.dead_letters_access")
        assert (status, "anybody receive" in found) == ("fail", True)

    @pytest.mark.parametrize(
        "statement",
        [
            {"Principal": {"AWS": "arn:aws:iam::111122223333:role/receiver"}},
            {"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:chatwoot"}}},
            {"Effect": "Deny", "Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Action": "sqs:GetQueueUrl"},
        ],
        ids=["a role", "from one topic", "the template's own", "harmless"],
    )
    def test_a_policy_that_names_who_may(self, world: AwsWorld, examine: Examine, statement: dict[str, object]) -> None:
        queue, dead = world.sound_queues()
        self.policy(world, queue, **statement)

        assert examine("queue", world.with_queues(queue, dead)).bad() == set()
