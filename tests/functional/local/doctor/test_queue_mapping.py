"""Who takes the messages: a function behind an event source mapping, or ``metta worker``."""

from __future__ import annotations

from typing import Any

import pytest

from .aws_world import AwsWorld
from .conftest import Examine, Report


class TestMapping:
    def examined(self, world: AwsWorld, examine: Examine, **changed: Any) -> Report:
        """What is said of a sound queue with a mapping on which this was changed."""
        queue, dead = world.sound_queues()
        world.attach(world.function(), queue, **changed)
        return examine("queue", world.with_queues(queue, dead))

    def test_one_as_the_template_makes_it(self, world: AwsWorld, examine: Examine) -> None:
        report = self.examined(world, examine)

        assert report.bad() == set(), report.found
        assert "skip" not in report.statuses.values()
        assert report.one("queue.visibility")[1] == "360 s, at least six times the function's timeout of 60 s"

    def test_none_is_left_to_the_worker_process(self, world: AwsWorld, examine: Examine) -> None:
        report = examine("queue", world.with_queues(*world.sound_queues()))

        status, found = report.one("queue.mapping")
        assert (status, "metta worker" in found) == ("skip", True)
        assert "queue.visibility" not in report.statuses, "the worker brings its own"

    def test_none_although_messages_wait(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        message = {"MessageBody": "hello", "MessageGroupId": "3:84", "MessageDeduplicationId": "1"}
        world.aws.client("sqs").send_message(QueueUrl=queue, **message)

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.mapping")
        assert (status, "nobody takes them" in found) == ("warn", True)

    def test_one_that_is_switched_off(self, world: AwsWorld, examine: Examine) -> None:
        report = self.examined(world, examine, Enabled=False)

        assert report.statuses["queue.mapping"] == "fail"
        assert "WorkerEnabled=true" in report.fixes["queue.mapping"]

    def test_one_that_is_switched_off_on_purpose(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        world.attach(world.function(), queue, Enabled=False)

        report = examine("queue", world.with_queues(queue, dead, WORKER_ENABLED="false"))

        assert report.statuses["queue.mapping"] == "warn"

    def test_one_that_deletes_what_failed(self, world: AwsWorld, examine: Examine) -> None:
        report = self.examined(world, examine, FunctionResponseTypes=None)

        status, found = report.one("queue.mapping")
        assert (status, "deleted as if it were answered" in found) == ("fail", True)
        assert "ReportBatchItemFailures" in report.fixes["queue.mapping"]

    def test_two_functions_at_one_queue(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        for suffix in ("-worker", "-old"):
            world.attach(world.function(suffix), queue)

        report = examine("queue", world.with_queues(queue, dead))

        status, found = report.one("queue.mapping")
        assert (status, "by chance" in found) == ("fail", True)

    def test_an_old_one_that_is_off_does_not_count(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        world.attach(world.function("-old", timeout=900), queue, Enabled=False)
        world.attach(world.function("-worker"), queue)

        assert examine("queue", world.with_queues(queue, dead)).bad() == set()

    def test_a_filter_that_swallows_messages(self, world: AwsWorld, examine: Examine) -> None:
        report = self.examined(
            world, examine, FilterCriteria={"Filters": [{"Pattern": '{"body": {"event": ["message_created"]}}'}]}
        )

        assert report.statuses["queue.mapping"] == "warn"

    @pytest.mark.parametrize(
        ("changed", "told"), [({"MaximumBatchingWindowInSeconds": 20}, "20 s"), ({"BatchSize": 100}, "100 messages")]
    )
    def test_batches_that_keep_customers_waiting(
        self, world: AwsWorld, examine: Examine, changed: dict[str, Any], told: str
    ) -> None:
        queue = world.queue("")
        world.attach(world.function(timeout=5), queue, **{"MaximumBatchingWindowInSeconds": 1, **changed})

        status, found = examine("queue", world.with_queues(queue, None)).one("queue.batch")

        assert (status, told in found) == ("warn", True)

    def test_no_bound_on_concurrency(self, world: AwsWorld, examine: Examine) -> None:
        report = self.examined(world, examine, ScalingConfig=None)

        assert report.statuses["queue.concurrency"] == "warn"
        assert "MaximumConcurrency" in report.fixes["queue.concurrency"]


class TestReserved:
    @pytest.mark.parametrize(("reserved", "status"), [(10, "ok"), (2, "warn"), (0, "fail")])
    def test_concurrency_of_the_function_beside_the_mapping_s(
        self, world: AwsWorld, examine: Examine, reserved: int, status: str
    ) -> None:
        queue, dead = world.sound_queues()
        function = world.function()
        world.attach(function, queue, ScalingConfig={"MaximumConcurrency": 10})
        client = world.aws.client("lambda")
        client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=reserved)

        report = examine("queue", world.with_queues(queue, dead))

        assert report.statuses["queue.reserved"] == status
        assert report.bad() == ({"queue.reserved"} if status != "ok" else set())

    def test_of_a_function_that_is_attached_by_its_alias(self, world: AwsWorld, examine: Examine) -> None:
        queue, dead = world.sound_queues()
        function, client = world.function(), world.aws.client("lambda")
        version = client.publish_version(FunctionName=function)["Version"]
        client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
        world.attach(f"{function}:live", queue)
        client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)

        report = examine("queue", world.with_queues(queue, dead))

        assert report.statuses["queue.reserved"] == "warn"
        assert report.statuses["queue.visibility"] == "ok"


class TestVisibility:
    @pytest.mark.parametrize(("seconds", "status"), [(30, "fail"), (120, "warn"), (359, "warn"), (360, "ok")])
    def test_beside_the_function_s_timeout(self, world: AwsWorld, examine: Examine, seconds: int, status: str) -> None:
        queue, dead = world.sound_queues()
        world.attach(world.function(timeout=60), queue)
        world.set(queue, VisibilityTimeout=str(seconds))

        report = examine("queue", world.with_queues(queue, dead))

        assert report.statuses["queue.visibility"] == status
        if status != "ok":
            assert "VisibilityTimeout to 360" in report.fixes["queue.visibility"]

    def test_who_may_see_the_mapping_but_not_the_function(self, strict: AwsWorld, examine: Examine) -> None:
        queue, dead = strict.sound_queues()
        strict.attach(strict.function(), queue)
        keys = strict.keys_of_user("sqs:GetQueueAttributes", "lambda:ListEventSourceMappings")

        report = examine("queue", strict.with_queues(queue, dead, **keys))

        assert report.code == 0
        assert report.statuses["queue.mapping"] == "ok"
        status, found = report.one("queue.visibility")
        assert (status, "lambda:GetFunctionConfiguration" in found) == ("skip", True)


class TestWorkerProcess:
    def test_a_visibility_that_a_pause_outlasts(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.with_queues(*world.sound_queues(), SQS_VISIBILITY_TIMEOUT="3")

        report = examine("queue", variables)

        status, found = report.one("queue.worker_visibility")
        assert (status, "SQS_VISIBILITY_TIMEOUT is 3 s" in found) == ("warn", True)

    def test_a_stop_that_breaks_off_calls_of_the_model(self, world: AwsWorld, examine: Examine) -> None:
        variables = world.with_queues(*world.sound_queues(), SHUTDOWN_TIMEOUT_SECONDS="5")

        report = examine("queue", variables)

        assert report.statuses["queue.worker_stop"] == "warn"
        assert "25" in report.fixes["queue.worker_stop"]


def test_the_function_s_own_variables_count_more_than_this_process_s(world: AwsWorld, examine: Examine) -> None:
    queue, dead = world.sound_queues(max_receive_count=50)
    world.attach(world.function(variables={"SQS_MAX_RECEIVE_COUNT": "50"}), queue)

    assert examine("queue", world.with_queues(queue, dead)).bad() == set()
